"""The manifests are what Kubernetes takes, agree with each other, and with the program."""

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest

from pipeline.config import Settings, variable
from pipeline.definitions import check_definitions
from tests.deploy.commands import refusal, unknown_settings
from tests.deploy.images import OUR_IMAGE, pinned
from tests.deploy.manifests import (
    BASE,
    FOLDER,
    KUSTOMIZATION,
    PRODUCTION,
    Manifest,
    generated,
    kustomization,
    manifests,
    parsed,
    references,
)

ALL = manifests()
WORKERS = ["parse", "react", "store"]

VERSIONS = ("1.32", "1.37")
"""The oldest Kubernetes that is still run somewhere, and the newest whose schema is at hand."""

SECRETS = {"signals-secrets": {"clickhouse-url", "kafka-security", "salt"}}
"""What a person must create; the overlay says how."""

each = pytest.mark.parametrize("manifest", ALL, ids=str)
each_with_pods = pytest.mark.parametrize(
    "manifest", [one for one in ALL if one.template], ids=str
)


def of(kind: str, name: str) -> Manifest:
    (found,) = [one for one in ALL if (one.kind, one.name) == (kind, name)]
    return found


def refused(manifest: Manifest) -> bool:
    try:
        for version in VERSIONS:
            kubernetes_validate.validate(manifest.body, version, strict=True)
    except kubernetes_validate.ValidationError:
        return True
    return False


@each
def test_schema(manifest: Manifest) -> None:
    """Kubernetes knows the kind, its version and every field; one field more and it would not."""
    assert not refused(manifest)
    wrong = copy.deepcopy(manifest.body)
    wrong["metadata"]["nmae"] = "x"
    assert refused(Manifest("", wrong))


@pytest.mark.parametrize("folder", [BASE, PRODUCTION], ids=lambda folder: folder.name)
def test_listed(folder: Path) -> None:
    """A kustomization lists exactly the files beside it, and folders that have one."""
    made = kustomization(folder)
    files = [name for name in made["resources"] if not name.startswith("..")]
    for generator in made["configMapGenerator"]:
        files += generator.get("envs", []) + generator.get("files", [])
    assert sorted([*files, KUSTOMIZATION]) == sorted(file.name for file in folder.iterdir())
    for name in set(made["resources"]) - set(files):
        assert (folder / name / KUSTOMIZATION).is_file()


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl builds the overlay")
def test_build() -> None:
    """The overlay builds, is valid too, has two workers of each kind, and settles every name."""
    command = ["kubectl", "kustomize", PRODUCTION]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    built = parsed(text, "production")
    assert not any(map(refused, built))
    scaled = [one for one in built if one.kind == "HorizontalPodAutoscaler"]
    assert [one.spec["minReplicas"] for one in scaled] == [2, 2, 2]
    made = {one.name for one in built if one.kind == "ConfigMap"}
    used = {ref["name"] for one in built for ref in references(one.body, "configMapRef")}
    used |= {ref["name"] for one in built for ref in references(one.body, "configMap")}
    assert made == used
    images = {container["image"] for one in built for container in one.containers}
    assert images == {f"registry.example.com/{OUR_IMAGE}"}


@each_with_pods
def test_commands(manifest: Manifest) -> None:
    """Every container runs our image with a command that the program knows."""
    for container in manifest.containers:
        assert container["image"] == OUR_IMAGE
        assert refusal(container["args"]) is None


def test_image() -> None:
    """The overlay puts the same version in the place of the image."""
    (image,) = kustomization(PRODUCTION)["images"]
    assert f"{image['name']}:{image['newTag']}" == OUR_IMAGE
    assert pinned(f"{image['newName']}:{image['newTag']}")


@each_with_pods
def test_settings(manifest: Manifest) -> None:
    """Every setting of a container is known, and the values that stand here are accepted."""
    for settings in (BASE, PRODUCTION):
        given = generated(BASE)["signals-settings"] | generated(settings)["signals-settings"]
        loaded = Settings.load(given)
        assert loaded.kafka == given["SIGNALS_KAFKA"]
        for container in manifest.containers:
            assert container["envFrom"] == [{"configMapRef": {"name": "signals-settings"}}]
            names = [one["name"] for one in container["env"]]
            assert not unknown_settings([*names, *given])
            assert {variable("clickhouse_url"), variable("salt")} <= set(names)


def test_settings_named() -> None:
    """No variable of ours stands in any file here, comments too, that no setting has."""
    for file in FOLDER.rglob("*.*"):
        assert not unknown_settings(re.findall(r"SIGNALS_\w+", file.read_text())), file


@each_with_pods
def test_references(manifest: Manifest) -> None:
    """A ConfigMap that is used is generated, a Secret that is used is one a person is told of."""
    made = generated(BASE) | generated(PRODUCTION)
    for kind in ("configMapRef", "configMap", "configMapKeyRef"):
        for used in references(manifest.body, kind):
            assert used["name"] in made
    told = (PRODUCTION / KUSTOMIZATION).read_text()
    keys = [(used["name"], used["key"]) for used in references(manifest.body, "secretKeyRef")]
    for used in references(manifest.body, "secret"):
        keys += [(used["secretName"], item["key"]) for item in used["items"]]
    assert {name: {key for _, key in keys} for name, _ in keys} == SECRETS
    for name, key in keys:
        assert f"create secret generic {name}" in told
        assert f"--from-file={key}" in told


def test_no_secret() -> None:
    """No Secret is written down here, and no value where a Secret is meant."""
    assert "Secret" not in {one.kind for one in ALL}
    for one in ALL:
        for container in one.containers:
            assert all("valueFrom" in entry for entry in container["env"])


@each_with_pods
def test_hardened(manifest: Manifest) -> None:
    """Pods are no root, cannot write but to their volumes, and say what they need."""
    assert manifest.template
    pod = manifest.template["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in manifest.containers:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"]["memory"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert set(mounts.values()) <= volumes
        settings = generated(BASE)["signals-settings"]
        assert mounts[settings["SIGNALS_DATA"]] == "data"
        assert mounts[settings["SIGNALS_CONFIG"]] == "definitions"


@pytest.mark.parametrize("worker", WORKERS)
def test_worker(worker: str) -> None:
    """A worker is selected, probed, scaled and protected by what names it and nothing else."""
    deployment = of("Deployment", f"signals-{worker}")
    assert deployment.template
    labels = deployment.template["metadata"]["labels"]
    budget = of("PodDisruptionBudget", f"signals-{worker}")
    for selector in (deployment.spec["selector"], budget.spec["selector"]):
        assert selector["matchLabels"].items() <= labels.items()
        others = [one for one in ALL if one.template and one != deployment]
        for other in others:
            assert other.template
            found = other.template["metadata"]["labels"]
            assert not selector["matchLabels"].items() <= found.items()

    (container,) = deployment.containers
    assert container["args"] == ["worker", "--only", worker]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    paths = {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    for probe, path in paths.items():
        asked = container[f"{probe}Probe"]["httpGet"]
        assert asked["path"] == path
        assert asked["port"] in ports
    address = generated(BASE)["signals-settings"]["SIGNALS_HTTP"]
    assert address == f"0.0.0.0:{ports['http']}"

    scaler = of("HorizontalPodAutoscaler", f"signals-{worker}")
    target = scaler.spec["scaleTargetRef"]
    assert of(target["kind"], target["name"]) == deployment
    assert target["apiVersion"] == deployment.body["apiVersion"]
    assert scaler.spec["maxReplicas"] == Settings.model_fields["kafka_partitions"].default
    (metric,) = scaler.spec["metrics"]
    assert metric["external"]["metric"]["selector"]["matchLabels"] == {"stage": worker}
    assert "replicas" not in deployment.spec  # or each `apply` would undo the scaling


def test_alike() -> None:
    """The workers differ in name, stage, resources and allowed lag only."""

    def neutral(worker: str) -> list[str]:
        bodies = [copy.deepcopy(one.body) for one in ALL if one.name == f"signals-{worker}"]
        for body in bodies:
            if body["kind"] == "Deployment":
                del body["spec"]["template"]["spec"]["containers"][0]["resources"]
            if body["kind"] == "HorizontalPodAutoscaler":
                del body["spec"]["metrics"][0]["external"]["target"]["averageValue"]
        return [json.dumps(body).replace(worker, "WORKER") for body in bodies]

    assert len(neutral("parse")) == 3
    assert neutral("parse") == neutral("react") == neutral("store")


def test_definitions() -> None:
    """The definitions that a copy of the overlay starts from have no problem."""
    assert check_definitions(PRODUCTION / "definitions.yaml") == []
