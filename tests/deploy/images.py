"""The Dockerfile as instructions, and when an image counts as pinned."""

import json
import re
import tomllib
from typing import NamedTuple

from tests.deploy.compose import ROOT

DOCKERFILE = ROOT / "deploy" / "Dockerfile"

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

OUR_IMAGE = f"delivery-signals:{VERSION}"


class Instruction(NamedTuple):
    name: str
    value: str


def instructions() -> list[Instruction]:
    """Without comments, continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines() if line]


def stages() -> list[list[Instruction]]:
    """From one FROM to the next; the last one is what runs."""
    found: list[list[Instruction]] = []
    for one in instructions():
        if one.name == "FROM":
            found.append([])
        found[-1].append(one)
    return found


def pinned(image: str) -> bool:
    """Whether the tag is a full version: three numbers at least."""
    return bool(re.fullmatch(r"[^:\s]+:\d+\.\d+\.\d+[\w.-]*", image))


def _healthcheck() -> list[str]:
    (check,) = [one.value for one in stages()[-1] if one.name == "HEALTHCHECK"]
    command = json.loads(check.partition("CMD")[2])
    assert isinstance(command, list)
    return command


HEALTHCHECK = _healthcheck()
"""What the engine runs inside the container, again and again."""
