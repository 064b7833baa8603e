"""Benchmarks are run by hand, so nothing else would tell that one no longer starts."""

from importlib import import_module
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench"
MODULES = sorted(
    ".".join(["tests", "bench", *path.relative_to(BENCH).with_suffix("").parts])
    for path in BENCH.rglob("*.py")
    # runs in an environment of its own: Quix Streams is no part of ours
    if path.name != "quix.py"
)


@pytest.mark.parametrize("name", MODULES)
def test_it_starts(name: str) -> None:
    """All that it takes from the product and from the tests is there."""
    assert import_module(name)
