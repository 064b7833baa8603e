"""How far each stage of a deployment is behind, and whether all work is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import CoordinatorNotAvailableError

from pipeline.config import Settings
from pipeline.engine.connect import client_options
from pipeline.engine.topics import Role, topic_name

READS: dict[str, Role] = {"parse": "raw", "react": "inbox", "store": "rows"}
"""What each stage reads."""

LOOK_EVERY = 0.5


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
    admin = KafkaAdminClient(**client_options(settings))
    consumer = KafkaConsumer(**client_options(settings))
    try:
        yield admin, consumer
    finally:
        consumer.close()
        admin.close()


def _lags(settings: Settings, admin: KafkaAdminClient, consumer: KafkaConsumer) -> list[Lag]:
    found: list[Lag] = []
    for stage, role in READS.items():
        topic = topic_name(settings, role)
        partitions = [TopicPartition(topic, n) for n in range(settings.kafka_partitions)]
        ends = consumer.end_offsets(partitions)
        starts = consumer.beginning_offsets(partitions)
        group = settings.kafka_prefix + stage
        try:
            done = admin.list_group_offsets({group: partitions}).get(group, {})
        except CoordinatorNotAvailableError:
            done = {}  # nobody has joined any group so far
        for tp in partitions:
            known = done.get(tp)
            offset = -1 if known is None else known.offset
            begun = max(offset, starts[tp])
            found.append(Lag(stage, tp.partition, ends[tp], ends[tp] - begun))
    return found
