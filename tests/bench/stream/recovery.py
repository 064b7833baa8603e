"""How long a worker takes to start, with nothing and with very much state to recover."""

# ruff: noqa: T201 -- a benchmark prints

import asyncio
import time
from pathlib import Path

from pipeline.config import Settings
from pipeline.engine import topics
from pipeline.engine.lag import lags
from pipeline.engine.partition import PartitionParts
from pipeline.engine.producer import Outgoing, producing, send
from pipeline.engine.publish import Publisher
from pipeline.engine.table import EPOCH, VERSION
from pipeline.engine.topics import topic_name
from tests.bench.stream.path import cpu_of
from tests.stream.broker import Broker
from tests.stream.deployment import Deployment

TEXT = b"x" * 250
"""About as long as a signal, which is what most parts of state remember."""

SOME = 20_000


def measured(broker: Broker, place: Path, parts: int) -> list[tuple[str, str, str]]:
    rows = []
    for count in (0, parts):
        folder = place / f"recovery-{count}"
        folder.mkdir()
        settings = Settings(kafka=broker.address, kafka_prefix=f"recovery-{count}.")
        topics.ensure(settings)
        asyncio.run(_fill(settings, count))
        with Deployment(settings, folder) as deployment:
            began = time.monotonic()
            worker = deployment.start("react")
            while any(lag.records for lag in lags(settings) if lag.stage == "react"):
                assert worker.poll() is None, deployment.logs()
                time.sleep(0.1)
            took, cpu = time.monotonic() - began, cpu_of(worker.pid)
        said = f"{took:.1f} s, {cpu:.1f} s CPU"
        rows.append(
            (f"start of a worker to its first work, {count:,} parts of state", said, "")
        )
        print(f"{rows[-1][0]:60} {said}", flush=True)
    return rows


async def _fill(settings: Settings, count: int) -> None:
    """As many parts as if a worker had written them, and a tick to work on."""
    version = ((VERSION, (1 << EPOCH).to_bytes(8, "big")),)
    async with producing(settings) as producer:
        for partition in range(settings.kafka_partitions):
            mine = range(partition, count, settings.kafka_partitions)
            for n in range(0, len(mine), SOME):
                raw: dict[bytes, bytes] = {}
                held = PartitionParts(raw)
                for identity in mine[n : n + SOME]:
                    held.keep(identity, identity, 0, TEXT)
                held.commit(0, 0)
                records = [
                    Outgoing(key, value, version)
                    for key, value in raw.items()
                    if key[:1] != b"\0"
                ]
                await send(producer, topic_name(settings, "state"), partition, records)
        publisher = Publisher(settings, producer)
        publisher.tick(1_780_272_000_000)
        await publisher.flush()
