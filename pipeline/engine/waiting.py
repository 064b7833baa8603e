"""Runs that wait for a stage: whatever waits is worked on at once, a group of each partition.

Work has a price however little is in it: a write of state, a send to every partition, an insert
into every table. So runs are not taken one by one. While one piece of work is done others arrive,
and those of a partition become one group, as large as a run may be. Where little arrives a stage
rests between two runs, so that a trickle does not make it pay the price for every record.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any, NamedTuple

from pipeline.engine.app import BUFFERED_RUNS
from pipeline.engine.transport import GuardedConsumer, Run


class Taken(NamedTuple):
    """What is worked on at once of one partition: some runs of it as one, and their events."""

    partition: int
    generation: int
    run: Run
    events: tuple[Any, ...]


class Waiting:
    """Holds what was read and not taken, by partition, in the order of its log."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._taken_at = -every
        self._events: defaultdict[int, deque[Any]] = defaultdict(deque)
        self._count = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def read(self, events: AsyncIterator[Any]) -> None:
        """Hold events as they come, as many as there is room for; the rest waits in their queue."""
        async for event in events:
            self._events[event.message.partition].append(event)
            self._count += 1
            self._arrived.set()
            while self._count >= BUFFERED_RUNS:
                self._room.clear()
                await self._room.wait()

    async def take(self) -> list[Taken]:
        """All that waits, of each partition as much as one run may hold; waits for something.

        Whether it still has the partition is for the stage to ask: a rebalance can come any time.
        """
        self._arrived.clear()
        if not self._count:
            await self._arrived.wait()
        if not any(map(_is_full, self._events.values())):
            await asyncio.sleep(max(0.0, self._taken_at + self._every - monotonic()))
        self._taken_at = monotonic()
        taken = [_cut(number, events) for number, events in self._events.items() if events]
        self._count -= sum(len(one.events) for one in taken)
        self._room.set()
        return taken


def _is_full(events: deque[Any]) -> bool:
    return sum(len(event.value) for event in events) >= GuardedConsumer.run_records


def _cut(partition: int, events: deque[Any]) -> Taken:
    """The first events of a partition, as many as make one run, all of one generation."""
    generation = events[0].message.generation_id
    taken: list[Any] = []
    records = size = 0
    while events and events[0].message.generation_id == generation:
        run = events[0].value
        records += len(run)
        size += sum(len(record.value or b"") for record in run)
        # what the consumer has handed over as one is never more than a run may be
        if taken and (
            records > GuardedConsumer.run_records or size > GuardedConsumer.run_bytes
        ):
            break
        taken.append(events.popleft())
    whole = tuple(record for event in taken for record in event.value)
    return Taken(partition, generation, whole, tuple(taken))
