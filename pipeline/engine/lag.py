"""How far each stage of a deployment is behind, and whether all work is done."""

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)

from pipeline import metrics
from pipeline.config import Settings
from pipeline.engine.connect import client_options
from pipeline.engine.topics import Role, admin_client, require, topic_name
from pipeline.store.client import Store
from pipeline.store.writer import DATABASE

READS: dict[str, Role] = {"parse": "raw", "react": "inbox", "store": "rows"}
"""What each stage reads."""

MEASURE_EVERY = 15.0
"""Seconds between two measurements that the store keeps."""

LOOK_EVERY = 0.5

LOOK_WITHIN = 5.0
"""Seconds in which the oldest records that wait must be read."""

COORDINATOR_WITHIN = 30.0
"""Seconds that a broker which has just started may take to know the groups."""


log = logging.getLogger(__name__)


class Lag(NamedTuple):
    """Records that a stage has not finished in one partition."""

    stage: str
    partition: int
    end: int
    records: int


def lags(settings: Settings) -> list[Lag]:
    """Of every stage and partition, as of now."""
    with _clients(settings) as (admin, consumer):
        return _lags(settings, admin, consumer)


class Waiting(NamedTuple):
    """A row of the view `pipeline_lag`: what waits in one partition for a stage, and how long."""

    stage: str
    partition: int
    at: dt.datetime
    lag_records: int
    lag_seconds: float | None
    """Since the oldest of them arrived; None where it could not be read in time."""


def waiting(settings: Settings) -> list[Waiting]:
    """Of every stage and partition, as of now."""
    with _clients(settings) as (admin, consumer):
        found = _lags(settings, admin, consumer)
        at = dt.datetime.now(dt.UTC)
        arrived = _arrived(settings, consumer, [lag for lag in found if lag.records])
    return [
        Waiting(
            lag.stage,
            lag.partition,
            at,
            lag.records,
            _seconds(at, arrived.get((lag.stage, lag.partition))) if lag.records else 0.0,
        )
        for lag in found
    ]


def record(store: Store, measured: list[Waiting]) -> None:
    """Put a measurement into the store, where the view `pipeline_lag` shows the newest."""
    store.insert_rows(f"{DATABASE}.pipeline_lag", Waiting._fields, measured)


def keep_measuring(
    settings: Settings,
    open_: Callable[[], Store],
    ours: Callable[[], bool],
    stopped: threading.Event,
) -> None:
    """Measure and record until `stopped`, whenever it is up to us; an error is told and passes.

    It blocks, so it has a thread of its own, and there a store of its own.
    """
    store: Store | None = None
    while not stopped.wait(MEASURE_EVERY):
        if not ours():
            continue
        try:
            store = store or open_()
            record(store, waiting(settings))
        except Exception as error:  # noqa: BLE001 - no measurement is worth a worker
            metrics.RETRIES.labels("measuring lag").inc()
            log.warning("lag was not measured: %s", error)


def by_stage(found: list[Waiting]) -> list[tuple[str, int, float | None, int]]:
    """Per stage: records that wait, for how many seconds the oldest, in how many partitions."""
    rows = []
    for stage in READS:
        behind = [one for one in found if one.stage == stage and one.lag_records]
        known = [one.lag_seconds for one in behind if one.lag_seconds is not None]
        longest = max(known, default=None) if behind else 0.0
        rows.append((stage, sum(one.lag_records for one in behind), longest, len(behind)))
    return rows


def _seconds(at: dt.datetime, arrived: int | None) -> float | None:
    return None if arrived is None else max(0.0, at.timestamp() - arrived / 1000)


def _arrived(
    settings: Settings, consumer: KafkaConsumer, behind: list[Lag]
) -> dict[tuple[str, int], int]:
    """When the oldest record that waits in each of these arrived, in milliseconds."""
    asked = {
        TopicPartition(topic_name(settings, READS[lag.stage]), lag.partition): lag
        for lag in behind
    }
    found: dict[tuple[str, int], int] = {}
    limit = time.monotonic() + LOOK_WITHIN
    consumer.assign(list(asked))
    for tp, lag in asked.items():
        consumer.seek(tp, lag.end - lag.records)
    while len(found) < len(asked) and time.monotonic() < limit:
        for tp, records in consumer.poll(timeout_ms=200, max_records=1).items():
            lag = asked[tp]
            found[lag.stage, lag.partition] = records[0].timestamp
            consumer.pause(tp)
    return found


def wait_idle(settings: Settings, within: float) -> bool:
    """Wait until no stage lags and nothing was added between two looks; False when time is up."""
    limit = time.monotonic() + within
    before: list[int] | None = None
    with _clients(settings) as (admin, consumer):
        while time.monotonic() < limit:
            found = _lags(settings, admin, consumer)
            ends = [lag.end for lag in found]
            idle = not any(lag.records for lag in found)
            if idle and ends == before:
                return True
            before = ends if idle else None
            time.sleep(LOOK_EVERY)
    return False


@contextmanager
def _clients(settings: Settings) -> Iterator[tuple[KafkaAdminClient, KafkaConsumer]]:
    with admin_client(settings) as admin:
        require(admin, settings)
        consumer = KafkaConsumer(**client_options(settings), enable_auto_commit=False)
        try:
            yield admin, consumer
        finally:
            consumer.close()


def _lags(settings: Settings, admin: KafkaAdminClient, consumer: KafkaConsumer) -> list[Lag]:
    found: list[Lag] = []
    for stage, role in READS.items():
        topic = topic_name(settings, role)
        partitions = [TopicPartition(topic, n) for n in range(settings.kafka_partitions)]
        ends = consumer.end_offsets(partitions)
        starts = consumer.beginning_offsets(partitions)
        group = settings.kafka_prefix + stage
        done = _done(admin, group, partitions)
        for tp in partitions:
            known = done.get(tp)
            offset = -1 if known is None else known.offset
            begun = max(offset, starts[tp])
            found.append(Lag(stage, tp.partition, ends[tp], ends[tp] - begun))
    return found


def _done(
    admin: KafkaAdminClient, group: str, partitions: list[TopicPartition]
) -> dict[TopicPartition, Any]:
    """What a group has committed; nothing where nobody has joined any group so far."""
    limit = time.monotonic() + COORDINATOR_WITHIN
    while True:
        try:
            found: dict[TopicPartition, Any] = admin.list_group_offsets(
                {group: partitions}
            ).get(group, {})
        except CoordinatorNotAvailableError:
            return {}
        except (CoordinatorLoadInProgressError, NotCoordinatorError):
            if time.monotonic() > limit:
                raise
            time.sleep(LOOK_EVERY)
        else:
            return found
