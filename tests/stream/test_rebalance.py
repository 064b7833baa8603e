"""Workers come, leave and die: nothing is lost, and the state ends exact."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.engine import topics
from pipeline.engine.producer import Outgoing, new_producer, send
from pipeline.engine.topics import topic_name
from tests.stream.workers import Worker, committed, final_states, records, wait_until

PARTITIONS = 4
RECORDS = 300
"""Per partition, to begin with."""
KEYS = 15
MORE = 2 * KEYS
ASK_EVERY = 0.3
"""Seconds between two questions to Kafka; each makes a consumer."""

Start = Callable[..., Worker]


@pytest.fixture
def deployment(settings: Settings) -> Settings:
    """Topics with an inbox that is full of records to be counted."""
    settings = settings.model_copy(update={"kafka_partitions": PARTITIONS})
    topics.ensure(settings)
    publish(settings, RECORDS)
    return settings


def publish(settings: Settings, count: int) -> None:
    async def run() -> None:
        producer = new_producer(settings)
        await producer.start()
        for partition in range(PARTITIONS):
            outgoing = [Outgoing(b"k%d" % (n % KEYS), b"{}") for n in range(count)]
            await send(producer, topic_name(settings, "inbox"), partition, outgoing)
        await producer.stop()

    asyncio.run(run())


@pytest.fixture
def start(deployment: Settings, tmp_path: Path) -> Iterator[Start]:
    """Start a worker; whatever still runs is killed in the end."""
    started: list[Worker] = []

    def one(**environ: str) -> Worker:
        worker = Worker(deployment, tmp_path / f"worker{len(started)}", **environ)
        started.append(worker)
        return worker

    yield one
    for worker in started:
        worker.kill()


def all_done(settings: Settings, count: int = RECORDS) -> Callable[[], bool]:
    return lambda: committed(settings) == [count] * PARTITIONS


def assert_exact(settings: Settings, count: int = RECORDS) -> None:
    """Each key has all of its offsets, and of the keys that move only the last is left."""
    expected = {b"k%d" % k: list(range(k, count, KEYS)) for k in range(KEYS)}
    for state in final_states(settings):
        kept = {key: value for key, value in state.items() if key.startswith(b"k")}
        assert {key: json.loads(value) for key, value in kept.items()} == expected
        assert state.keys() - kept.keys() == {b"at/%d" % (count - 1)}
        assert not state.stale
    rows: dict[tuple[int, bytes], list[int]] = {}
    for record in records(settings, "rows"):
        rows[record.partition, record.key] = json.loads(record.value)
    assert {key: rows[0, key] for key in expected} == expected


def test_rebalance(deployment: Settings, start: Start) -> None:
    """One of two workers is killed, another joins and leaves: every record is in the state."""
    count = RECORDS

    def until_it_works(worker: Worker, partitions: Sequence[int] = range(PARTITIONS)) -> None:
        """Publish as long as it takes: the others may be done with all before it has joined."""
        nonlocal count
        before = len(worker.runs)

        def works() -> bool:
            nonlocal count
            if sum(run["partition"] in partitions for run in worker.runs[before:]) >= 10:
                return True
            publish(deployment, MORE)
            count += MORE
            return False

        wait_until("ten more runs", works, every=0.5)

    first = start(RUN_RECORDS="10")
    until_it_works(first)
    second = start(RUN_RECORDS="10")
    until_it_works(second)
    theirs = sorted({run["partition"] for run in second.runs})
    second.kill()
    until_it_works(first, theirs)
    third = start(RUN_RECORDS="10")
    until_it_works(third)
    assert third.stop() < 10
    wait_until("all committed", all_done(deployment, count), every=ASK_EVERY)
    assert first.stop() < 10
    assert {run["partition"] for run in first.runs} == set(range(PARTITIONS))
    assert all(run["last"] > run["first"] for run in first.runs[:10])
    assert_exact(deployment, count)


def test_exception_never_acknowledges(deployment: Settings, start: Start) -> None:
    """An agent that raises commits nothing behind its run; a later worker does the rest."""
    failing = start(RAISE_AT="200", PAUSE="0")
    wait_until("all that is before", lambda: min(committed(deployment)) >= 180, every=ASK_EVERY)
    wait_until("raised", lambda: failing.log.read_text().count("told to") >= PARTITIONS)
    failing.stop()
    assert max(committed(deployment)) <= 200
    start(PAUSE="0")
    wait_until("all committed", all_done(deployment), every=ASK_EVERY)
    assert_exact(deployment)
