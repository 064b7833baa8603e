"""The guarded consumer hands over what is expected and commits what is done, nothing else."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import Consumer as StockConsumer
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st
from mode import Service

from pipeline.config import Settings
from pipeline.engine.app import new_app, source
from pipeline.engine.transport import PRIVATE, GuardedConsumer, cut
from tests.stream.loops import in_loop

INBOX = TP("signals.inbox", 0)


@dataclass(frozen=True)
class OneRecord:
    offset: int
    value: bytes = b"{}"
    key: bytes = b"k"
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Log:
    """A log of one partition, as the broker serves it: what is there, from a position on."""

    offsets: list[int]
    committed: int | None = None
    position: int = 0
    per_fetch: int = 3
    seeks: list[int] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.offsets[0]

    def seek(self, offset: int) -> None:
        self.seeks.append(offset)
        self.position = max(offset, self.start)

    def fetch(self) -> list[OneRecord]:
        there = [offset for offset in self.offsets if offset >= self.position]
        fetched = there[: self.per_fetch]
        if fetched:
            self.position = fetched[-1] + 1
        return [OneRecord(offset) for offset in fetched]


class OnLog(GuardedConsumer):
    """The guarded consumer on a log instead of a broker."""

    log_: Log
    active: set[TP] | None = None

    def _new_consumer_thread(self) -> Any:
        return Service()  # the thread would bring a loop of its own

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109
        return {INBOX: self.log_.fetch()}, self.active

    async def seek_to_committed(self) -> Mapping[TP, int]:
        if self.log_.committed is not None:
            self.log_.position = self.log_.committed
        return {INBOX: self.log_.committed}  # type: ignore[dict-item] # as aiokafka does

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, self.log_.start)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.log_.seek(partitions[INBOX])

    def assignment(self) -> set[TP]:
        return {INBOX}

    def highwater(self, tp: TP) -> int:
        return self.log_.offsets[-1] + 1


Make = Callable[[Log], OnLog]


@pytest.fixture
def consumer_on(tmp_path: Path) -> Make:
    def make(log: Log) -> OnLog:
        app = new_app(Settings(kafka="nowhere:9092"), "react", tmp_path)
        app.topics._acking_topics.add(INBOX.topic)
        consumer = OnLog(app.transport, lambda _: None, None, None)
        consumer.log_ = log
        return consumer

    return make


async def fetched(consumer: OnLog, times: int = 1) -> list[Any]:
    return [message for _ in range(times) async for _, message in consumer.getmany(timeout=0.0)]


def offsets(messages: list[Any]) -> list[list[int]]:
    return [[record.offset for record in message.value] for message in messages]


@in_loop
async def test_run(consumer_on: Make) -> None:
    """What was fetched of a partition is one message with the last one's offset."""
    consumer = consumer_on(Log([0, 1, 2, 3, 4]))
    await consumer.perform_seek()
    messages = await fetched(consumer, 2)
    assert offsets(messages) == [[0, 1, 2], [3, 4]]
    assert [message.offset for message in messages] == [2, 4]


@in_loop
async def test_before_the_seek(consumer_on: Make) -> None:
    """What was fetched before anybody knows the position is not handed over, and not lost."""
    consumer = consumer_on(Log([0, 1, 2, 3, 4], committed=1))

    assert await fetched(consumer) == []
    await consumer.perform_seek()
    assert offsets(await fetched(consumer, 2)) == [[1, 2, 3], [4]]


@in_loop
async def test_never_committed(consumer_on: Make) -> None:
    """Where nothing was committed Kafka seeks nowhere: the consumer goes to the log's start."""
    log = Log([7, 8, 9], position=9)
    consumer = consumer_on(log)
    await consumer.perform_seek()
    assert log.seeks == [7]
    assert offsets(await fetched(consumer)) == [[7, 8, 9]]


@in_loop
async def test_hole_of_our_own(consumer_on: Make) -> None:
    """A fetch that was dropped half way is no gap: the consumer seeks back to it."""
    log = Log([0, 1, 2, 3, 4, 5])
    consumer = consumer_on(log)
    await consumer.perform_seek()
    await fetched(consumer)
    log.position = 5  # as if 3 and 4 had been fetched and dropped
    assert offsets(await fetched(consumer, 2)) == [[3, 4, 5]]
    assert consumer.happened["rewound"] == 2  # once to the start


@in_loop
async def test_stopped_half_way(consumer_on: Make) -> None:
    """A generation that ends between two runs of a fetch leaves nothing out."""
    log = Log([0, 1, 2, 3, 4, 5], per_fetch=6)
    consumer = consumer_on(log)
    consumer.run_records = 2  # type: ignore[misc]
    await consumer.perform_seek()
    taken = []
    async for _, message in consumer.getmany(timeout=0.0):
        taken.append(message)
        consumer.app.consumer_generation_id += 1
    assert offsets(taken) == [[0, 1]]
    await consumer.perform_seek()
    assert offsets(await fetched(consumer)) == [[0, 1], [2, 3], [4, 5]]


@in_loop
async def test_nothing_while_rebalancing(consumer_on: Make) -> None:
    """Until a rebalance has ended nothing is handed over, as Faust would throw it away."""
    consumer = consumer_on(Log([0, 1, 2]))
    await consumer.perform_seek()
    consumer.app.rebalancing = True
    assert await fetched(consumer, 2) == []
    consumer.app.rebalancing = False
    assert offsets(await fetched(consumer)) == [[0, 1, 2]]


@in_loop
async def test_hole_of_the_log(consumer_on: Make) -> None:
    """A hole that is still there at the second look is the log's, and no reason to stand."""
    consumer = consumer_on(Log([0, 1, 4, 5]))
    await consumer.perform_seek()
    messages = await fetched(consumer, 5)
    assert [o for run in offsets(messages) for o in run] == [0, 1, 4, 5]


@in_loop
async def test_expired(consumer_on: Make) -> None:
    """What retention deleted unread is counted, and the rest goes on."""
    consumer = consumer_on(Log([10, 11, 12], committed=4))
    await consumer.perform_seek()
    assert offsets(await fetched(consumer, 2)) == [[10, 11, 12]]
    assert consumer.happened["expired"] == 6


@in_loop
async def test_paused(consumer_on: Make) -> None:
    """What was fetched of a partition that is paused by now comes when it is resumed."""
    consumer = consumer_on(Log([0, 1, 2]))
    await consumer.perform_seek()
    consumer.active = set()
    assert await fetched(consumer) == []
    consumer.active = {INBOX}
    assert offsets(await fetched(consumer)) == [[0, 1, 2]]


@settings(deadline=None)  # a busy machine is no failure
@given(done=st.permutations(range(6)), upto=st.integers(0, 6))
@in_loop
async def test_commits_the_done_prefix(done: list[int], upto: int) -> None:
    """In whatever order runs are done, a commit passes over none that is not."""

    app = new_app(Settings(kafka="nowhere:9092"), "react", Path("data"))
    app.topics._acking_topics.add(INBOX.topic)
    consumer = OnLog(app.transport, lambda _: None, None, None)
    consumer.log_ = Log(list(range(12)), per_fetch=2)
    await consumer.perform_seek()
    messages = await fetched(consumer, 6)
    finished = set(done[:upto])
    committed = 0
    for n in done[:upto]:
        assert consumer.ack(messages[n])
        committed = consumer._new_offset(INBOX) or committed
    first_open = next((n for n in range(6) if n not in finished), 6)
    assert committed == first_open * 2


@in_loop
async def test_an_old_generation_acknowledges_nothing(consumer_on: Make) -> None:
    """A run from before a rebalance comes again; its end says nothing about the second time."""
    consumer = consumer_on(Log([0, 1, 2]))
    await consumer.perform_seek()
    (message,) = await fetched(consumer)
    consumer.app.consumer_generation_id += 1
    await consumer.perform_seek()
    assert len(await fetched(consumer)) == 1
    assert not consumer.ack(message)
    assert consumer._new_offset(INBOX) is None


@given(
    st.lists(st.integers(0, 40)),
    st.integers(1, 7),
    st.integers(1, 60),
)
def test_cut(sizes: list[int], most: int, most_bytes: int) -> None:
    """Runs hold every record in order, and only one that is too large alone exceeds a bound."""
    records = [OneRecord(n, b"x" * size) for n, size in enumerate(sizes)]
    runs = list(cut(records, most, most_bytes))
    assert [record for run in runs for record in run] == records
    for run in runs:
        assert 1 <= len(run) <= most
        assert len(run) == 1 or sum(len(record.value) for record in run) <= most_bytes


# -- what Faust must stay like -----------------------------------------------------------------

SIGNATURES = {
    "_add_gap": ["self", "tp", "offset_from", "offset_to"],
    "_is_changelog_tp": ["self", "tp"],
    "_new_offset": ["self", "tp"],
    "_wait_next_records": ["self", "timeout"],
}


@pytest.mark.parametrize("name", PRIVATE)
@in_loop
async def test_private_name(name: str, consumer_on: Make) -> None:
    """Each private name that the transport relies on is still there, and called as before."""
    assert hasattr(consumer_on(Log([0])), name)
    if name in SIGNATURES:
        assert (
            list(inspect.signature(getattr(StockConsumer, name)).parameters) == SIGNATURES[name]
        )
    else:
        assert name in Consumer.__annotations__


@in_loop
async def test_raw_topic_passes_a_run_on(consumer_on: Make) -> None:
    """A topic of bytes decodes a message whose value is a run into an event with that run."""
    consumer = consumer_on(Log([0, 1]))
    topic = source(consumer.app, Settings(), "inbox")
    await consumer.perform_seek()
    (message,) = await fetched(consumer)
    event = await topic.decode(message, propagate=True)
    assert event.value is message.value
    assert event.message is message


@in_loop
async def test_stock_commits_over_a_hole(consumer_on: Make) -> None:
    """The reason for all this: Faust marks a hole as done and commits what nobody saw."""
    consumer = consumer_on(Log([0]))

    await Consumer._add_gap(consumer, INBOX, 3, 9)
    consumer._acked[INBOX] = [0, 1, 2, 10]
    assert Consumer._new_offset(consumer, INBOX) == 11


@in_loop
async def test_stock_empties_queues(consumer_on: Make) -> None:
    """The reason to wait for the end of a rebalance: resuming the flow empties every queue."""
    app = consumer_on(Log([0])).app
    queue = app.FlowControlQueue(maxsize=10, clear_on_resume=True)
    app.flow_control.resume()
    queue.put_nowait("what was handed over")
    app.flow_control.resume()
    assert queue.empty()
