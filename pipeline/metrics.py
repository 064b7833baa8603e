"""What a process counts and times, in the words of Prometheus.

Units and names follow its conventions: seconds, `_total` on what only grows. Memory and CPU of
the process, `process_...`, come with the library. What Kafka's side knows by itself (lag,
rebalances) is no counter here but read when somebody asks, see `pipeline.engine.health`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter, time
from typing import Protocol

from prometheus_client import (
    CONTENT_TYPE_LATEST as CONTENT_TYPE,
)
from prometheus_client import (
    REGISTRY,
    Counter,
    Histogram,
    generate_latest,
)

_WORK = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_WAIT = (0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 3600.0)

RECORDS = Counter(
    "signals_records",
    "Records whose effects are durable, by the stage that took them.",
    ["stage"],
)
RUNS = Counter(
    "signals_runs",
    "Runs of records whose effects are durable, one per partition at a time.",
    ["stage"],
)
RUN_SECONDS = Histogram(
    "signals_run_seconds",
    "Time that the runs took that were worked on at once.",
    ["stage"],
    buckets=_WORK,
)
DURABLE_SECONDS = Histogram(
    "signals_durable_seconds",
    "Time from the arrival of the oldest record of a run until all effects of the run were durable.",
    ["stage"],
    buckets=_WAIT,
)
REVOKED = Counter(
    "signals_runs_revoked", "Runs that were dropped as another worker may have them.", ["stage"]
)
REJECTS = Counter("signals_rejects", "Lines that were rejected, by reason.", ["reason"])
FUSES = Counter(
    "signals_fuses_blown",
    "Times that this worker stopped as too much was rejected, by the setting that says so.",
    ["setting"],
)
RETRIES = Counter("signals_retries", "Work that failed and was tried again.", ["work"])


class Arrived(Protocol):
    """A record, which knows the millisecond it arrived."""

    @property
    def timestamp(self) -> int: ...


@contextmanager
def working(stage: str) -> Iterator[None]:
    """Time the work on runs, if it comes to its end."""
    begun = perf_counter()
    yield
    RUN_SECONDS.labels(stage).observe(perf_counter() - begun)


def done(stage: str, run: Sequence[Arrived]) -> None:
    """Count a run whose effects are durable, and how long it took since it arrived."""
    # clocks of two machines: what arrived in the future arrived now
    DURABLE_SECONDS.labels(stage).observe(max(0.0, time() - run[0].timestamp / 1000))
    RUNS.labels(stage).inc()
    RECORDS.labels(stage).inc(len(run))


def exposition() -> bytes:
    """All of it, as Prometheus reads it."""
    return generate_latest(REGISTRY)


__all__ = ["CONTENT_TYPE", "REGISTRY", "done", "exposition", "working"]
