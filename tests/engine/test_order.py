"""Order: the views are a function of the facts, however those arrive (semantics 4.6)."""

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.core.calendar import to_instant
from pipeline.engine.decode import Decoded, decode
from tests.engine.histories import ORGANISATION, START, UNTIL, History, histories, line
from tests.engine.memory import Memory, differences, engine

LONG = 2**62


def organisation() -> list[bytes]:
    """The definitions that a configuration brings before anything else."""
    return [
        line(
            {
                "id": record["id"],
                "source": "config",
                "type": "record.defined",
                "time": START.isoformat(),
                "data": record,
            }
        )
        for record in ORGANISATION
    ]


def run(
    lines: Sequence[bytes], portions: Sequence[tuple[int, bool]] = ()
) -> dict[str, dict[str, Any]]:
    """Take lines in, in portions, and say what there is to see at the end."""
    memory = Memory()
    left = iter([*organisation(), *lines])
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        sizes = [*portions, (LONG, False)]
        while sizes:
            with engine(data, memory) as opened:
                anew = False
                while sizes and not anew:
                    size, anew = sizes.pop(0)
                    for body in itertools.islice(left, size):
                        decoded = decode(body, 0, LONG)
                        assert isinstance(decoded, Decoded), decoded
                        opened.take(decoded)
                    opened.tick(opened.newest if sizes else to_instant(UNTIL))
                    opened.flush()
    return memory.table()


def check(history: History) -> None:
    places = range(len(history.signals))
    plain = run([history.line(n) for n in places])
    other = run([history.line(n) for n in history.arrival], history.portions)
    found = differences(plain, other)
    assert not found, "\n".join(["", *found[:40], repr(history)])


@given(histories())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_arrival_gives_the_same_rows(history: History) -> None:
    """In any order, any portions, with copies and conflicting copies, the rows are the same."""
    check(history)


@pytest.mark.prove
@given(histories(most=60))
@settings(max_examples=6000, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_arrival_gives_the_same_rows_at_length(history: History) -> None:
    """The same, tried for minutes."""
    check(history)
