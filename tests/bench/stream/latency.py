"""From publish to a row that can be queried, at a steady rate, while a day of the data ends."""

# ruff: noqa: T201 -- a benchmark prints

import asyncio
import datetime as dt
import re
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import quantiles

from pipeline.config import Settings
from pipeline.core.calendar import iso_instant, to_instant
from pipeline.engine.decode import Decoded, decode
from pipeline.engine.lag import lags
from pipeline.engine.producer import producing
from pipeline.engine.publish import Publisher
from pipeline.engine.wire import spread
from pipeline.simulate.load import load
from pipeline.simulate.organisation import FIRST_DAY
from pipeline.store import address
from pipeline.store.client import open_store
from tests.stream.broker import Broker
from tests.stream.deployment import Deployment

EVERY = 0.05
"""Seconds between two sendings."""

LOOK_EVERY = 0.1
"""Seconds between two looks: what is measured is that much too long at most."""

PATIENCE = 120.0
"""Seconds for what is still under way at the end."""

_AGES = 2**62
_TIME = re.compile(rb'"time":"[^"]*"')


class Probe:
    """Asks the store which of the signals that were sent are there."""

    def __init__(self, url: str) -> None:
        self.sent: dict[tuple[str, str], float] = {}
        """When a signal was due to be sent, by its source and id."""
        self.took: list[float] = []
        self.over = False
        self._url = url
        self._thread = threading.Thread(target=self._look)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> int:
        """Wait for what is still under way; how many never came."""
        self.over = True
        self._thread.join()
        return len(self.sent)

    def _look(self) -> None:
        ended = float("inf")
        with open_store(None, self._url) as store:
            while self.sent or not self.over:
                if self.over:
                    ended = min(ended, time.monotonic())
                if time.monotonic() > ended + PATIENCE:
                    return
                asked = list(self.sent)
                if asked:
                    # by the key of the table: to look must not cost what is measured
                    rows = store.rows(
                        """
                        SELECT source, id FROM signals_store.signals
                        WHERE (source, id) IN
                            arrayZip({sources:Array(String)}, {ids:Array(String)})
                        """,
                        {
                            "sources": [source for source, _ in asked],
                            "ids": [id for _, id in asked],
                        },
                    )
                    now = time.monotonic()
                    self.took += [
                        now - self.sent.pop((row["source"], row["id"])) for row in rows
                    ]
                time.sleep(LOOK_EVERY)


async def publish(
    settings: Settings, lines: list[bytes], begins: int, rate: int, probe: Probe
) -> None:
    """Send lines at a steady rate; signal n happens n / rate seconds after `begins`."""
    midnight = begins + round(len(lines) / rate / 2 * 1000)
    partitions = settings.kafka_partitions
    async with producing(settings) as producer:
        publisher = Publisher(settings, producer)
        began, n = time.monotonic(), 0
        while n < len(lines):
            due = min(len(lines), int((time.monotonic() - began) * rate))
            first = n
            while n < due:
                at = begins + n * 1000 // rate
                line = _TIME.sub(b'"time":"%s"' % iso_instant(at).encode(), lines[n])
                decoded = decode(line, -_AGES, _AGES)
                assert isinstance(decoded, Decoded)
                if n == first:
                    longest = decoded.signal.source, decoded.signal.id
                if at >= midnight > begins + (n - 1) * 1000 // rate:
                    publisher.tick(midnight)
                for partition, record in spread(decoded, line, partitions):
                    publisher.put(partition, record)
                n += 1
            await publisher.flush()
            if n > first:
                probe.sent[longest] = began + first / rate
            await asyncio.sleep(EVERY)


def measured(
    broker: Broker, place: Path, rate: int, minutes: float, workers: int
) -> list[tuple[str, str, str]]:
    folder = place / "latency"
    folder.mkdir()
    count = int(rate * minutes * 60)
    config = load(folder / "load.ndjson", signals=count, mix="mixed", adopters=count // 5)
    lines = (folder / "load.ndjson").read_bytes().splitlines()
    day = FIRST_DAY + dt.timedelta(days=30)
    midnight = to_instant(dt.datetime.combine(day, dt.time(), dt.UTC))
    begins = midnight - round(minutes * 60 / 2 * 1000)
    settings = Settings(kafka=broker.address, kafka_prefix="latency.", config=config)
    with Deployment(settings, folder) as deployment:
        deployment.start("store")
        for n in range(workers):
            deployment.start("react", f"react-{n}")
        deployment.wait_store()
        deployment.run("config", "publish", str(config), data="publisher")
        deployment.idle(PATIENCE)
        where = address.running(folder / "data")
        assert where is not None
        probe = Probe(f"http://{where}")
        probe.start()
        asyncio.run(publish(settings, lines, begins, rate, probe))
        left: Counter[str] = Counter()
        for lag in lags(settings):
            left[lag.stage] += lag.records
        never = probe.finish()
    cuts = quantiles(probe.took, n=100)
    said = f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, {len(probe.took)} probes"
    behind = f"{left['react']} react, {left['store']} store, {never} probes never came"
    rows = [
        (
            f"publish to a row, {rate:,} signals/s, {minutes:g} min, {workers} workers react",
            said,
            "p99 2 s",
        ),
        ("records that wait at its end (sustained, where few)", behind, ""),
    ]
    for row in rows:
        print(f"{row[0]:60} {row[1]}", flush=True)
    return rows
