"""State on Kafka: a Faust table whose changelog is written as one batch per run.

A stock table sends each change by itself, which costs about 280 microseconds each, and nobody
awaits it: an offset could be committed before its state is durable. Here changes are only
remembered, and `Table.write` sends those of a run as one batch to the changelog's same
partition: all of them are durable, or none. They stay ordinary records, so compaction and
Faust's recovery work unchanged.

**Frozen workers.** A worker that was stopped past its session may still write old state after
its successor did. So every record carries a version, (epoch, offset of the run), whose epoch
grows with each rebalance: what comes behind a larger version was written by such a stranger.
Whoever takes a partition over begins with a record that says so, its *claim*. What stands before
it in the log counts, also what came after recovery had read all there was: whoever wrote that
saw nobody else, and let effects follow. What others write behind it does not count.
Recovery drops it and lets the key be written again. The owner notices a stranger at its next
write, too, as its batch does not land where its last one ended: it reads what lies between and
writes those keys again. Until then compaction must leave the owner's value beside the
stranger's, which is what `min.compaction.lag.ms` is for.

**Where recovery begins** is said by `persisted_offset`: behind what a partition has taken in, or
at the log's start where it is new. Stock Faust keeps the values of a partition that it lost, and
goes on with them when it comes back.
"""

from collections.abc import (
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from typing import Any, NoReturn

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.types import TP, EventT

from pipeline.config import Settings
from pipeline.engine.connect import client_options
from pipeline.engine.producer import Outgoing, send_whole
from pipeline.engine.topics import topic_name
from pipeline.engine.transport import Run

PRIVATE: Mapping[str, str] = {
    "apply_changelog_batch": "takes what recovery has read",
    "on_key_del": "a change of the table itself; here it is refused",
    "on_key_set": "the same",
    "on_rebalance": "says which partitions are ours, before recovery begins",
    "on_recovery_completed": "recovery has read all there is",
    "on_start": "would create the topic; `signals topics` does that",
    "persisted_offset": "recovery reads what is behind it; -1 is before the start",
}
"""Names of `faust.tables.Table` that are no promise, and what they are for."""

CLAIM = b"\0@claim"
"""The key of the record with which a partition is taken over."""

VERSION = "version"
"""The header with the version of a changelog record, eight bytes."""

EPOCH = 48
"""Bits of an offset in a version; the epoch stands above them."""


class Revoked(Exception):  # noqa: N818 - it says what happened
    """The partition may be another worker's: drop the work, its records come again there."""


class State(MutableMapping[bytes, bytes]):
    """What one partition remembers; a change is seen at once and durable with `Table.write`."""

    __slots__ = ("_values", "epochs", "offset", "partition", "stale", "unwritten", "version")

    def __init__(self, partition: int, values: MutableMapping[bytes, bytes]) -> None:
        self.partition = partition
        self.offset = -1
        """Of the last changelog record that is contained here."""
        self.version = 0
        """The largest so far."""
        self.epochs = 0
        """Added to the group's generation, which begins anew when Kafka forgets the group."""
        self.unwritten: dict[bytes, bytes | None] = {}
        self.stale: set[bytes] = set()
        """Keys that a stranger wrote last."""
        self._values = values

    def __getitem__(self, key: bytes) -> bytes:
        return self._values[key]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._values[key] = self.unwritten[key] = value

    def __delitem__(self, key: bytes) -> None:
        del self._values[key]
        self.unwritten[key] = None

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def durable(self) -> bool:
        """Whether the log holds all of it."""
        return not (self.unwritten or self.stale)

    def take(self, offset: int, key: bytes, value: bytes | None, version: int) -> None:
        """Take in a record of the changelog, unless it is known or a stranger's."""
        if offset <= self.offset:
            return
        self.offset = offset
        if version < self.version:
            self.stale.add(key)
            return
        self.version = version
        self.stale.discard(key)
        self._put(key, value)

    def _put(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value

    def begin(self, generation: int) -> None:
        """Rise above the epochs of the log, should the group's generation have begun anew."""
        if self.version >> EPOCH > generation + self.epochs:
            self.epochs = (self.version >> EPOCH) + 1 - generation

    def next(self, generation: int, offset: int) -> int:
        """What the version of a write would be."""
        return max(self.version, (generation + self.epochs << EPOCH) + offset)

    def advance(self, generation: int, offset: int) -> int:
        """The version of a write: larger than all before, for whoever owns the partition."""
        self.version = self.next(generation, offset)
        return self.version

    def pending(self) -> dict[bytes, bytes | None]:
        """What the next write has to carry."""
        return {key: self._values.get(key) for key in self.stale} | self.unwritten

    def written(self, pending: Mapping[bytes, bytes | None], last: int) -> None:
        """Note that the log has it; what changed again meanwhile stays to be written."""
        self.offset = last
        for key, value in pending.items():
            self.stale.discard(key)
            if key in self.unwritten and self.unwritten[key] is value:
                del self.unwritten[key]

    def close(self) -> None:
        """Let go of what holds the values; nobody asks for them any more."""


class Table(faust.Table[bytes, bytes]):
    """The state of the partitions that this worker has.

    `states` gives those of partitions that are new here; else they begin empty, in memory.
    """

    def __init__(
        self,
        app: faust.App,
        settings: Settings,
        *,
        name: str = "state",
        states: Callable[[Sequence[int]], Awaitable[dict[int, State]]] | None = None,
    ) -> None:
        self.strangers = 0
        """Records of strangers that were found in the changelog."""
        self._settings = settings
        self._new_states = states or _in_memory
        self._states: dict[int, State] = {}
        self._log = topic_name(settings, "state")
        super().__init__(
            app,
            name=name,
            partitions=settings.kafka_partitions,
            key_type=bytes,
            value_type=bytes,
            recovery_buffer_size=1,  # a run at a time
            changelog_topic=app.topic(
                self._log,
                key_type=bytes,
                value_type=bytes,
                key_serializer="raw",
                value_serializer="raw",
                partitions=settings.kafka_partitions,
                acks=False,
                maxsize=131_072,  # as Faust's own; the default would stop recovery again and again
                allow_empty=True,  # a deletion has no value
            ),
        )
        app.tables.add(self)

    # -- for the worker --------------------------------------------------------------------

    def of(self, partition: int) -> State:
        """What this partition remembers; raises Revoked where it is not ours."""
        try:
            return self._states[partition]
        except KeyError:
            raise self._revoked(partition) from None

    async def claim(self, state: State, producer: AIOKafkaProducer, generation: int) -> None:
        """Take a partition over, before anything is made of its state.

        Takes in what another worker wrote since recovery. Raises Revoked where that one is our
        successor, or where we may have lost the partition.
        """
        self.check(state, generation)
        version = state.next(generation, 0)
        claim = Outgoing(CLAIM, b"", _stamp(version))
        first = -1
        while first < 0:  # an answer that was lost and asked for again brings no offset
            first = await send_whole(producer, self._log, state.partition, [claim])
        between = range(state.offset + 1, first)
        found = await self._read(state.partition, between) if between else []
        for record in found:
            written = version_of(record.headers)
            if written > version:
                self._lose(state)
            state.take(record.offset, record.key, record.value, written)
        state.take(first, CLAIM, b"", version)

    async def write(
        self, state: State, producer: AIOKafkaProducer, *, offset: int, generation: int
    ) -> None:
        """Make durable what changed: after the effects, before the acknowledgement.

        `offset` and `generation` are those of the run's message. Raises Revoked where another
        worker may have the partition; on any other error the changes stay, to be written again.
        """
        self.check(state, generation)
        while pending := state.pending():
            stamp = _stamp(state.advance(generation, offset))
            records = [Outgoing(k, v, stamp) for k, v in pending.items()]
            first = await send_whole(producer, self._log, state.partition, records)
            before = range(state.offset + 1, first)
            if before:
                await self._find_strangers(state, before)
            # an answer that was lost and asked for again brings no offset
            state.written(pending, first + len(pending) - 1 if first >= 0 else state.offset)

    def check(self, state: State, generation: int) -> None:
        """Raise Revoked unless a run of this generation may still write to this state."""
        lost = self.app.rebalancing or generation != self.app.consumer_generation_id
        if lost or self._states.get(state.partition) is not state:
            raise self._revoked(state.partition)

    async def _find_strangers(self, state: State, between: range) -> None:
        """See who wrote where the owner should have been alone; we may be the stranger."""
        for record in await self._read(state.partition, between):
            version = version_of(record.headers)
            if version == state.version:
                continue  # this very batch, whose sending was tried again
            if version > state.version:
                # the next write would land behind this one, as if we were alone
                self._lose(state)
            self.strangers += 1
            state.stale.add(record.key)

    def _lose(self, state: State) -> NoReturn:
        """Let go of what is a successor's; raises Revoked."""
        self._states.pop(state.partition, state).close()
        raise self._revoked(state.partition)

    async def _read(self, partition: int, offsets: range) -> list[Any]:
        """What the changelog holds there, records of ours."""
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # compaction may have taken the first
        )
        await consumer.start()
        try:
            tp = TopicPartition(self._log, partition)
            consumer.assign([tp])
            consumer.seek(tp, offsets.start)
            found: list[Any] = []
            while await consumer.position(tp) < offsets.stop:
                fetched = await consumer.getmany(tp, timeout_ms=1000)
                found += [
                    record
                    for record in fetched.get(tp, ())
                    if record.offset in offsets and record.key is not None
                ]
            return found
        finally:
            await consumer.stop()

    def _revoked(self, partition: int) -> Revoked:
        return Revoked(f"partition {partition} of {self._log} may be another worker's")

    # -- for Faust -------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Nothing: the topic is there, and values have no service of their own."""

    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,
    ) -> None:
        """Keep what is still ours, unless it holds changes whose run comes again."""
        ours = {tp.partition for tp in assigned if tp.topic == self._log}
        kept = {n: s for n, s in self._states.items() if n in ours and s.durable}
        for number, state in self._states.items():
            if number not in kept:
                state.close()
        self._states = kept
        self._states |= await self._new_states(sorted(ours - kept.keys()))

    def persisted_offset(self, tp: TP) -> int | None:
        state = self._states.get(tp.partition)
        return -1 if state is None else state.offset

    def apply_changelog_batch(self, batch: Iterable[EventT[bytes]]) -> None:
        for event in batch:
            message = event.message
            state = self._states.get(message.partition)
            if state is None:
                continue  # from before a rebalance
            run: Run = message.value  # type: ignore[assignment] # as the guarded transport gives it
            for record in run:
                if record.key is None:
                    continue  # no record of ours
                stale = len(state.stale)
                version = version_of(record.headers)
                state.take(record.offset, record.key, record.value, version)
                self.strangers += len(state.stale) > stale

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        for state in self._states.values():
            state.begin(self.app.consumer_generation_id)
        await self.call_recover_callbacks()

    def on_key_set(self, key: bytes, value: bytes) -> None:
        raise TypeError("change what `of(partition)` gives")

    def on_key_del(self, key: bytes) -> None:
        raise TypeError("change what `of(partition)` gives")


async def _in_memory(partitions: Sequence[int]) -> dict[int, State]:
    return {number: State(number, {}) for number in partitions}


def _stamp(version: int) -> tuple[tuple[str, bytes]]:
    return ((VERSION, version.to_bytes(8, "big")),)


def version_of(headers: Sequence[tuple[str, bytes]] | Mapping[str, bytes]) -> int:
    """The version of a changelog record; 0 where whoever wrote it gave none."""
    return int.from_bytes(dict(headers).get(VERSION, b""), "big")
