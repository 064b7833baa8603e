"""The digest: which line says what, in which order, from rows alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.notify.digest import digest
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import migrate
from tests.store.rows import clear, fill

CASES = yaml.safe_load((Path(__file__).parent / "digest.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("store")) as opened:
        migrate(opened)
        yield opened


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["claim"][:60])
def test_the_digest_says(store: Store, case: dict[str, Any]) -> None:
    """The lines of the example, in their order, and none that must not be there."""
    clear(store)
    fill(store, case["rows"])
    said = digest(store)
    lines = iter(words(line) for line in said.splitlines())
    for expected in case["says"]:
        assert any(words(expected) in line for line in lines), f"{expected}\n\n{said}"
    for forbidden in case.get("never", ()):
        assert forbidden not in said
    assert said[0].isdigit()
