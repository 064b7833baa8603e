"""docker-compose.yml can be started, and starts only what exists, safely."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.config import Settings
from tests.deploy import compose
from tests.deploy.commands import refusal, unknown_settings
from tests.deploy.compose import (
    SECRETS,
    MissingVariableError,
    interpolated,
    is_ours,
    ours,
    read,
)
from tests.deploy.images import HEALTHCHECK, OUR_IMAGE, pinned

SERVICES = read()["services"]

README = compose.ROOT / "README.md"


def schema_accepts(file: Path) -> bool:
    """Whether the schema of the compose specification, which check-jsonschema carries, does."""
    module = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([sys.executable, *module, file], capture_output=True, check=False)
    return checked.returncode == 0


def test_schema(tmp_path: Path) -> None:
    """The file is one by the compose specification; the same with a misspelt key is not."""
    assert schema_accepts(compose.FILE)
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(compose.FILE.read_text().replace("stop_grace_period:", "stop_grace:"))
    assert not schema_accepts(broken)


@pytest.mark.parametrize("service", ours(), ids=lambda service: service.name)
def test_command(service: compose.Service) -> None:
    """Each of our services runs a command that the program knows, with options it has."""
    assert service.command[0] == "signals"
    assert refusal(service.command[1:]) is None


def test_readme() -> None:
    """What the README runs in a service is a command too."""
    told = re.findall(r"docker compose run --rm (\w+) ([^#\n]+)", README.read_text())
    assert told
    for name, command in told:
        assert is_ours(SERVICES[name])
        assert refusal(command.split()) is None


@pytest.mark.parametrize(
    "wrong", [("frobnicate",), ("migrate", "--fast"), ("migrate", "now"), ("config", "chek")]
)
def test_wrong_command(wrong: tuple[str, ...]) -> None:
    """An unknown command, option or argument would be noticed."""
    assert refusal(wrong)


@pytest.mark.parametrize("service", ours(), ids=lambda service: service.name)
def test_settings(service: compose.Service) -> None:
    """Every setting of our services is known, and its value is accepted."""
    assert not unknown_settings(list(service.environment))
    settings = Settings.load(service.environment)
    assert not settings.embedded
    assert settings.kafka == "kafka:9092"


def test_settings_named() -> None:
    """No variable of ours stands anywhere in the file, comments too, that no setting has."""
    assert not unknown_settings(re.findall(r"SIGNALS_\w+", compose.FILE.read_text()))
    assert unknown_settings(["SIGNALS_KAFKA", "SIGNALS_KAFAK"]) == {"SIGNALS_KAFAK"}


def test_order() -> None:
    """Topics and schema are there before any worker starts, and end before it does."""
    started = ours()
    once = {service.name for service in started if service.once}
    assert once == {"topics", "migrate"}
    assert {service.name for service in started[:2]} == once
    for service in started[2:]:
        assert service.after == once
        for name in once:
            condition = SERVICES[service.name]["depends_on"][name]["condition"]
            assert condition == "service_completed_successfully"


@pytest.mark.parametrize("name", SERVICES)
def test_hardened(name: str) -> None:
    """Each service is pinned, bounded in memory, no root, without capabilities, and watched."""
    service = SERVICES[name]
    assert pinned(service["image"])
    assert int(service["user"].split(":")[0]) > 0
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    if service["restart"] == "no":
        assert service["healthcheck"] == {"disable": True}  # the exit code tells
    elif is_ours(service):
        assert "healthcheck" not in service
        assert HEALTHCHECK
    else:
        assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", [name for name, one in SERVICES.items() if is_ours(one)])
def test_ours(name: str) -> None:
    """Ours run from one image that is built here, and cannot write but to their volumes."""
    service = SERVICES[name]
    assert service["image"] == OUR_IMAGE
    assert service["read_only"]
    assert (compose.ROOT / service["build"]["dockerfile"]).is_file()

    targets = {volume["target"] for volume in service["volumes"] if isinstance(volume, dict)}
    targets |= {
        volume.split(":")[1] for volume in service["volumes"] if isinstance(volume, str)
    }
    assert {
        service["environment"][name] for name in ("SIGNALS_CONFIG", "SIGNALS_DATA")
    } == targets


def test_native(tmp_path: Path) -> None:
    """A service starts on this machine as it stands; without ClickHouse it says so in a line."""
    (migrate,) = [service for service in ours() if service.name == "migrate"]
    with socket.socket() as nobody:  # bound, but not listening
        nobody.bind(("127.0.0.1", 0))
        url = f"http://signals:clickhouse-password@127.0.0.1:{nobody.getsockname()[1]}"
        places = {"SIGNALS_CLICKHOUSE_URL": url, "SIGNALS_DATA": str(tmp_path)}
        command, environment = migrate.native(places)
        ended = subprocess.run(
            command,
            env=environment,
            cwd=compose.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert re.fullmatch(r"error: ClickHouse at \S+ does not answer: .*\n", ended.stderr)
    assert "clickhouse-password" not in ended.stderr


def test_references() -> None:
    """What a service depends on and mounts exists, and nothing is left over."""
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if isinstance(volume, str)
    }
    folders = {volume for volume in named if volume.startswith("./")}
    assert all((compose.ROOT / folder).is_dir() for folder in folders)
    assert named - folders == set(read()["volumes"])
    for service in SERVICES.values():
        for name, needed in service.get("depends_on", {}).items():
            watched = SERVICES[name].get("healthcheck", {"disable": True})
            assert ("test" in watched) == (needed["condition"] == "service_healthy")


def test_only_here() -> None:
    """What is published to the machine is published on its loopback only."""
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("name", SECRETS)
def test_required(name: str) -> None:
    """Without a password, or without definitions, nothing starts."""
    with pytest.raises(MissingVariableError, match=name):
        read({key: value for key, value in SECRETS.items() if key != name})
    with pytest.raises(MissingVariableError, match=name):
        read(SECRETS | {name: ""})


def test_no_secret() -> None:
    """Whatever is called a password comes from the environment, and lands where it is meant to."""
    raw = yaml.safe_load(compose.FILE.read_text())["services"]
    for service in raw.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN", key):
                assert value.startswith("${"), key
    url = "http://signals:clickhouse-password@clickhouse:8123"
    assert all(service.environment["SIGNALS_CLICKHOUSE_URL"] == url for service in ours())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a$$b", "a$b"),
        ("$A ${A}", "1 1"),
        ("${B}", ""),
        ("${B:-x, y: z}", "x, y: z"),
        ("${A:-x}${A-x}${A:?x}", "111"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${EMPTY?x}", ""),
    ],
)
def test_interpolation(text: str, value: str) -> None:
    """Variables are put in as compose does."""
    assert interpolated(text, {"A": "1", "EMPTY": ""}) == value
