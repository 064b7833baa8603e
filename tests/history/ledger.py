"""The ledger of golden numbers: asserted by which test, or not to be answered and why."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

LEDGER: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("ledger.yaml").read_text(encoding="utf-8")
)


def paths(value: Any, named: Collection[str], path: str = "") -> Iterator[str]:
    """The path of every value in a tree; below the paths in `named` keys are data: `*`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            step = "*" if path in named else key
            yield from paths(inner, named, f"{path}.{step}" if path else step)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from paths(inner, named, f"{path}[]")
    else:
        yield path


def entry(path: str, entries: Collection[str]) -> str | None:
    """The longest of the entries that stands for a path."""
    above = [one for one in entries if f"{path}.".startswith((f"{one}.", f"{one}["))]
    return max(above, key=len, default=None)
