"""The whole path, publish to ClickHouse: processor time by stage, and by number of workers."""

# ruff: noqa: T201 -- a benchmark prints

import os
import time
from pathlib import Path
from time import process_time
from typing import NamedTuple

from pipeline.config import Settings
from pipeline.engine.publish import publish
from pipeline.simulate.load import load
from tests.stream.broker import Broker
from tests.stream.deployment import Deployment

WITHIN = 3600.0
TICKS = os.sysconf("SC_CLK_TCK")


class Spent(NamedTuple):
    """Seconds of the clock until all was in ClickHouse, and of processors by stage."""

    wall: float
    publish: float
    react: float
    store: float

    @property
    def cpu(self) -> float:
        return self.publish + self.react + self.store


def cpu_of(pid: int) -> float:
    """Seconds that a process has had of processors, all threads; as Linux tells."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def spent(broker: Broker, place: Path, signals: int, workers: int) -> Spent:
    """Publish a mixed load to so many workers that react, and one that stores."""
    place.mkdir()
    config = load(place / "load.ndjson", signals=signals, mix="mixed", adopters=signals // 5)
    settings = Settings(kafka=broker.address, kafka_prefix=f"{place.name}.", config=config)
    with Deployment(settings, place) as deployment:
        store = deployment.start("store").pid
        react = [deployment.start("react", f"react-{n}").pid for n in range(workers)]
        deployment.wait_store()
        deployment.run("config", "publish", str(config), data="publisher")
        deployment.idle(WITHIN)
        before = cpu_of(store), sum(map(cpu_of, react))
        wall, cpu = time.monotonic(), process_time()
        publish(settings, [place / "load.ndjson"])
        published = process_time() - cpu
        deployment.idle(WITHIN)
        return Spent(
            time.monotonic() - wall,
            published,
            sum(map(cpu_of, react)) - before[1],
            cpu_of(store) - before[0],
        )


def measured(broker: Broker, place: Path, signals: int) -> list[tuple[str, str, str]]:
    found = spent(broker, place / "path", signals, 1)
    each = {
        stage: f"{getattr(found, stage) / signals * 1e3:.2f}"
        for stage in ("publish", "react", "store")
    }
    by_stage = ", ".join(f"{stage} {seconds}" for stage, seconds in each.items())
    rows = [
        (
            f"path, mixed, {signals:,} signals, one worker that reacts",
            f"{signals / found.wall:,.0f} signals/s; {signals / found.cpu:,.0f} per core",
            "20,000 per core",
        ),
        ("path, ms CPU per signal, which is s per 1,000", by_stage, ""),
    ]
    for row in rows:
        print(f"{row[0]:60} {row[1]}", flush=True)
    return rows


def by_workers(broker: Broker, place: Path, signals: int) -> list[tuple[str, str, str]]:
    found = {n: spent(broker, place / f"workers-{n}", signals, n) for n in (1, 2, 4)}
    each = {n: one.react / signals * 1e3 for n, one in found.items()}
    said = ", ".join(f"{n}: {ms:.2f}" for n, ms in each.items())
    apart = max(each.values()) / min(each.values()) - 1
    row = (
        "react, ms CPU per signal, by number of workers",
        f"{said}; {apart:.0%} apart",
        "at most 10%",
    )
    print(f"{row[0]:60} {row[1]}", flush=True)
    return [row]
