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
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from time import time_ns
from typing import Any, NoReturn

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pipeline import logs, metrics
from pipeline.config import Settings
from pipeline.core.names import partition_of
from pipeline.core.reaction import Letter
from pipeline.core.rows import TABLES, RejectionRow
from pipeline.core.signals import Tick
from pipeline.engine import wire
from pipeline.engine.app import new_app, source
from pipeline.engine.decode import LIMIT, Decoded, Refused, decode
from pipeline.engine.disk import Disks
from pipeline.engine.fuse import Blown, Fuse
from pipeline.engine.partition import Batch, Partition, PartitionParts, homes
from pipeline.engine.producer import Outgoing, new_producer, send
from pipeline.engine.pseudonyms import Pseudonyms, salt_of
from pipeline.engine.reactor import Rows, leaving
from pipeline.engine.stored import MESSAGE, decode_rows
from pipeline.engine.table import Revoked, State, Table
from pipeline.engine.topics import topic_name
from pipeline.engine.transport import GuardedConsumer, Record, Run
from pipeline.errors import StoreUnavailable
from pipeline.store.client import Store
from pipeline.store.writer import Writer

STAGES = ("parse", "react", "store")

TICK_SECONDS = 60
_AGES = 2**62
_WAITS = (0.2, 0.5, 1, 2, 5, 10)

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


class Stage:
    """One stage of a worker: an app, and the agent that takes its runs one after the other."""

    name: str
    reads: Any

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
        held: dict[int, list[Any]] = {}
        async for event in stream.noack().events():
            waiting = held.setdefault(event.message.partition, [])
            waiting.append(event)
            try:
                with metrics.taking(self.name, event.value):
                    durable = await self.run(event.message, event.value)
            except Revoked as revoked:
                metrics.REVOKED.labels(self.name).inc()
                log.info("%s", revoked)
                waiting.clear()
                continue
            except Blown as blown:
                log.error("%s", blown)  # noqa: TRY400 - it is no mistake of ours
                await self._fail()
            except Exception:
                log.exception("%s stands still at a record that it cannot work on", self.name)
                await self._fail()
            if durable:
                for one in waiting:
                    one.ack()
                waiting.clear()

    async def _fail(self) -> NoReturn:
        """Let the worker end; Faust would start an agent again behind its run, so this one stays."""
        self.failed.set()
        while True:
            await asyncio.Event().wait()

    async def run(self, message: Any, run: Run) -> bool:
        """Work on a run; whether everything that follows from it, and before, is durable."""
        raise NotImplementedError

    async def send(self, role: Any, partition: int, records: Iterable[Outgoing]) -> None:
        producer = self.producer
        assert producer is not None
        topic = topic_name(self.settings, role)
        kept = list(records)
        await persist(
            f"sending to {topic}", lambda: send(producer, topic, partition, kept), KafkaError
        )


class Parse(Stage):
    """Deliveries become signals; what is none goes to the partition that says so."""

    name, reads = "parse", "raw"

    async def run(self, message: Any, run: Run) -> bool:  # noqa: ARG002 - as the others
        outgoing: dict[int, list[Outgoing]] = {}
        for record in run:
            line = record.value or b""
            for partition, sent in spread(
                decode(line, -_AGES, _AGES),
                line,
                self.settings.kafka_partitions,
                *_origin(record),
            ):
                outgoing.setdefault(partition, []).append(sent)
        for partition, records in sorted(outgoing.items()):
            await self.send("inbox", partition, records)
        return True


def spread(
    decoded: Decoded | Refused, line: bytes, partitions: int, file: str = "", number: int = 0
) -> list[tuple[int, Outgoing]]:
    """A line and the partitions that take it; whether it holds is said where it is taken."""
    if isinstance(decoded, Refused):
        # of a line that is too large as much goes on as shows that it is
        sent = wire.unreadable(line[: LIMIT + 1], file, number)
        return [(partition_of(file or "raw", partitions), sent)]
    key = decoded.signal.source
    return [(n, wire.signal(key, decoded)) for n in homes(decoded.signal, partitions)]


def _origin(record: Record) -> tuple[str, int]:
    headers = dict(record.headers)
    return wire.header(headers, wire.FILE), wire.number(headers, wire.LINE)


class React(Stage):
    """Entities react; each partition has its own state, book and clock."""

    name, reads = "react", "inbox"

    def __init__(self, settings: Settings, datadir: Path) -> None:
        super().__init__(settings, datadir)
        states = None
        if settings.state == "rocksdb":
            states = Disks(settings, datadir / self.name / "state").states
        self.table = Table(self.app, settings, states=states)
        self._salt = salt_of(settings.data, settings.salt)
        self._fuse = Fuse.of(settings)
        self._partitions: dict[int, tuple[State, int, Partition]] = {}

    async def run(self, message: Any, run: Run) -> bool:
        number, generation = message.partition, message.generation_id
        state = self.table.of(number)
        self.table.check(state, generation)
        partition = self._partition(state, generation)
        parts = partition.parts
        try:
            for group in groups(run, parts.done, parts.begun):
                for record in group:
                    _react(partition, record, self._fuse)
                last = group[-1].offset
                if last < parts.begun:
                    return False
                await self._close(state, generation, partition, last)
        except BaseException:
            # what it remembers is ahead of what is durable
            self._partitions.pop(number, None)
            raise
        return True

    async def _close(
        self, state: State, generation: int, partition: Partition, last: int
    ) -> None:
        """Make durable what follows from a group of records that ends with `last`."""
        batch = partition.close()

        async def write(change: Callable[[], None]) -> None:
            self.table.check(state, generation)
            change()
            await persist(
                "writing state",
                lambda: self.table.write(state, self._own, offset=last, generation=generation),
                KafkaError,
            )

        await write(lambda: partition.parts.begin(last))
        self.table.check(state, generation)
        await self._effects(state.partition, batch, state.advance(generation, last))
        await write(partition.commit)
        _tell_rejects(batch)

    @property
    def _own(self) -> AIOKafkaProducer:
        assert self.producer is not None
        return self.producer

    def _partition(self, state: State, generation: int) -> Partition:
        """The partition over this state; anew after a rebalance, when records come again."""
        known = self._partitions.get(state.partition)
        if known is not None and known[0] is state and known[1] == generation:
            return known[2]
        secret = Pseudonyms(self._salt, {}, hashed=False)
        made = Partition(
            state.partition, self.settings.kafka_partitions, PartitionParts(state), secret
        )
        self._partitions[state.partition] = (state, generation, made)
        return made

    async def _effects(self, number: int, batch: Batch, version: int) -> None:
        outgoing: dict[int, list[Outgoing]] = {}
        for letter in batch.letters:
            to = partition_of(letter.to, self.settings.kafka_partitions)
            outgoing.setdefault(to, []).append(wire.letter(letter, number, version))
        for partition, records in sorted(outgoing.items()):
            await self.send("inbox", partition, records)
        await self.send("rows", number, [Outgoing(None, wire.shipment(batch.group, version))])


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
    """Rows go to ClickHouse, those of a run of groups with one insert per table."""

    name, reads = "store", "rows"

    def __init__(self, settings: Settings, datadir: Path, store: Store) -> None:
        super().__init__(settings, datadir)
        self._writer = Writer(store)

    async def run(self, message: Any, run: Run) -> bool:
        shipments = [wire.SHIPMENT.decode(record.value or b"") for record in run]
        token = f"{message.topic}:{message.partition}:{run[0].offset}-{run[-1].offset}"
        # ClickHouse waits without holding up the loop, and the loop answers Kafka meanwhile
        await persist(
            "writing rows",
            lambda: asyncio.to_thread(_write, self._writer, shipments, token),
            StoreUnavailable,
        )
        return True

    def has_first(self) -> bool:
        """Whether this worker has partition 0: one of all does what is done once."""
        consumer = self.app.consumer
        assert isinstance(consumer, GuardedConsumer)
        return any(tp.partition == 0 for tp in consumer.behind())


def _write(writer: Writer, shipments: list[wire.Shipment], token: str) -> None:
    """One insert per table for all groups of a run: of each row the last word, as of the last.

    Versions rise along a partition. Only what a frozen worker sends late has a smaller one, and
    whoever took over had begun with saying the same, so it is left out.
    """
    rows: Rows = {}
    archive: list[wire.Archived] = []
    version = shipments[0].version
    for shipment in shipments:
        if shipment.version < version:
            continue
        version = shipment.version
        held, gone = decode_rows(shipment.rows)
        for row_type, key in gone:
            rows[row_type, tuple(key)] = None
        for row in held:
            rows[type(row), tuple(row[: TABLES[type(row)][1]])] = row
        archive += shipment.archive
    if archive:
        columns = dict(zip(wire.Archived._fields, zip(*archive, strict=True), strict=True))
        writer.signals(**columns, version=version, token=token)
    writer.write(*leaving(rows), version, token)


async def tick(settings: Settings, react: React) -> None:
    """Once a minute, from whoever has partition 0, on every partition."""
    while True:
        await asyncio.sleep(TICK_SECONDS)
        try:
            react.table.of(0)
        except Revoked:
            continue
        at = time_ns() // 1_000_000
        for partition in range(settings.kafka_partitions):
            await react.send("inbox", partition, [wire.tick(at)])
