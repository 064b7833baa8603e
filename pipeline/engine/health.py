"""Whether a worker lives, whether it works, and what it has done: pages over HTTP.

They stand beside the read-only ClickHouse HTTP of the embedded store, on the one address of
`SIGNALS_HTTP`. The server has threads of its own, so that a page is answered, and can say that
the loop hangs, also while the loop hangs.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import NoReturn

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline import metrics
from pipeline.engine.stream import Stage
from pipeline.engine.transport import GuardedConsumer
from pipeline.store.reading import Request, refused
from pipeline.store.server import Page, Pages

BEAT = 1.0
"""Seconds between two signs of life of the loop."""

HANGS = 30.0
"""Seconds without one after which the process had better be started anew. A large run, or the
state of a million parts being read, may hold the loop for some."""

TEXT = "text/plain; charset=utf-8"


class Health(Collector):
    """Looks at the stages of a worker, from whatever thread asks."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        """Of the stages that this worker shall have."""
        self._stages: Mapping[str, Stage] = {}
        self._stopping = False
        self._beat = monotonic()

    async def beat(self) -> None:
        """Show that the loop runs."""
        while True:
            self._beat = monotonic()
            await asyncio.sleep(BEAT)

    def started(self, stage: Stage) -> None:
        """Look at this one, too."""
        self._stages = {**self._stages, stage.name: stage}

    def stopping(self) -> None:
        """From now on nobody shall count on this worker."""
        self._stopping = True

    # -- what is wrong -----------------------------------------------------------------------

    def ill(self) -> str | None:
        """Why only a new process helps; None where this one lives."""
        silent = monotonic() - self._beat
        if silent > HANGS:
            return f"the loop has hung for {silent:.0f} s"
        for name, stage in self._stages.items():
            if stage.app.crashed:
                return f"{name} has crashed"
        return None

    def not_ready(self) -> str | None:
        """Why this worker does not work; None where every stage does."""
        if self._stopping:
            return "the worker stops"
        return self.ill() or next(filter(None, map(self._waits_for, self._names)), None)

    def _waits_for(self, name: str) -> str | None:
        stage = self._stages.get(name)
        if stage is None:
            return f"{name} has not started"
        if not stage.app.rebalancing_count:
            return f"{name} has not joined its group"
        if stage.app.rebalancing:
            return f"{name} waits until partitions are shared and state is recovered"
        return None

    # -- pages -------------------------------------------------------------------------------

    def pages(self) -> Pages:
        return {
            "/healthz": lambda: _said(self.ill()),
            "/readyz": lambda: _said(self.not_ready()),
            "/metrics": lambda: Page(200, metrics.CONTENT_TYPE, metrics.exposition()),
        }

    def collect(self) -> Iterator[Metric]:
        """What the consumers know, as of now."""
        ready = GaugeMetricFamily("signals_ready", "1 where every stage of this worker works.")
        ready.add_metric([], self.not_ready() is None)
        lag = GaugeMetricFamily(
            "signals_lag_records",
            "Records that wait in the partitions that this worker has.",
            labels=["stage", "partition"],
        )
        rebalances = CounterMetricFamily(
            "signals_rebalances", "Times that partitions were shared anew.", labels=["stage"]
        )
        expired = CounterMetricFamily(
            "signals_records_expired",
            "Records that retention deleted before they were read: the one real loss.",
            labels=["stage"],
        )
        for name, stage in self._stages.items():
            consumer = stage.app.consumer
            assert isinstance(consumer, GuardedConsumer)
            for tp, records in consumer.behind().items():
                lag.add_metric([name, str(tp.partition)], records)
            rebalances.add_metric([name], stage.app.rebalancing_count)
            expired.add_metric([name], consumer.happened["expired"])
        yield from (ready, lag, rebalances, expired)


def _said(trouble: str | None) -> Page:
    return Page(503 if trouble else 200, TEXT, f"{trouble or 'ok'}\n".encode())


class NoEngine:
    """Answers queries where this process has no store."""

    def answer(self, request: Request) -> NoReturn:  # noqa: ARG002 - as engines do
        raise refused(48, "NOT_IMPLEMENTED", "This worker has no embedded store to be asked")
