"""Order: the views are a function of the facts, however those arrive (semantics 4.6)."""

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard
from hypothesis import HealthCheck, Phase, given, settings

from pipeline.engine.replay import replay
from pipeline.history import history as real_history
from tests.engine.everything import assert_same, everything
from tests.engine.histories import UNTIL, History, histories, organisation
from tests.engine.memory import differences, play

ALL = list(HealthCheck)
CASES = yaml.safe_load((Path(__file__).parent / "order.yaml").read_text())


def check(history: History) -> None:
    places = range(len(history.signals))
    plain = play([history.line(n) for n in places])
    other = play([history.line(n) for n in history.arrival], history.portions)
    found = differences(plain, other)
    assert not found, "\n".join(["", *found[:40], repr(history)])


@pytest.mark.parametrize("case", CASES, ids=[case["claim"] for case in CASES])
def test_what_was_found_stays_mended(case: dict[str, Any]) -> None:
    """A counter-example of the property below, made small."""
    check(History(case["signals"], case["arrival"], case.get("portions", [])))


@given(histories())
@settings(max_examples=50, deadline=None, suppress_health_check=ALL)
def test_any_arrival_gives_the_same_rows(history: History) -> None:
    """In any order, any portions, with copies and conflicting copies, the rows are the same."""
    check(history)


@pytest.mark.prove
@given(histories(most=60))
@settings(max_examples=3000, deadline=None, suppress_health_check=ALL)
def test_any_arrival_gives_the_same_rows_at_length(history: History) -> None:
    """The same, tried for minutes."""
    check(history)


def in_views(history: History, folder: Path) -> None:
    """The same through files, replays and the views of a real store."""
    begin = b"\n".join([*organisation(), b""])
    (folder / "plain.ndjson").write_bytes(
        begin + b"".join(history.line(n) + b"\n" for n in range(len(history.signals)))
    )
    replay([folder / "plain.ndjson"], folder / "plain", until=UNTIL.isoformat())
    other = [history.line(n) for n in history.arrival]
    files = [folder / f"{n}.ndjson" for n in range(3)]
    for n, file in enumerate(files):
        part = other[len(other) * n // 3 : len(other) * (n + 1) // 3]
        file.write_bytes((begin if n == 0 else b"") + b"".join(one + b"\n" for one in part))
    replay(files[:1], folder / "other", until=UNTIL.isoformat())
    replay(files, folder / "other", until=UNTIL.isoformat())
    assert_same(everything(folder / "plain"), everything(folder / "other"))


@given(histories())
@settings(max_examples=1, deadline=None, phases=[Phase.generate], suppress_health_check=ALL)
def test_any_arrival_gives_the_same_views(history: History) -> None:
    """In three files, in two replays, the public views of a real store are the same."""
    with tempfile.TemporaryDirectory() as folder:
        in_views(history, Path(folder))


@pytest.mark.prove
@given(histories(most=40))
@settings(max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=ALL)
def test_any_arrival_gives_the_same_views_at_length(history: History) -> None:
    """The same, tried for minutes."""
    with tempfile.TemporaryDirectory() as folder:
        in_views(history, Path(folder))


@pytest.mark.prove
def test_a_real_history_may_arrive_in_any_order(tmp_path: Path) -> None:
    """Eight years of a library, shuffled and in five files: the views are the same."""
    found = real_history("controller-runtime")
    packed = found.signals.read_bytes()
    lines = zstandard.ZstdDecompressor().stream_reader(packed).readall()
    shuffled = lines.splitlines(keepends=True)
    random.Random(1).shuffle(shuffled)
    files = [tmp_path / f"{n}.ndjson" for n in range(5)]
    for n, file in enumerate(files):
        file.write_bytes(b"".join(shuffled[n::5]))
    replay([found.signals], tmp_path / "sorted", found.config, found.until)
    replay(files, tmp_path / "shuffled", found.config, found.until)
    assert_same(everything(tmp_path / "sorted"), everything(tmp_path / "shuffled"))
