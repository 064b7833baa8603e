"""An engine whose rows stay in memory: so cheap to run that a property can try it thousands of times.

What a view shows is a function of the last row per key; the runs of `test_order.py` that go
through a real store check that nothing else matters.
"""

import datetime as dt
import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pipeline.core.calendar import to_instant
from pipeline.core.rows import (
    TABLES,
    GoalProgressRow,
    Gone,
    PublishedRow,
    RejectionRow,
    Row,
    SourceDayRow,
    key_of,
)
from pipeline.engine import local
from pipeline.engine.decode import Decoded, decode
from pipeline.engine.local import LocalEngine
from tests.engine.histories import UNTIL, organisation

ARRIVAL: dict[type[Any], set[str]] = {
    GoalProgressRow: {"movement", "restatement"},
    SourceDayRow: {"duplicates", "late", "too_late"},
}
"""Fields that are about arrival; rows of PublishedRow and RejectionRow are so altogether."""


class Memory:
    """Store and writer in one: of rows with equal keys the last one holds."""

    def __init__(self) -> None:
        self.held: dict[tuple[type[Any], tuple[Any, ...]], Row] = {}
        self.archive: dict[tuple[str, str], tuple[Any, ...]] = {}

    def write(
        self, rows: Iterable[tuple[int, Row]], gone: Iterable[tuple[int, Gone]], token: str
    ) -> None:
        for _, (row_type, key) in gone:
            self.held.pop((row_type, tuple(key)), None)
        for _, row in rows:
            self.held[key_of(row)] = row

    def signals(self, *, version: Sequence[int], token: str, **columns: Sequence[Any]) -> None:
        names = ("source", "id", "type", "time", "recorded_at", "subject", "body")
        for row in zip(*(columns[name] for name in names), strict=True):
            self.archive[row[0], row[1]] = row

    def rows(
        self, sql: str, parameters: Mapping[str, str], *, formats: object
    ) -> list[dict[str, Any]]:
        assert "SELECT body" in sql
        row = self.archive[parameters["source"], parameters["id"]]
        return [{"body": row[-1], "received": row[4]}]

    def table(self) -> dict[str, dict[str, Any]]:
        """What there is to see, without what is about arrival: row to its cells."""
        found: dict[str, dict[str, Any]] = {}
        for (row_type, key), row in self.held.items():
            if row_type in (PublishedRow, RejectionRow):
                continue
            hidden = ARRIVAL.get(row_type, set())
            cells = {k: v for k, v in row._asdict().items() if k not in hidden}
            found[f"{TABLES[row_type][0]} {' '.join(map(str, key))}"] = cells
        for (source, id), row in self.archive.items():
            found[f"signals {source} {id}"] = {"time": row[3], "recorded_at": row[4]} | {
                "body": row[6]
            }
        return found


@contextmanager
def engine(data: Path, memory: Memory) -> Iterator[LocalEngine]:
    with patch.object(local, "Writer", lambda store: store):
        opened = LocalEngine(data, memory)  # type: ignore[arg-type]
    with opened:
        yield opened


def differences(
    first: dict[str, dict[str, Any]], second: dict[str, dict[str, Any]]
) -> list[str]:
    """Every cell that differs, in words."""
    found: list[str] = []
    for name in sorted(first.keys() | second.keys()):
        a, b = first.get(name), second.get(name)
        if a is None or b is None:
            found.append(f"{name}: only in the {'second' if a is None else 'first'}: {a or b}")
            continue
        found += [
            f"{name}.{cell}: {a[cell]!r} != {b[cell]!r}" for cell in a if a[cell] != b[cell]
        ]
    return found


LONG = 2**62


def play(
    lines: Iterable[bytes],
    portions: Sequence[tuple[int, bool]] = (),
    until: dt.datetime = UNTIL,
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
                    opened.tick(opened.newest if sizes else to_instant(until))
                    opened.flush()
    return memory.table()
