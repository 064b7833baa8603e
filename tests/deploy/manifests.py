"""The Kubernetes manifests as objects, each with the file it stands in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.compose import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
BASE = FOLDER / "base"
PRODUCTION = FOLDER / "overlays" / "production"

KUSTOMIZATION = "kustomization.yaml"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object, as a file or a build has it."""

    where: str
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.where}:{self.kind}/{self.name}"

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def spec(self) -> dict[str, Any]:
        found = self.body.get("spec", {})
        assert isinstance(found, dict)
        return found

    @property
    def template(self) -> dict[str, Any] | None:
        """What its pods are made from, None if it makes none."""
        return self.spec.get("template")

    @property
    def containers(self) -> list[dict[str, Any]]:
        pod = self.template["spec"] if self.template else {}
        return [*pod.get("initContainers", []), *pod.get("containers", [])]


def parsed(text: str, where: str) -> list[Manifest]:
    return [Manifest(where, body) for body in yaml.safe_load_all(text) if body]


def manifests() -> list[Manifest]:
    """The objects of every file of ours but the kustomizations, as they stand there."""
    return [
        manifest
        for folder in (BASE, PRODUCTION)
        for name in kustomization(folder)["resources"]
        if (folder / name).is_file()
        for manifest in parsed((folder / name).read_text(), name)
    ]


def kustomization(folder: Path) -> dict[str, Any]:
    found = yaml.safe_load((folder / KUSTOMIZATION).read_text())
    assert isinstance(found, dict)
    return found


def generated(folder: Path) -> dict[str, dict[str, str]]:
    """The ConfigMaps that a kustomization makes from files, with their content."""
    made = {}
    for generator in kustomization(folder).get("configMapGenerator", []):
        lines = [line for name in generator.get("envs", []) for line in _lines(folder / name)]
        made[generator["name"]] = {
            **{key: value for key, _, value in (line.partition("=") for line in lines)},
            **{name: (folder / name).read_text() for name in generator.get("files", [])},
        }
    return made


def references(node: Any, kind: str) -> Iterator[dict[str, Any]]:
    """Everything below `node` that a `configMapRef`, a `secretKeyRef`, ... holds."""
    if isinstance(node, dict):
        if isinstance(node.get(kind), dict):
            yield node[kind]
        for value in node.values():
            yield from references(value, kind)
    elif isinstance(node, list):
        for value in node:
            yield from references(value, kind)


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line and line[0] != "#"]
