"""Records that come again: where their groups end, and messages that come late."""

from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.rows import ClockRow
from pipeline.engine import wire
from pipeline.engine.partition import PartitionParts
from pipeline.engine.stored import encode_rows
from pipeline.engine.stream import _write, groups


class OneRecord(NamedTuple):
    offset: int


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 9), st.integers(0, 9), st.integers(-1, 9), st.integers(0, 9))
def test_groups_end_where_they_ended(first: int, more: int, done: int, ahead: int) -> None:
    """What is not done comes whole and in order, and the group that was begun ends as it did."""
    run = tuple(OneRecord(n) for n in range(first, first + more + 1))
    begun = done + ahead
    found = groups(run, done, begun)  # type: ignore[arg-type]
    assert [r.offset for group in found for r in group] == [
        r.offset for r in run if r.offset > done
    ]
    assert all(found)
    for group in found:
        assert group[-1].offset <= begun or group[0].offset > begun


def test_late_message() -> None:
    """A message that is older than the newest of its sender is not heard, after a crash too."""
    log: dict[bytes, bytes] = {}
    parts = PartitionParts(log)
    assert parts.hears(3, 20)
    assert parts.hears(3, 20)
    assert parts.hears(4, 1)
    parts.begin(0)
    parts.commit(0, 0)
    for known in (parts, PartitionParts(log)):
        assert not known.hears(3, 19)
        assert known.hears(3, 21)


def test_place_outlives_a_crash() -> None:
    """It is known which records state contains, and where the group ends that was begun."""
    log: dict[bytes, bytes] = {}
    parts = PartitionParts(log)
    assert (parts.done, parts.begun) == (-1, -1)
    parts.begin(7)
    assert (PartitionParts(log).done, PartitionParts(log).begun) == (-1, 7)
    parts.commit(0, 0)
    assert (PartitionParts(log).done, PartitionParts(log).begun) == (7, 7)


class Written:
    """A writer that only remembers."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Any]] = []
        self.archived: list[tuple[str, int]] = []

    def write(self, rows: list[tuple[int, Any]], gone: list[Any], token: str) -> None:
        self.rows += rows

    def signals(self, *, id: tuple[str, ...], version: tuple[int, ...], **columns: Any) -> None:
        self.archived += zip(id, version, strict=True)


def shipped(version: int, at: int, name: str = "clock") -> wire.Shipment:
    archived = wire.Archived("s", f"{at}", "t", at, at, "", b"{}")
    return wire.Shipment(version, encode_rows([ClockRow(name, at)], []), [archived])


def test_late_shipment() -> None:
    """What a frozen worker ships late never stands over what its successor ships, or has shipped."""
    writer = Written()
    late = [shipped(8, 1), shipped(9, 2, "other"), shipped(7, 5), shipped(8, 4, "other")]
    _write(writer, late, "token")  # type: ignore[arg-type]
    assert writer.rows == [(8, ClockRow("clock", 1)), (9, ClockRow("other", 2))]
    assert writer.archived == [("1", 8), ("2", 9), ("5", 7), ("4", 8)]
    _write(writer, [shipped(9, 6), shipped(9, 7)], "token")  # type: ignore[arg-type]
    assert writer.rows[2:] == [(9, ClockRow("clock", 7))]
