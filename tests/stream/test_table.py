"""State is durable as one batch, and a frozen worker cannot bring old state back."""

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka.errors import KafkaError
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Settings
from pipeline.engine import topics
from pipeline.engine.app import new_app
from pipeline.engine.producer import new_producer
from pipeline.engine.table import EPOCH, PRIVATE, Revoked, State, Table, version_of
from pipeline.engine.topics import topic_name
from pipeline.errors import BrokerError
from tests.stream.loops import in_loop
from tests.stream.workers import final_states, records


@pytest.fixture
def deployment(settings: Settings) -> Settings:
    settings = settings.model_copy(update={"kafka_partitions": 1})
    topics.ensure(settings)
    return settings


async def table_of(settings: Settings, folder: Path, generation: int = 1) -> Table:
    """A table that has partition 0, as if a rebalance had just ended."""
    app = new_app(settings, "react", folder)
    app.consumer_generation_id = generation
    table = Table(app, settings)
    tps = {TP(topic_name(settings, "state"), 0), TP(topic_name(settings, "inbox"), 0)}
    await table.on_rebalance(tps, set(), tps, generation)
    return table


def recover(table: Table, settings: Settings) -> State:
    """Let a table take in what the changelog holds, as Faust would hand it over."""
    state = table.of(0)
    for record in records(settings, "state"):
        state.take(record.offset, record.key, record.value, version_of(record.headers))
    state.begin(table.app.consumer_generation_id)
    return state


@asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[Any]:
    producer = new_producer(settings)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@in_loop
async def test_written_and_recovered(deployment: Settings, tmp_path: Path) -> None:
    """What was set and deleted is what a new worker recovers."""
    table = await table_of(deployment, tmp_path)
    state = table.of(0)
    async with producing(deployment) as producer:
        state.update({b"a": b"1", b"b": b"2"})
        await table.write(state, producer, offset=10, generation=1)
        state[b"a"] = b"3"
        del state[b"b"]
        assert not state.durable
        await table.write(state, producer, offset=20, generation=1)
        assert state.durable
    later = recover(await table_of(deployment, tmp_path, generation=2), deployment)
    assert dict(later) == {b"a": b"3"}
    assert (later.offset, later.durable) == (3, True)
    assert table.strangers == 0


@in_loop
async def test_one_batch(deployment: Settings, tmp_path: Path) -> None:
    """A write is one batch, so that a crash leaves all of it or nothing: five megabytes too."""
    table = await table_of(deployment, tmp_path)
    state = table.of(0)
    async with producing(deployment) as producer:
        state.update({b"%d" % n: b"x" * 1_000_000 for n in range(5)})
        await table.write(state, producer, offset=10, generation=1)
    # Kafka stamps a batch, not a record: one stamp is one batch
    assert len({record.timestamp for record in records(deployment, "state")}) == 1


@in_loop
async def test_too_large(deployment: Settings, tmp_path: Path) -> None:
    """More than one batch takes is refused with the setting's name, and stays unwritten."""
    small = deployment.model_copy(update={"kafka_record_bytes": 1024 * 1024})
    table = await table_of(small, tmp_path)
    state = table.of(0)
    async with producing(small) as producer:
        state.update({b"%d" % n: b"x" * 600_000 for n in range(2)})
        with pytest.raises(BrokerError, match="SIGNALS_KAFKA_RECORD_BYTES"):
            await table.write(state, producer, offset=10, generation=1)
    assert not state.durable
    assert list(records(deployment, "state")) == []


@in_loop
async def test_frozen_worker(deployment: Settings, tmp_path: Path) -> None:
    """Old state that a frozen worker writes late is dropped by recovery."""
    frozen = await table_of(deployment, tmp_path)
    async with producing(deployment) as producer:
        frozen.of(0)[b"a"] = b"first"
        await frozen.write(frozen.of(0), producer, offset=10, generation=1)
        # frozen after its check; the successor recovers, goes on, and is done
        frozen.of(0).update({b"a": b"old", b"gone": b"old"})
        owner = await table_of(deployment, tmp_path, generation=2)
        state = recover(owner, deployment)
        state.update({b"a": b"new", b"gone": b"new"})
        del state[b"gone"]
        await owner.write(state, producer, offset=20, generation=2)
        with pytest.raises(Revoked):
            # it sees that somebody newer wrote before it; by then the harm is done
            await frozen.write(frozen.of(0), producer, offset=15, generation=1)
        (recovered,) = final_states(deployment)
        assert dict(recovered) == {b"a": b"new"}
        assert recovered.stale == {b"a", b"gone"}
        # and the owner, who never looked, writes both again at its next write
        state[b"b"] = b"1"
        await owner.write(state, producer, offset=30, generation=2)
        assert owner.strangers == 2
    (healed,) = final_states(deployment)
    assert (dict(healed), healed.stale) == ({b"a": b"new", b"b": b"1"}, set())
    last = {record.key: record.value for record in records(deployment, "state")}
    assert last == {b"a": b"new", b"b": b"1", b"gone": None}


@in_loop
async def test_written_before_the_claim(deployment: Settings, tmp_path: Path) -> None:
    """What a frozen worker wrote behind all that was recovered, and before the claim, counts."""
    frozen = await table_of(deployment, tmp_path)
    async with producing(deployment) as producer:
        await frozen.claim(frozen.of(0), producer, 1)
        owner = await table_of(deployment, tmp_path, generation=2)
        state = recover(owner, deployment)
        # the frozen one is back, sees nobody, and lets effects follow
        frozen.of(0).update({b"place": b"7"})
        await frozen.write(frozen.of(0), producer, offset=7, generation=1)
        await owner.claim(state, producer, 2)
        assert (state[b"place"], state.stale) == (b"7", set())
        # from here on it is a stranger, and learns it before effects
        frozen.of(0).update({b"place": b"8"})
        with pytest.raises(Revoked):
            await frozen.write(frozen.of(0), producer, offset=8, generation=1)
        state[b"other"] = b"1"
        await owner.write(state, producer, offset=9, generation=2)
    (recovered,) = final_states(deployment)
    assert (recovered[b"place"], recovered[b"other"]) == (b"7", b"1")


@in_loop
async def test_late_claim(deployment: Settings, tmp_path: Path) -> None:
    """Who claims a partition that has a newer owner by then has lost it, and spoils nothing."""
    frozen = await table_of(deployment, tmp_path)
    async with producing(deployment) as producer:
        owner = await table_of(deployment, tmp_path, generation=2)
        await owner.claim(owner.of(0), producer, 2)
        owner.of(0)[b"a"] = b"1"
        await owner.write(owner.of(0), producer, offset=9, generation=2)
        with pytest.raises(Revoked):
            await frozen.claim(frozen.of(0), producer, 1)
        with pytest.raises(Revoked):
            frozen.of(0)
    assert recover(await table_of(deployment, tmp_path, generation=3), deployment)[b"a"] == b"1"


@in_loop
async def test_nothing_during_a_rebalance(deployment: Settings, tmp_path: Path) -> None:
    """While partitions are shared anew nothing is written: what is under way comes again."""
    table = await table_of(deployment, tmp_path)
    state = table.of(0)
    state[b"a"] = b"1"
    table.app.rebalancing = True
    async with producing(deployment) as producer:
        with pytest.raises(Revoked):
            await table.write(state, producer, offset=10, generation=1)
    assert list(records(deployment, "state")) == []


@in_loop
async def test_old_generation(deployment: Settings, tmp_path: Path) -> None:
    """Work from before a rebalance writes nothing, and neither does a partition that is lost."""
    table = await table_of(deployment, tmp_path)
    state = table.of(0)
    state[b"a"] = b"1"
    async with producing(deployment) as producer:
        table.app.consumer_generation_id = 2
        with pytest.raises(Revoked):
            await table.write(state, producer, offset=10, generation=1)
        await table.on_rebalance(set(), set(), set(), 2)
        with pytest.raises(Revoked):
            await table.write(state, producer, offset=10, generation=2)
        with pytest.raises(Revoked):
            table.of(0)
    assert list(records(deployment, "state")) == []


async def refuse(*_: object, **__: object) -> None:
    raise KafkaError


@in_loop
async def test_failed_write_stays(deployment: Settings, tmp_path: Path) -> None:
    """Changes whose write failed leave with the next one."""
    table = await table_of(deployment, tmp_path)
    state = table.of(0)
    state[b"a"] = b"1"
    async with producing(deployment) as producer:
        works = producer.send_batch
        producer.send_batch = refuse
        with pytest.raises(KafkaError):
            await table.write(state, producer, offset=10, generation=1)
        assert not state.durable
        producer.send_batch = works
        await table.write(state, producer, offset=10, generation=1)
    assert [dict(one) for one in final_states(deployment)] == [{b"a": b"1"}]


@in_loop
async def test_kept_through_a_rebalance(tmp_path: Path) -> None:
    """A partition that stays goes on where it was; with changes in the air it begins anew."""
    settings = Settings(kafka="nowhere:9092", kafka_partitions=3)
    table = await table_of(settings, tmp_path)
    name = topic_name(settings, "state")
    tps = {TP(name, partition) for partition in range(3)}
    await table.on_rebalance(tps, set(), tps, 2)
    kept, in_the_air = table.of(1), table.of(2)
    kept.take(7, b"a", b"1", 5)
    in_the_air.take(7, b"a", b"1", 5)
    in_the_air[b"a"] = b"2"
    await table.on_rebalance(tps - {TP(name, 0)}, {TP(name, 0)}, set(), 3)
    assert table.of(1) is kept
    assert table.of(2) is not in_the_air
    assert [table.persisted_offset(TP(name, p)) for p in range(3)] == [-1, 7, -1]


def test_group_forgotten() -> None:
    """Where Kafka has forgotten the group its generations begin anew, and versions still grow."""
    state = State(0, {})
    state.take(0, b"a", b"1", (900 << EPOCH) + 5)
    state.begin(generation=1)
    assert state.advance(generation=1, offset=0) > (900 << EPOCH) + 5
    before = state.version
    state.begin(generation=2)
    assert state.advance(generation=2, offset=0) > before


@given(st.data())
def test_strangers_change_nothing(data: st.DataObject) -> None:
    """However the writes of strangers are mixed in, what is recovered is what the owner wrote."""
    keys = st.sampled_from([b"a", b"b", b"c"])
    values = st.none() | st.sampled_from([b"1", b"2"])
    writes = data.draw(st.lists(st.tuples(keys, values), min_size=1))
    log = []
    for version, (key, value) in enumerate(writes, 1):
        log.append((key, value, version))
        strange = st.tuples(keys, values, st.integers(0, version - 1))
        log += data.draw(st.lists(strange, max_size=2))
    alone, mixed = State(0, {}), State(0, {})
    for offset, (key, value) in enumerate(writes):
        alone.take(offset, key, value, offset + 1)
    for offset, (key, value, version) in enumerate(log):
        mixed.take(offset, key, value, version)
    assert dict(mixed) == dict(alone)
    # and what would bring the log itself to that is known
    last = {key: value for key, value, _ in log} | mixed.pending()
    assert {key: value for key, value in last.items() if value is not None} == dict(alone)


# -- what Faust must stay like -----------------------------------------------------------------

SIGNATURES = {
    "apply_changelog_batch": ["self", "batch"],
    "on_key_del": ["self", "key"],
    "on_key_set": ["self", "key", "value"],
    "on_rebalance": ["self", "assigned", "revoked", "newly_assigned", "generation_id"],
    "on_recovery_completed": ["self", "active_tps", "standby_tps"],
    "on_start": ["self"],
    "persisted_offset": ["self", "tp"],
}


@pytest.mark.parametrize("name", PRIVATE)
def test_private_name(name: str) -> None:
    """Each name of Faust's table that ours puts in its place is called as before."""
    assert list(inspect.signature(getattr(faust.Table, name)).parameters) == SIGNATURES[name]


@in_loop
async def test_recovery_begins_where_we_say(tmp_path: Path) -> None:
    """Faust's recovery takes the offset to begin at from the table, before each recovery."""
    settings = Settings(kafka="nowhere:9092", kafka_partitions=1)
    table = await table_of(settings, tmp_path)
    tp = TP(topic_name(settings, "state"), 0)
    table.of(0).take(41, b"a", b"1", 1)
    recovery = table.app.tables.recovery
    recovery.add_active(table, tp)
    assert recovery.active_offsets[tp] == 41


@in_loop
async def test_not_changed_by_itself(tmp_path: Path) -> None:
    """Faust's own way to change a table, which sends each change alone, is closed."""
    table = await table_of(Settings(kafka="nowhere:9092"), tmp_path)
    with pytest.raises(TypeError, match="of"):
        table[b"a"] = b"1"
