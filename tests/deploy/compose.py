"""Our services of docker-compose.yml, resolved, so that a test can start just them on localhost.

They come in the order in which they may start; one that runs `once` ends before the next. Their
environment names places inside containers: a test puts its own in for SIGNALS_KAFKA,
SIGNALS_CLICKHOUSE_URL, SIGNALS_HTTP, SIGNALS_DATA and SIGNALS_CONFIG (see `native`).
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"

ENTRYPOINT = "signals"
"""Of our image; `test_dockerfile.py` holds it to that."""

SECRETS = {
    "CLICKHOUSE_PASSWORD": "clickhouse-password",
    "GRAFANA_PASSWORD": "grafana-password",
    "READER_PASSWORD": "reader-password",
    "SIGNALS_CONFIG": "definitions.yaml",
}
"""What a person must set, with values that tests recognise."""

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:?)([-?])([^}]*))?\}|(\w+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One of ours: what is started, with which environment, after whom."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    after: frozenset[str]
    once: bool

    def native(self, places: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """Command line and environment for this Python, `places` instead of those of containers."""
        assert places.keys() <= self.environment.keys()
        command = [sys.executable, "-m", "pipeline.cli", *self.command[1:]]
        kept = {name: value for name, value in os.environ.items() if "SIGNALS_" not in name}
        return command, kept | self.environment | dict(places)


class MissingVariableError(Exception):
    """A variable that compose refuses to start without."""


def read(environ: Mapping[str, str] = SECRETS) -> dict[str, Any]:
    """The file as compose sees it: anchors merged, variables of `environ` put in."""
    resolved = _resolved(yaml.safe_load(FILE.read_text()), environ)
    assert isinstance(resolved, dict)
    return resolved


def is_ours(service: Mapping[str, Any]) -> bool:
    return "build" in service


def ours(environ: Mapping[str, str] = SECRETS) -> list[Service]:
    """The services that run our image, in the order in which they may start."""
    services = read(environ)["services"]
    order = TopologicalSorter(
        {name: set(service.get("depends_on", {})) for name, service in services.items()}
    )
    return [
        Service(
            name=name,
            command=(ENTRYPOINT, *services[name]["command"]),
            environment=services[name]["environment"],
            after=frozenset(services[name].get("depends_on", {})),
            once=services[name]["restart"] == "no",
        )
        for name in order.static_order()
        if is_ours(services[name])
    ]


def interpolated(text: str, environ: Mapping[str, str]) -> str:
    """`text` with its variables: $A, ${A}, ${A:-default}, ${A:?message}, $$ for a dollar."""

    def value(found: re.Match[str]) -> str:
        dollar, braced, empty_too, operator, word, bare = found.groups()
        if dollar:
            return "$"
        name = braced or bare
        if environ.get(name) or (name in environ and not empty_too):
            return environ[name]
        if operator == "?":
            raise MissingVariableError(f"{name}: {word}")
        return word if operator == "-" else ""

    return _VARIABLE.sub(value, text)


def _resolved(node: Any, environ: Mapping[str, str]) -> Any:
    match node:
        case dict():
            return {key: _resolved(one, environ) for key, one in node.items()}
        case list():
            return [_resolved(one, environ) for one in node]
        case str():
            return interpolated(node, environ)
    return node
