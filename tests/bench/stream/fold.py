"""The same small job for three engines: count and sum per goal, durable, one signal per record."""

# ruff: noqa: T201 -- how a process tells what it measured

import asyncio
import json
import os
import random
import subprocess
import sys
import uuid
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import faust
import orjson

from pipeline.config import Settings, variable
from pipeline.core.names import partition_of
from pipeline.engine import topics
from pipeline.engine.app import new_app, source
from pipeline.engine.producer import Outgoing, new_producer, producing, send
from pipeline.engine.table import Table
from pipeline.engine.topics import topic_name
from tests.stream.broker import Broker

GOALS = 200
STOCK = 20
"""A stock table is so much slower that it gets this part of the signals."""

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def event(rng: random.Random) -> tuple[str, bytes]:
    """About 400 bytes, as a tracker would send."""
    goal = f"goal-{rng.randrange(GOALS)}"
    data = {
        "goal": goal,
        "team": f"team-{rng.randrange(20)}",
        "work_item": f"FEAT-{rng.randrange(5000)}",
        "service": f"svc-{rng.randrange(60)}",
        "status": rng.choice(["open", "in_progress", "shipped", "done"]),
        "version": f"1.{rng.randrange(40)}.{rng.randrange(20)}",
        "environment": "production",
        "ref": "refs/heads/release-2026",
        "active_users": rng.randrange(9000),
        "points": rng.randrange(1, 14),
    }
    said = {
        "specversion": "1.0",
        "id": str(uuid.UUID(int=rng.getrandbits(128))),
        "type": "delivery.issue.v1",
        "source": f"tracker/{rng.randrange(40)}",
        "time": f"2026-08-{rng.randrange(1, 29):02}T10:00:00.000Z",
        "subject": data["work_item"],
        "data": data,
    }
    return goal, orjson.dumps(said)


def preload(settings: Settings, signals: int) -> None:
    topics.ensure(settings)
    rng = random.Random(7)
    partitions: dict[int, list[Outgoing]] = {}
    for _ in range(signals):
        goal, body = event(rng)
        number = partition_of(goal, settings.kafka_partitions)
        partitions.setdefault(number, []).append(Outgoing(goal.encode(), body))

    async def run() -> None:
        async with producing(settings) as producer:
            for number, records in sorted(partitions.items()):
                for n in range(0, len(records), 5000):
                    some = records[n : n + 5000]
                    await send(producer, topic_name(settings, "inbox"), number, some)

    asyncio.run(run())


class Clock:
    """From the first event to the last signal, wall and processor time."""

    def __init__(self, signals: int) -> None:
        self.left = signals
        self.done = asyncio.Event()
        self._began: tuple[float, float] | None = None
        self._signals = signals

    def begin(self) -> None:
        if self._began is None:
            self._began = perf_counter(), process_time()

    def end(self, signals: int) -> None:
        self.left -= signals
        if self.left <= 0:
            assert self._began is not None
            wall, cpu = perf_counter() - self._began[0], process_time() - self._began[1]
            print(json.dumps({"signals": self._signals, "wall": wall, "cpu": cpu}), flush=True)
            # Faust leaves threads behind that nobody can join
            os._exit(0)


async def guarded(settings: Settings, folder: Path, signals: int) -> None:
    """Runs through the guarded transport, the changelog as one batch per run, awaited."""
    clock = Clock(signals)
    app = new_app(settings, "react", folder)
    table = Table(app, settings)
    producer = new_producer(settings)
    await producer.start()

    @app.agent(source(app, settings, "inbox"), concurrency=1)
    async def react(stream: Any) -> None:
        async for event in stream.noack().events():
            clock.begin()
            message = event.message
            state = table.of(message.partition)
            touched: dict[bytes, list[int]] = {}
            for record in event.value:
                data = orjson.loads(record.value)["data"]
                goal = data["goal"].encode()
                if (known := touched.get(goal)) is None:
                    known = touched[goal] = orjson.loads(state.get(goal, b"[0,0]"))
                known[0] += 1
                known[1] += data["points"]
            for goal, known in touched.items():
                state[goal] = orjson.dumps(known)
            await table.write(
                state, producer, offset=message.offset, generation=message.generation_id
            )
            event.ack()
            clock.end(len(event.value))

    await app.start()
    await asyncio.Event().wait()


async def stock(settings: Settings, folder: Path, signals: int) -> None:
    """Faust as it comes: an event per record, a table whose changelog nobody awaits."""
    clock = Clock(signals)
    app = faust.App(
        settings.kafka_prefix + "stock",
        broker=f"kafka://{settings.kafka}",
        datadir=folder,
        store="memory://",
        web_enabled=False,
        cython_optimizations=True,
        consumer_auto_offset_reset="earliest",
        topic_partitions=settings.kafka_partitions,
        topic_replication_factor=1,
        table_standby_replicas=0,
    )
    table = app.Table("state", partitions=settings.kafka_partitions, key_type=str)

    @app.agent(source(app, settings, "inbox"))
    async def react(stream: Any) -> None:
        async for body in stream:
            clock.begin()
            data = orjson.loads(body)["data"]
            goal = data["goal"]
            count, points = table.get(goal) or (0, 0)
            table[goal] = (count + 1, points + data["points"])
            clock.end(1)

    await app.start()
    await asyncio.Event().wait()


def measured(
    broker: Broker, place: Path, signals: int, quix: Path | None
) -> list[tuple[str, str, str]]:
    ours = Settings(kafka=broker.address, kafka_prefix="fold.")
    theirs = Settings(kafka=broker.address, kafka_prefix="few.")
    preload(ours, signals)
    preload(theirs, signals // STOCK)
    rates: dict[str, float] = {}
    rows = []
    jobs: list[tuple[str, Settings, int, Path]] = [
        ("guarded", ours, signals, Path(sys.executable)),
        ("stock", theirs, signals // STOCK, Path(sys.executable)),
    ]
    if quix is not None:
        jobs.append(("quix", ours, signals, quix))
    for name, settings, count, python in jobs:
        found = _apart(name, settings, count, place / name, python)
        rate, each = count / found["wall"], found["cpu"] / count * 1e6
        rates[name] = count / found["cpu"]
        of = {"guarded": "ours", "stock": "stock Faust table", "quix": "Quix Streams"}[name]
        said = f"{rate:,.0f} signals/s, {each:.0f} µs CPU each"
        rows.append((f"fold, durable, {of}, {count:,} signals", said, ""))
        print(f"{rows[-1][0]:60} {said}", flush=True)
    aims = {"stock": 30, "quix": 4}
    for name, aim in aims.items():
        if name in rates:
            times = f"{rates['guarded'] / rates[name]:.1f} times"
            rows.append((f"fold, ours against {name}, in CPU", times, f"{aim} times"))
    return rows


def _apart(
    name: str, settings: Settings, signals: int, folder: Path, python: Path
) -> dict[str, float]:
    folder.mkdir()
    if name == "quix":
        command = [str(python), str(HERE / "quix.py"), str(settings.kafka)]
        command += [topic_name(settings, "inbox"), str(folder), str(signals)]
    else:
        command = [str(python), "-m", __spec__.name, name, str(folder), str(signals)]
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        **{variable(n): str(getattr(settings, n)) for n in ("kafka", "kafka_prefix")},
    }
    done = subprocess.run(
        command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


if __name__ == "__main__":
    engine, data, many = sys.argv[1:]
    job = {"guarded": guarded, "stock": stock}[engine]
    asyncio.run(job(Settings.load(), Path(data), int(many)))
