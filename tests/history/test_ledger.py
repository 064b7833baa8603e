"""Every golden number is asserted by a test that exists, or listed with the reason why not."""

import json
from pathlib import Path

import pytest

from tests.history import golden
from tests.history.ledger import LEDGER, entry, paths

HERE = Path(__file__).parent

NAMED = {"views", "views.*.skipped_minors", "views.*.consumer_lag"}
"""Where keys of golden.json are views and consumers."""


@pytest.mark.parametrize(
    ("history", "module"),
    [
        ("controller-runtime", "test_controller_runtime"),
        ("ietf", "test_ietf"),
        ("kafka", "test_kafka_log"),
    ],
)
def test_what_is_said_to_be_asserted_is(history: str, module: str) -> None:
    """The ledger names tests that exist."""
    text = (HERE / f"{module}.py").read_text(encoding="utf-8")
    for test in LEDGER[history]["answered"].values():
        assert f"\ndef {test}(" in text


def test_every_number_of_controller_runtime_is_in_the_ledger(corpus: Path) -> None:
    """Each value of golden.json has an entry, and no entry is without values."""
    numbers = json.loads((corpus / "golden.json").read_text(encoding="utf-8"))
    ledger = LEDGER["controller-runtime"]
    entries = [*ledger["answered"], *ledger["unanswered"]]
    assert len(set(entries)) == len(entries)
    found = {path: entry(path, entries) for path in paths(numbers, NAMED)}
    assert [path for path, one in found.items() if one is None] == []
    assert set(found.values()) == set(entries)


def test_every_column_of_the_five_archives_is_in_the_ledger(corpora: Path) -> None:
    """Each column of the corpora's table has an entry, and no entry is without a column."""
    for columns in golden.table(corpora).values():
        assert LEDGER["ietf"]["answered"].keys() | LEDGER["ietf"]["unanswered"] == set(columns)


def test_every_number_of_kafka_is_in_the_ledger(corpora: Path) -> None:
    """Each number of the corpora's paragraph has an entry."""
    assert len(golden.kafka(corpora)) == len(LEDGER["kafka"]["answered"])


def test_every_history_says_what_was_supplied(corpora: Path) -> None:
    """Inferred and supplied figures are told apart for every history."""
    histories = {"controller-runtime", "apache/kafka", *golden.table(corpora)}
    assert set(LEDGER["figures"]) == histories
