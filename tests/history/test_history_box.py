"""The real history in the box."""

import json
import re
from pathlib import Path

import pytest
import yaml
import zstandard

from pipeline.errors import UsageError
from pipeline.history import UNTIL, derive, history, release_lines
from pipeline.history.corpus import NAME

MOST = 300_000
"""Bytes that a history may take in the package."""

NAMES = sorted(UNTIL)


def unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read()


@pytest.mark.parametrize("name", NAMES)
def test_a_history_is_found_by_its_name(name: str) -> None:
    """Signals and definitions are there, small, and end when the history says."""
    found = history(name)
    assert found.signals.stat().st_size <= MOST
    times = [json.loads(line)["time"] for line in unpacked(found.signals).splitlines()]
    assert times == sorted(times)
    assert times[-1] <= found.until
    assert yaml.safe_load(found.config.read_text(encoding="utf-8"))["subjects"]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """The error says what to ask for."""
    with pytest.raises(UsageError, match="controller-runtime"):
        history("nothing")


def test_where_it_comes_from_is_said() -> None:
    """Origin and licence travel with the data."""
    said = (history("controller-runtime").signals.parent / "SOURCE.txt").read_text("utf-8")
    assert "Apache-2.0" in said


def test_the_box_is_what_the_script_derives(corpus: Path) -> None:
    """Nobody edits the data by hand."""
    found = history(NAME)
    assert unpacked(found.signals) == derive.lines(derive.events(corpus))
    definitions = yaml.safe_load(found.config.read_text(encoding="utf-8"))
    assert definitions == release_lines.definitions(corpus)


def test_no_signal_names_a_person_or_an_address() -> None:
    """Titles are the only copied text."""
    text = unpacked(history(NAME).signals).decode()
    assert re.findall(r"[\w.+-]+@[\w-]+\.[a-z]{2,}|(?<![\w/])@[a-z]\w+", text) == []
