"""`explain`: what is said about a name or a number, from rows and signals alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import DeliverySignalsError
from pipeline.notify.explain import as_dict, explain, lines
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import migrate
from tests.store.rows import clear, fill

CASES = yaml.safe_load((Path(__file__).parent / "explain.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("store")) as opened:
        migrate(opened)
        yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["claim"][:60])
def test_explain_says(store: Store, case: dict[str, Any]) -> None:
    """The whole text of the example, or its lines where it names some, or how it fails."""
    clear(store)
    fill(store, case.get("rows", {}))
    about = case["about"].split("|")
    if "fails" in case:
        with pytest.raises(DeliverySignalsError) as error:
            explain(store, about)
        assert str(error.value) == case["fails"]
        return
    found = explain(store, about)
    text = "\n".join(lines(found))
    if "text" in case:
        assert text + "\n" == case["text"]
    said = iter(text.splitlines())
    for expected in case.get("says", ()):
        assert any(expected in line for line in said), f"{expected}\n\n{text}"
    for forbidden in case.get("never", ()):
        assert forbidden not in text
    assert as_dict(found)["text"] == text.splitlines()[0].split(" [")[0].split(" http")[0]
