"""The stream engine: the same `react` on Kafka, as many workers as it takes.

Three stages, each a Faust app with a group of its own:

    parse   raw -> inbox: deliveries become signals for the partitions of their entities
    react   inbox -> inbox, rows, state: entities react, one run of records at a time
    store   rows -> ClickHouse

Order of work for a run (engines.md 1): first it is written down where the run ends, then effects
are made durable (messages, rows), then state, then the acknowledgement. A worker that loses a
partition on the way drops the work; whoever has the partition now gets the records again, lets
them end at the same place, and what leaves twice is the same and harmless.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple, NoReturn

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pipeline import logs, metrics
from pipeline.config import Settings
from pipeline.core.names import partition_of
from pipeline.core.reaction import Letter
from pipeline.core.rows import Gone, Key, RejectionRow, Row, key_of
from pipeline.core.signals import Tick
from pipeline.engine import wire
from pipeline.engine.app import new_app, source
from pipeline.engine.decode import LIMIT, Refused, decode
from pipeline.engine.disk import Disks
from pipeline.engine.fuse import Blown, Fuse
from pipeline.engine.partition import Batch, Partition, PartitionParts
from pipeline.engine.producer import Outgoing, new_producer, send
from pipeline.engine.pseudonyms import Pseudonyms, salt_of
from pipeline.engine.stored import MESSAGE, decode_rows
from pipeline.engine.table import Revoked, State, Table
from pipeline.engine.topics import topic_name
from pipeline.engine.transport import GuardedConsumer, Record, Run
from pipeline.engine.waiting import Taken, Waiting
from pipeline.errors import StoreUnavailable
from pipeline.store.client import Store
from pipeline.store.writer import Writer

STAGES = ("parse", "react", "store")

TICK_SECONDS = 60
_AGES = 2**62
_WAITS = (0.2, 0.5, 1, 2, 5)

log = logging.getLogger(__name__)


async def persist(
    what: str, work: Callable[[], Awaitable[Any]], temporary: type[Exception]
) -> Any:
    """Try until it works: what cannot be made durable now stays, and nothing overtakes it."""
    attempt = 0
    while True:
        try:
            return await work()
        except temporary as error:
            metrics.RETRIES.labels(what).inc()
            wait = _WAITS[min(attempt, len(_WAITS) - 1)]
            log.warning("%s failed (%s); again in %s s", what, error, wait)
            attempt += 1
            await asyncio.sleep(wait)


async def all_of(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """Do pieces of work side by side: when this returns or raises, none of them goes on."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


class Stage:
    """One stage of a worker: an app, and the agent that works on all that waits, again and again."""

    name: str
    reads: Any
    every: float
    """Seconds from one run to the next at least, where less waits than a group may hold."""

    def __init__(self, settings: Settings, datadir: Path) -> None:
        self.settings = settings
        self.app: faust.App = new_app(settings, self.name, datadir / self.name)
        self.producer: AIOKafkaProducer | None = None
        self.failed = asyncio.Event()
        """Set by an error that nobody foresaw: the worker has to end."""

    async def start(self) -> None:
        logs.STAGE.set(self.name)
        self.producer = new_producer(self.settings)
        await self.producer.start()
        agent = self.app.agent(source(self.app, self.settings, self.reads), concurrency=1)
        agent(self._take)
        await self.app.start()

    async def stop(self) -> None:
        await self.app.stop()
        if self.producer is not None:
            await self.producer.stop()

    async def _take(self, stream: Any) -> None:
        waiting = Waiting(self.every)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(waiting.read(stream.noack().events()))
            tasks.create_task(self._work(waiting))

    async def _work(self, waiting: Waiting) -> None:
        held: defaultdict[int, list[Any]] = defaultdict(list)
        while True:
            taken = await waiting.take()
            for one in taken:
                held[one.partition] += one.events
            try:
                with metrics.working(self.name):
                    durable = await self.run(taken)
            except Revoked as revoked:
                _tell_revoked(self.name, revoked)
                held.clear()
                continue
            except Blown as blown:
                log.error("%s", blown)  # noqa: TRY400 - it is no mistake of ours
                await self._fail()
            except Exception:
                log.exception("%s stands still at a record that it cannot work on", self.name)
                await self._fail()
            for partition in durable:
                for event in held.pop(partition):
                    if event.ack():
                        metrics.done(self.name, event.value)

    async def _fail(self) -> NoReturn:
        """Let the worker end; Faust would start an agent again behind its run, so this one stays."""
        self.failed.set()
        while True:
            await asyncio.Event().wait()

    async def run(self, taken: Sequence[Taken]) -> set[int]:
        """Work on a run of each of some partitions; raises Revoked where one is not ours.

        Hands back the partitions where everything that follows from the run, and before, is
        durable.
        """
        raise NotImplementedError

    async def send(self, role: Any, records: Mapping[int, Sequence[Outgoing]]) -> None:
        """Send records to partitions, all at once; returns when they are durable."""
        producer = self.producer
        assert producer is not None
        topic = topic_name(self.settings, role)
        await all_of(
            persist(
                f"sending to {topic}", partial(send, producer, topic, number, some), KafkaError
            )
            for number, some in sorted(records.items())
        )


class Parse(Stage):
    """Deliveries become signals; what is none goes to the partition that says so."""

    name, reads, every = "parse", "raw", 0.02

    async def run(self, taken: Sequence[Taken]) -> set[int]:
        outgoing: defaultdict[int, list[Outgoing]] = defaultdict(list)
        for record in chain.from_iterable(one.run for one in taken):
            line = record.value or b""
            for partition, sent in wire.spread(
                decode(line, -_AGES, _AGES),
                line,
                self.settings.kafka_partitions,
                *_origin(record),
            ):
                outgoing[partition].append(sent)
        await self.send("inbox", outgoing)
        return {one.partition for one in taken}


def _origin(record: Record) -> tuple[str, int]:
    headers = dict(record.headers)
    return wire.header(headers, wire.FILE), wire.number(headers, wire.LINE)


class Work(NamedTuple):
    """A partition and what of its run is left to do."""

    state: State
    generation: int
    partition: Partition
    groups: list[Run]


class React(Stage):
    """Entities react; each partition has its own state, book and clock."""

    name, reads, every = "react", "inbox", 0.2

    def __init__(self, settings: Settings, datadir: Path) -> None:
        super().__init__(settings, datadir)
        states = None
        if settings.state == "rocksdb":
            states = Disks(settings, datadir / self.name / "state").states
        self.table = Table(self.app, settings, states=states)
        self._salt = salt_of(settings.data, settings.salt)
        self._fuse = Fuse.of(settings)
        self._partitions: dict[int, tuple[State, int, Partition]] = {}

    async def run(self, taken: Sequence[Taken]) -> set[int]:
        works: list[Work] = list(filter(None, await all_of(map(self._begin, taken))))
        done = {work.state.partition for work in works}
        try:
            for each in zip_longest(*(work.groups for work in works)):
                closing = []
                for work, group in zip(works, each, strict=True):
                    for record in group or ():
                        _react(work.partition, record, self._fuse)
                    if group and group[-1].offset < work.partition.parts.begun:
                        done.discard(work.state.partition)
                    elif group:
                        closing.append((work, group[-1].offset))
                await self._close(closing)
        except BaseException:
            # what they remember is ahead of what is durable
            for work in works:
                self._partitions.pop(work.state.partition, None)
            raise
        return done

    async def _begin(self, taken: Taken) -> Work | None:
        """What is to be done; None where the partition may be another's: its records come again."""
        try:
            state = self.table.of(taken.partition)
            self.table.check(state, taken.generation)
            partition = await self._partition(state, taken.generation)
        except Revoked as revoked:
            _tell_revoked(self.name, revoked)
            return None
        left = groups(taken.run, partition.parts.done, partition.parts.begun)
        return Work(state, taken.generation, partition, left)

    async def _close(self, closing: Sequence[tuple[Work, int]]) -> None:
        """Make durable what follows from a group of each partition, which ends with the offset."""
        batches = [work.partition.close() for work, _ in closing]

        async def write(change: Callable[[Work, int], None]) -> None:
            for work, last in closing:
                self.table.check(work.state, work.generation)
                change(work, last)
            await all_of(
                persist("writing state", partial(self._write, work, last), KafkaError)
                for work, last in closing
            )

        await write(lambda work, last: work.partition.parts.begin(last))
        leaving = []
        for (work, last), batch in zip(closing, batches, strict=True):
            self.table.check(work.state, work.generation)
            leaving.append((work, batch, work.state.advance(work.generation, last)))
        await self._effects(leaving)
        await write(lambda work, _: work.partition.commit())
        for batch in batches:
            _tell_rejects(batch)

    async def _write(self, work: Work, last: int) -> None:
        await self.table.write(work.state, self._own, offset=last, generation=work.generation)

    @property
    def _own(self) -> AIOKafkaProducer:
        assert self.producer is not None
        return self.producer

    async def _partition(self, state: State, generation: int) -> Partition:
        """The partition over this state; anew after a rebalance, when records come again."""
        known = self._partitions.get(state.partition)
        if known is not None and known[0] is state and known[1] == generation:
            return known[2]
        await persist(
            "claiming a partition",
            lambda: self.table.claim(state, self._own, generation),
            KafkaError,
        )
        secret = Pseudonyms(self._salt, {}, hashed=False)
        made = Partition(
            state.partition, self.settings.kafka_partitions, PartitionParts(state), secret
        )
        self._partitions[state.partition] = (state, generation, made)
        return made

    async def _effects(self, leaving: Sequence[tuple[Work, Batch, int]]) -> None:
        """Send messages, then rows, each as of the version of its group."""
        messages: defaultdict[int, list[Outgoing]] = defaultdict(list)
        for work, batch, version in leaving:
            for letter in batch.letters:
                to = partition_of(letter.to, self.settings.kafka_partitions)
                messages[to].append(wire.letter(letter, work.state.partition, version))
        await self.send("inbox", messages)
        await self.send(
            "rows",
            {
                work.state.partition: [Outgoing(None, wire.shipment(batch.group, version))]
                for work, batch, version in leaving
            },
        )


def _tell_revoked(stage: str, revoked: Revoked) -> None:
    metrics.REVOKED.labels(stage).inc()
    log.info("%s", revoked)


def _tell_rejects(batch: Batch) -> None:
    for row in batch.group.held:
        if isinstance(row, RejectionRow):
            metrics.REJECTS.labels(row.reason).inc()
            # no detail here: it may show whom the signal is about
            about = {"rejection": row.rejection_id, "signal": wire.id_of(row.bytes)}
            log.warning("rejected: %s", row.reason, extra=about)


def groups(run: Run, done: int, begun: int) -> list[Run]:
    """What of a run is not done so far, cut behind the last record of the group that was begun."""
    left = [record for record in run if record.offset > done]
    again = tuple(record for record in left if record.offset <= begun)
    return [group for group in (again, tuple(left[len(again) :])) if group]


def _react(partition: Partition, record: Record, fuse: Fuse) -> None:
    headers, value = dict(record.headers), record.value or b""
    if wire.MARK in headers:
        assert record.key is not None
        if partition.parts.hears(*wire.sender(headers[wire.MARK])):
            partition.hear(Letter(record.key.decode(), MESSAGE.decode(value)))
        return
    received = headers.get(wire.RECEIVED)
    timeless = wire.TIMELESS in headers
    decoded = decode(
        value,
        -_AGES if timeless else partition.epoch,
        record.timestamp,
        None if received is None else int(received),
        limit=_AGES if timeless else LIMIT,
    )
    file, line = _origin(record)
    parts = partition.parts
    if isinstance(decoded, Refused):
        parts.rejects = fuse.after(parts.rejects, partition.number, decoded.reason)
        partition.refuse(decoded, value, file, line)
        return
    if not isinstance(decoded.signal.data, Tick):
        parts.rejects = fuse.after(parts.rejects, partition.number, None)
    if partition.take(decoded) == "conflict":
        refused = Refused("conflict", "another body with this id holds")
        partition.refuse(refused, value, file, line)


class Keep(Stage):
    """Rows go to ClickHouse, those of all groups that wait with one insert per table."""

    name, reads, every = "store", "rows", 0.5

    def __init__(self, settings: Settings, datadir: Path, store: Store) -> None:
        super().__init__(settings, datadir)
        self._writer = Writer(store)

    async def run(self, taken: Sequence[Taken]) -> set[int]:
        shipments = [
            wire.SHIPMENT.decode(record.value or b"") for one in taken for record in one.run
        ]
        token = ",".join(
            f"{one.partition}:{one.run[0].offset}-{one.run[-1].offset}" for one in taken
        )
        # ClickHouse waits without holding up the loop, and the loop answers Kafka meanwhile
        await persist(
            "writing rows",
            lambda: asyncio.to_thread(
                _write,
                self._writer,
                shipments,
                f"{topic_name(self.settings, 'rows')}:{token}",
            ),
            StoreUnavailable,
        )
        return {one.partition for one in taken}

    def has_first(self) -> bool:
        """Whether this worker has partition 0: one of all does what is done once."""
        consumer = self.app.consumer
        assert isinstance(consumer, GuardedConsumer)
        return any(tp.partition == 0 for tp in consumer.behind())


def _write(writer: Writer, shipments: Iterable[wire.Shipment], token: str) -> None:
    """One insert per table for all groups: of each row the last word, which has the last version.

    Versions rise along a partition; only what a frozen worker sends late has a smaller one than
    what is there. So each row keeps its own: a newer one would lift what came late above it.
    """
    rows: dict[Key, tuple[int, Row | None]] = {}
    archive: list[tuple[Any, ...]] = []
    for version, encoded, signals in shipments:
        held, gone = decode_rows(encoded)
        for row_type, key in gone:
            _put(rows, (row_type, tuple(key)), version, None)
        for row in held:
            _put(rows, key_of(row), version, row)
        archive += [(*signal, version) for signal in signals]
    if archive:
        fields = (*wire.Archived._fields, "version")
        columns = dict(zip(fields, zip(*archive, strict=True), strict=True))
        writer.signals(**columns, token=token)
    writer.write(
        [(version, row) for version, row in rows.values() if row is not None],
        [(version, Gone(*key)) for key, (version, row) in rows.items() if row is None],
        token,
    )


def _put(
    rows: dict[Key, tuple[int, Row | None]], key: Key, version: int, row: Row | None
) -> None:
    if key not in rows or rows[key][0] <= version:
        rows[key] = (version, row)


async def tick(settings: Settings, react: React) -> None:
    """Once a minute, from whoever has partition 0, on every partition."""
    while True:
        await asyncio.sleep(TICK_SECONDS)
        try:
            react.table.of(0)
        except Revoked:
            continue
        at = time_ns() // 1_000_000
        told = [wire.tick(at)]
        await react.send("inbox", dict.fromkeys(range(settings.kafka_partitions), told))
