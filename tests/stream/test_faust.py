"""What the engine takes for granted of Faust beyond the names in `PRIVATE`: a new version says so here.

No broker is needed. Facts about stock Faust that are a reason for our own code stand here too:
where one of them changes, that code may go.
"""

import asyncio
import inspect
from pathlib import Path
from typing import Any, NamedTuple

import faust
import pytest
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from pipeline.config import Settings
from pipeline.engine.app import METADATA_AGE, SESSION, new_app, source
from pipeline.engine.table import Table
from pipeline.engine.topics import topic_name
from pipeline.engine.transport import GuardedConsumer, GuardedTransport
from tests.stream.loops import in_loop

SETTINGS = Settings(kafka="nowhere:9092", kafka_partitions=4)
INBOX = TP(topic_name(SETTINGS, "inbox"), 0)
STATE = TP(topic_name(SETTINGS, "state"), 0)


def message(app: faust.App, value: object) -> ConsumerMessage:
    return ConsumerMessage(
        *(INBOX.topic, INBOX.partition, 7, 0.0, 0, None, None, value, None, 0, 0, INBOX),
        generation_id=app.consumer_generation_id,
    )


class Here(GuardedConsumer):
    """The guarded consumer whose client is made in the loop of the test."""

    def _new_consumer_thread(self) -> Any:
        return driver.AIOKafkaConsumerThread(self, thread_loop=asyncio.get_running_loop())


class Acks:
    """A consumer that only remembers what was acknowledged."""

    def __init__(self) -> None:
        self.acked: list[int] = []
        self._unacked_messages: set[Any] = set()

    def ack(self, message: Any) -> bool:
        self.acked.append(message.offset)
        return True


async def stream_of(app: faust.App, value: object, acks: Acks) -> Any:
    """A stream with one event, as the conductor puts it there."""
    app.consumer = acks
    channel = aiter(source(app, SETTINGS, "inbox"))
    told = message(app, value)
    told.incref()
    app.flow_control.resume()
    await channel.put(await channel.decode(told, propagate=True))
    return app.stream(channel)


# -- agents ------------------------------------------------------------------------------------


@in_loop
async def test_noack(tmp_path: Path) -> None:
    """An event of `noack().events()` is acknowledged by its `ack` and by nothing else."""
    app = new_app(SETTINGS, "react", tmp_path)
    acks = Acks()
    stream = await stream_of(app, (1, 2), acks)
    events = stream.noack().events()
    event = await anext(events)
    assert (event.value, event.message.offset) == ((1, 2), 7)
    await events.aclose()
    assert acks.acked == []
    event.ack()
    assert acks.acked == [7]


@in_loop
async def test_stock_acknowledges_what_raised(tmp_path: Path) -> None:
    """The reason for `noack`: what a plain loop was working on is acknowledged all the same."""
    app = new_app(SETTINGS, "react", tmp_path)
    stream = await stream_of(app, b"x", Acks())
    loop = aiter(stream)
    await anext(loop)
    message = stream.current_event.message
    assert not message.acked
    await loop.aclose()  # as where its body raises
    assert message.acked


# -- consumer ----------------------------------------------------------------------------------

CALLED = {
    "ack": ["self", "message"],
    "getmany": ["self", "timeout"],
    "on_partitions_assigned": ["self", "assigned", "generation_id"],
    "on_partitions_revoked": ["self", "revoked"],
    "perform_seek": ["self"],
    "seek_wait": ["self", "partitions"],
    "earliest_offsets": ["self", "partitions"],
    "highwater": ["self", "tp"],
    "assignment": ["self"],
}


@pytest.mark.parametrize("name", CALLED)
def test_public_name(name: str) -> None:
    """What the guarded consumer overrides or calls is still called as before."""
    assert list(inspect.signature(getattr(driver.Consumer, name)).parameters) == CALLED[name]


@in_loop
async def test_ours_is_taken(tmp_path: Path) -> None:
    """An app whose transport was set makes its consumer by it."""
    app = new_app(SETTINGS, "react", tmp_path)
    assert isinstance(app.transport, GuardedTransport)
    app.transport.Consumer = Here
    made = app.transport.create_consumer(
        lambda _: None, on_partitions_revoked=None, on_partitions_assigned=None
    )
    assert type(made) is Here
    assert GuardedTransport.Consumer is GuardedConsumer


@in_loop
async def test_what_the_flow_says(tmp_path: Path) -> None:
    """The names by which the guard sees that a rebalance is on its way are there and plain."""
    app = new_app(SETTINGS, "react", tmp_path)
    made = Here(app.transport, lambda _: None, None, None)
    assert isinstance(made.flow_active, bool)
    assert made.should_stop is False
    assert app.rebalancing is False
    assert isinstance(app.consumer_generation_id, int)
    assert callable(app.monitor.track_tp_end_offset)


@in_loop
async def test_commit_asks_us(tmp_path: Path) -> None:
    """A commit takes from `_new_offset` what to commit, for the partitions in `_acked`."""
    app = new_app(SETTINGS, "react", tmp_path)
    made = Here(app.transport, lambda _: None, None, None)
    asked: list[TP] = []

    def new_offset(tp: TP) -> int | None:
        asked.append(tp)
        return 11 if tp == INBOX else None

    made._new_offset = new_offset  # type: ignore[method-assign]
    made._acked[INBOX], made._acked[STATE] = [], []
    tps = list(made._filter_tps_with_pending_acks())
    assert made._filter_committable_offsets(tps) == {INBOX: 11}
    assert set(asked) == {INBOX, STATE}


@in_loop
async def test_settings_reach_the_client(tmp_path: Path) -> None:
    """The client of Kafka gets our limits: session, age of metadata, one fetch of a run."""
    app = new_app(SETTINGS, "react", tmp_path)
    made = Here(app.transport, lambda _: None, None, None)
    client = made._thread._create_worker_consumer(app.transport)
    try:
        assert client._client._metadata_max_age_ms == METADATA_AGE * 1000
        assert client._session_timeout_ms == SESSION * 1000
        assert client._enable_auto_commit is False
        assert client._auto_offset_reset == "earliest"
    finally:
        client._closed = True  # it was never started


# -- tables ------------------------------------------------------------------------------------


@in_loop
async def test_our_changelog_is_known(tmp_path: Path) -> None:
    """What is read of the state topic is taken for a changelog, what of the inbox is not."""
    app = new_app(SETTINGS, "react", tmp_path)
    Table(app, SETTINGS)
    made = Here(app.transport, lambda _: None, None, None)
    assert made._is_changelog_tp(STATE)
    assert not made._is_changelog_tp(INBOX)


class ChangelogRecord(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@in_loop
async def test_recovery_takes_runs(tmp_path: Path) -> None:
    """A run of the changelog passes its topic as it is, counts by its last offset, and is taken."""
    app = new_app(SETTINGS, "react", tmp_path)
    table = Table(app, SETTINGS)
    await table.on_rebalance({STATE}, set(), {STATE}, 1)
    run = (
        ChangelogRecord(3, b"a", b"1"),
        ChangelogRecord(4, b"b", b"2"),
        ChangelogRecord(5, None, b"x"),
        ChangelogRecord(7, b"b", None),
    )
    told = ConsumerMessage(*STATE, 7, 0.0, 0, None, None, run, None, 0, 0, STATE)
    event = await table.changelog_topic.decode(told, propagate=True)
    assert event.message.offset == 7
    assert table.recovery_buffer_size == 1
    table.apply_changelog_batch([event])
    assert (dict(table.of(0)), table.of(0).offset) == ({b"a": b"1"}, 7)


class Cluster:
    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(SETTINGS.kafka_partitions))


class Member:
    def __init__(self, url: str) -> None:
        self.subscription = [INBOX.topic, STATE.topic]
        nothing = ClientAssignment(actives={}, standbys={})
        self.user_data = ClientMetadata(
            assignment=nothing,
            url=url,
            changelog_distribution={},
            external_topic_distribution={},
            topic_groups={},
        ).dumps()


@pytest.mark.parametrize("members", [1, 2, 3])
@in_loop
async def test_state_goes_with_its_inbox(members: int, tmp_path: Path) -> None:
    """Whoever gets a partition of the inbox gets the same one of state, and each has one owner."""
    app = new_app(SETTINGS, "react", tmp_path)
    Table(app, SETTINGS)
    client = Here(app.transport, lambda _: None, None, None)._thread
    made = client._create_worker_consumer(app.transport)
    made._closed = True  # it was never started
    assert client._assignor is app.assignor
    shared = app.assignor.assign(
        Cluster(), {f"m{n}": Member(f"x://{n}") for n in range(members)}
    )
    owned: list[tuple[str, int]] = []
    for member in shared.values():
        by_topic = {topic: sorted(partitions) for topic, partitions in member.assignment}
        assert by_topic.get(INBOX.topic, []) == by_topic.get(STATE.topic, [])
        owned += [(t, p) for t, partitions in by_topic.items() for p in partitions]
    both = (INBOX.topic, STATE.topic)
    assert sorted(owned) == sorted((t, p) for t in both for p in range(4))


@in_loop
async def test_nothing_where_the_broker_knows_no_topic(tmp_path: Path) -> None:
    """The reason for `METADATA_AGE`: who shares out while no topic is known, shares out nothing."""
    app = new_app(SETTINGS, "react", tmp_path)
    Table(app, SETTINGS)

    class Forgetful(Cluster):
        def partitions_for_topic(self, topic: str) -> None:
            return None

    (member,) = app.assignor.assign(Forgetful(), {"m": Member("x://0")}).values()
    assert list(member.assignment) == []
