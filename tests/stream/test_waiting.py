"""What waits is taken together: whole, in order, and never more than is held at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import pytest

from pipeline.engine.app import BUFFERED_RUNS
from pipeline.engine.transport import GuardedConsumer
from pipeline.engine.waiting import Taken, Waiting
from tests.stream.loops import in_loop

TASKS: list[asyncio.Task[None]] = []
"""Or the loop would let go of them."""


class OneRecord(NamedTuple):
    offset: int
    value: bytes = b"x"


class Message(NamedTuple):
    partition: int
    generation_id: int


class Event(NamedTuple):
    """An event of the guarded transport, as far as anybody looks at it here."""

    message: Message
    value: tuple[OneRecord, ...]


def event(partition: int, offsets: Sequence[int], generation: int = 1) -> Event:
    return Event(Message(partition, generation), tuple(map(OneRecord, offsets)))


async def source(events: Sequence[Event], read: list[Event]) -> AsyncIterator[Any]:
    for one in events:
        read.append(one)
        yield one
    await asyncio.Event().wait()


async def holding(events: Sequence[Event], read: list[Event] | None = None) -> Waiting:
    """All that is held once nothing moves any more."""
    waiting = Waiting(0)
    reading = waiting.read(source(events, [] if read is None else read))
    TASKS.append(asyncio.create_task(reading))
    for _ in range(3):
        await asyncio.sleep(0)
    return waiting


def offsets(taken: Sequence[Taken]) -> dict[int, list[int]]:
    return {one.partition: [record.offset for record in one.run] for one in taken}


@in_loop
async def test_runs_of_a_partition_become_one() -> None:
    """Of each partition all that waits is taken, with the events to be acknowledged for it."""
    events = [event(0, [1, 2]), event(3, [7]), event(0, [3]), event(3, [8, 9])]
    taken = await (await holding(events)).take()
    assert offsets(taken) == {0: [1, 2, 3], 3: [7, 8, 9]}
    assert [one.events for one in taken] == [(events[0], events[2]), (events[1], events[3])]


@in_loop
async def test_no_more_than_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is more than a run may hold waits for the next time; a single run is never cut."""
    monkeypatch.setattr(GuardedConsumer, "run_records", 3)
    waiting = await holding([event(0, [1, 2, 3, 4]), event(0, [5, 6]), event(0, [7, 8])])
    found = [offsets(await waiting.take())[0] for _ in range(3)]
    assert found == [[1, 2, 3, 4], [5, 6], [7, 8]]


@in_loop
async def test_generations_are_apart() -> None:
    """What came before a rebalance is never part of the work of what came after it."""
    waiting = await holding([event(0, [1], 1), event(0, [1], 2), event(0, [2], 2)])
    (old,), (new,) = await waiting.take(), await waiting.take()
    assert (old.generation, offsets([old])) == (1, {0: [1]})
    assert (new.generation, offsets([new])) == (2, {0: [1, 2]})


@in_loop
async def test_no_more_is_read_than_there_is_room_for() -> None:
    """A stage that is slow holds so many runs, and reads on when they are taken."""
    read: list[Event] = []
    waiting = await holding([event(n % 8, [n]) for n in range(3 * BUFFERED_RUNS)], read)
    assert len(read) == BUFFERED_RUNS
    await waiting.take()
    await asyncio.sleep(0)
    assert len(read) == 2 * BUFFERED_RUNS
