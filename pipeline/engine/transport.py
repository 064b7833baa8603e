"""The guarded transport: Faust's Kafka consumer, made to lose nothing and to hand over runs.

Stock Faust 0.15 loses records in a rebalance. Records that were fetched under the old assignment
are yielded under the new one, or a fetched batch is left half way although the fetch position
has moved on. The next record then looks like a hole in the log, the hole is marked as
acknowledged, and the commit passes over records that no worker has seen. And it pays some
hundred microseconds for each event, however little is in it.

`GuardedConsumer` answers both:

- it knows the next offset of every source partition, hands over that one only, and seeks back
  where something is missing;
- it commits only the acknowledged prefix of what it has handed over;
- it hands over a whole *run*: the fetched records of one partition as one event, whose value is
  a tuple of records and whose offset is that of the last one.

What remains is repetition: after a rebalance records come again. Topics of a source hold
ordinary records; a hole that is there at the second look too (a control record of somebody's
transaction, or a compacted topic) is the log's own and is passed over. Records that retention
took before anybody read them are counted as `expired`: the one real loss.

Faust has no public place for any of this, so `PRIVATE` lists what is used of its inside, and a
test fails for each name that a new version changes. Changelogs come in runs too, and are fetched
again where Faust would drop what it has fetched: its recovery would wait for those records for
ever.
"""

from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

import faust
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

PRIVATE: Mapping[str, str] = {
    "_acked": "acknowledged offsets by partition; its keys are what a commit looks at",
    "_acked_index": "the same as sets: which of the handed over offsets are done",
    "_add_gap": "marks a hole in the log as acknowledged; here it does nothing",
    "_buffered_partitions": "partitions whose agent is full: what is fetched is still taken",
    "_committed_offset": "where each partition was committed; None where it never was",
    "_is_changelog_tp": "whether a partition is one of a table's changelog",
    "_new_offset": "what to commit for a partition; here the done prefix of what was handed over",
    "_read_offset": "drops what lies below it; None switches that off",
    "_wait_next_records": "waits for the flow, fetches; says which partitions are active",
}
"""Names of `faust.transport.consumer.Consumer` that are no promise, and what they are for."""

RUN_RECORDS = 2000
"""Records per run. More makes an event cheaper, and its state and effects larger."""

RUN_BYTES = 1024 * 1024
"""Bytes of values per run; a single larger record is a run of its own."""

Happened = Literal["runs", "records", "again", "rewound", "skipped", "expired"]
"""runs, records: handed over. again: dropped as it had been handed over, or will be. rewound:
times a position was set back. skipped: offsets that the log does not have. expired: records
that retention deleted before they were read."""


class Record(Protocol):
    """A record as aiokafka fetches it."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


Run = tuple[Record, ...]
"""The value of an event: what was fetched of one partition, in the order of its log."""


class GuardedConsumer(driver.Consumer):
    """A consumer that hands over each record of a source exactly where it is expected."""

    run_records: ClassVar[int] = RUN_RECORDS
    run_bytes: ClassVar[int] = RUN_BYTES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.happened: Counter[Happened] = Counter()
        self._next: dict[TP, int] = {}
        self._handed: dict[TP, deque[int]] = {}
        self._holes: dict[TP, tuple[int, int]] = {}
        self._done: dict[TP, int] = {}
        self._ends: dict[TP, int] = {}
        self._assignments = 0
        super().__init__(*args, **kwargs)

    # -- where we are ----------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget every position: each rebalance ends with a new `perform_seek`."""
        self._assignments += 1
        self._forget()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._assignments += 1
        self._forget()
        await super().on_partitions_assigned(assigned, generation_id)

    def _forget(self) -> None:
        self._next.clear()
        self._handed.clear()
        self._holes.clear()
        self._done.clear()
        self._ends.clear()

    async def perform_seek(self) -> None:
        """Seek to what was committed, and remember it as what comes next.

        Kafka moves no position where nothing was committed; those go to the log's start.
        """
        assignments = self._assignments
        await super().perform_seek()
        sources = {tp for tp in self.assignment() if not self._is_changelog_tp(tp)}
        new = {tp for tp in sources if self._committed_offset[tp] is None}
        starts = await self.earliest_offsets(*new) if new else {}
        if assignments != self._assignments:
            return  # another rebalance began meanwhile; it ends with a seek of its own
        for tp in sources:
            committed = self._committed_offset[tp]
            self._next[tp] = starts[tp] if committed is None else committed
            self._done[tp] = self._next[tp]
            self._handed[tp] = deque()
            # acknowledgements of an earlier delivery say nothing about the one to come
            self._acked[tp].clear()
            self._acked_index[tp].clear()
        # what was fetched since the seek above was dropped, as nobody knew what comes next
        for tp in sources:
            await self._rewind(tp)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Seek; what recovery asks for of a changelog is what comes next of it."""
        self._next |= {tp: at for tp, at in partitions.items() if self._is_changelog_tp(tp)}
        await super().seek_wait(partitions)

    async def _rewind(self, tp: TP) -> None:
        """Fetch from what comes next."""
        self.happened["rewound"] += 1
        want = None
        # a rebalance may move it while the thread of the consumer seeks
        while tp in self._next and want != self._next[tp]:
            want = self._next[tp]
            try:
                await self.seek_wait({tp: want})
            except IllegalStateError:
                return  # no longer ours; whoever has it seeks by himself

    # -- what is handed over ---------------------------------------------------------------

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109
        """Fetch once; yield the records of changelogs, and runs of what was expected."""
        fetched, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if fetched is None or self.should_stop:
            return
        for tp, records in fetched.items():
            taken = active is None or tp in active or tp in self._buffered_partitions
            if not taken or not self._flows(generation):
                await self._rewind(tp)  # a fetch may span a whole rebalance
            elif self._is_changelog_tp(tp):
                for run in cut(records, self.run_records, self.run_bytes):
                    if not self._flows(generation):
                        await self._rewind(tp)
                        break
                    if tp in self._next:
                        self._next[tp] = run[-1].offset + 1
                    yield tp, _message(tp, run, generation)
            elif self.app.rebalancing:
                # At the end of a rebalance Faust empties the queues of the agents once more, some
                # turns of the loop after the seek: what was handed over by then would be lost.
                await self._rewind(tp)
            elif wanted := await self._wanted(tp, records):
                self._ends[tp] = self.highwater(tp)
                self.app.monitor.track_tp_end_offset(tp, self._ends[tp])
                for run in cut(wanted, self.run_records, self.run_bytes):
                    if not self._flows(generation) or self._next.get(tp) != run[0].offset:
                        await self._rewind(tp)
                        break
                    yield tp, self._hand_over(tp, run, generation)

    def _flows(self, generation: int) -> bool:
        return self.flow_active and generation == self.app.consumer_generation_id

    async def _wanted(self, tp: TP, records: Sequence[Record]) -> Sequence[Record]:
        """What of these is to be handed over now: nothing where something before is missing."""
        want = self._next.get(tp)
        if want is None:
            self.happened["again"] += len(records)
            return ()  # from before the seek that will tell
        wanted = [record for record in records if record.offset >= want]
        self.happened["again"] += len(records) - len(wanted)
        if not wanted or wanted[0].offset == want:
            return wanted
        first = wanted[0].offset
        start = (await self.earliest_offsets(tp))[tp]
        if self._next.get(tp) != want:
            return ()  # a rebalance came between
        if start > want:
            self.happened["expired"] += start - want
            self.log.error("%s: %d records expired before they were read", tp, start - want)
            self._next[tp] = want = start
        if first > want and self._holes.get(tp) != (want, first):
            self._holes[tp] = (want, first)
            self.happened["again"] += len(wanted)
            await self._rewind(tp)
            return ()
        self.happened["skipped"] += first - want
        self._next[tp] = first
        return wanted

    def _hand_over(self, tp: TP, run: Run, generation: int) -> ConsumerMessage:
        self._next[tp] = run[-1].offset + 1
        self._handed[tp].append(run[-1].offset)
        self._read_offset[tp] = None
        self.happened["runs"] += 1
        self.happened["records"] += len(run)
        return _message(tp, run, generation)

    # -- what is done ----------------------------------------------------------------------

    def ack(self, message: Message) -> bool:
        """Note that a run is done; one from before a rebalance is not, it comes again."""
        if message.generation_id != self.app.consumer_generation_id:
            message.acked = True
            return False
        return super().ack(message)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: a run is longer than one offset, and holes are seen to in `getmany`."""

    def _new_offset(self, tp: TP) -> int | None:
        """The offset behind the done prefix of what was handed over, if it grew."""
        handed, done = self._handed.get(tp, deque()), self._acked_index[tp]
        last = None
        while handed and handed[0] in done:
            last = handed.popleft()
            done.discard(last)
        self._acked[tp].clear()
        if last is None:
            return None
        self._done[tp] = last + 1
        return last + 1

    def behind(self) -> dict[TP, int]:
        """Records of each source partition that were seen in its log and are not done.

        Any thread may ask.
        """
        return {tp: max(0, self._ends.get(tp, at) - at) for tp, at in self._done.copy().items()}


def _message(tp: TP, run: Run, generation: int) -> ConsumerMessage:
    """A run as Faust's message; its offset is that of the last record."""
    last = run[-1]
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        last.offset,
        last.timestamp / 1000,
        0,
        None,
        None,
        run,  # type: ignore[arg-type] # Faust says bytes; a raw topic passes on what it gets
        None,
        0,
        0,
        tp,
        generation_id=generation,
    )


class GuardedTransport(driver.Transport):
    """Faust's Kafka transport with the guarded consumer."""

    Consumer: ClassVar[type[GuardedConsumer]] = GuardedConsumer


def guard(app: faust.App) -> None:
    """Let an app read through the guarded transport; before it starts."""
    app.transport = GuardedTransport(app.conf.broker_consumer, app)


def cut(records: Sequence[Record], most: int, most_bytes: int) -> Iterator[Run]:
    """Runs of at most so many records and bytes, in order, without leaving one out."""
    run: list[Record] = []
    size = 0
    for record in records:
        length = len(record.value or b"")
        if run and (len(run) == most or size + length > most_bytes):
            yield tuple(run)
            run, size = [], 0
        run.append(record)
        size += length
    if run:
        yield tuple(run)
