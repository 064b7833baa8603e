"""Records that come again: where their groups end, and messages that come late."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.partition import PartitionParts
from pipeline.engine.stream import groups


class OneRecord(NamedTuple):
    offset: int


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
