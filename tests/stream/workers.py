"""Workers as processes, and what Kafka holds when they are done."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from pipeline.config import Settings, variable
from pipeline.engine.table import State, version_of
from pipeline.engine.topics import Role, topic_name

ROOT = Path(__file__).parents[2]


def wait_until(
    what: str, holds: Callable[[], object], within: float = 60.0, every: float = 0.05
) -> float:
    """Seconds until it held; fails with what did not come."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within:
            raise AssertionError(f"not within {within:.0f} s: {what}")
        time.sleep(every)
    return time.monotonic() - began


class Worker:
    """One process of `tests/stream/worker.py`, and what it told."""

    def __init__(self, settings: Settings, folder: Path, **environ: str) -> None:
        folder.mkdir()
        self.log = folder / "log"
        self.told: list[dict[str, Any]] = []
        named = {"kafka", "kafka_prefix", "kafka_partitions"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.stream.worker", str(folder / "data")],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    **{variable(name): str(getattr(settings, name)) for name in named},
                    **environ,
                },
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.told.append(json.loads(line))

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [one for one in self.told if "last" in one]

    def stop(self) -> float:
        """SIGTERM; seconds until it was gone."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self._close()
        return time.monotonic() - began

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        self._reader.join(10)
        if self.process.stdout:
            self.process.stdout.close()


def committed(settings: Settings, stage: str = "react", role: Role = "inbox") -> list[int]:
    """What the group has committed, by partition; 0 where nothing."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka, group_id=settings.kafka_prefix + stage
    )
    try:
        name = topic_name(settings, role)
        return [
            consumer.committed(TopicPartition(name, partition)) or 0
            for partition in range(settings.kafka_partitions)
        ]
    finally:
        consumer.close()


def records(settings: Settings, role: Role) -> Iterator[Any]:
    """Everything that a topic holds, partition by partition in order."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest")
    name = topic_name(settings, role)
    try:
        for partition in range(settings.kafka_partitions):
            tp = TopicPartition(name, partition)
            consumer.assign([tp])
            consumer.seek_to_beginning(tp)
            end = consumer.end_offsets([tp])[tp]
            while consumer.position(tp) < end:
                yield from consumer.poll(timeout_ms=500).get(tp, ())
    finally:
        consumer.close()


def final_states(settings: Settings) -> list[State]:
    """What a worker would recover now, by partition."""
    states = [State(partition, {}) for partition in range(settings.kafka_partitions)]
    for record in records(settings, "state"):
        version = version_of(record.headers)
        states[record.partition].take(record.offset, record.key, record.value, version)
    return states
