"""Files of signals, and definitions, into a running deployment.

A signal goes straight to the partitions of its entities, with a tick on every partition when a
day of the data is over. What is sent twice counts once, so an interrupted publish is repeated:
with `--resume` from the line that a file beside the data remembers.
"""

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from pipeline.config import Settings
from pipeline.core.calendar import to_instant, zone
from pipeline.core.definition import CONFIG
from pipeline.core.signals import Defined, Instant
from pipeline.definitions import Definitions, load_definitions
from pipeline.engine import configured, topics, wire
from pipeline.engine.decode import Decoded, Refused, decode
from pipeline.engine.intake import LATE_MS, Summary
from pipeline.engine.partition import homes
from pipeline.engine.producer import Outgoing, producing, send
from pipeline.engine.pseudonyms import Pseudonyms, check_salt, salt_of
from pipeline.engine.reader import Progress, read
from pipeline.engine.topics import topic_name
from pipeline.store.client import Store
from pipeline.store.writer import DATABASE

PORTION = 2000
"""Lines that are sent together; after each the place is remembered."""

_AGES = 2**62


class Publisher:
    """Sends to the inbox of a deployment."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer
        self._waiting: dict[int, list[Outgoing]] = {}

    def put(self, partition: int, record: Outgoing) -> None:
        self._waiting.setdefault(partition, []).append(record)

    def tick(self, at: Instant) -> None:
        """Time has come to `at`, on every partition."""
        for partition in range(self._settings.kafka_partitions):
            self.put(partition, wire.tick(at))

    async def flush(self) -> None:
        """Send what waits; returns when all of it is durable."""
        waiting, self._waiting = self._waiting, {}
        topic = topic_name(self._settings, "inbox")
        for partition, records in sorted(waiting.items()):
            await send(self._producer, topic, partition, records)


def publish(
    settings: Settings,
    files: Iterable[Path | str],
    *,
    resume: Path | None = None,
    until: str | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Summary:
    """Send files of signals, with a tick per day of the data and a last one."""
    topics.check(settings)
    return asyncio.run(_publish(settings, list(files), resume, until, report))


async def _publish(
    settings: Settings,
    files: list[Path | str],
    resume: Path | None,
    until: str | None,
    report: Callable[[Progress], None] | None,
) -> Summary:
    summary = Summary()
    limit = None if until is None else to_instant(dt.datetime.fromisoformat(until))
    start = _place(resume, files)
    days = zone("UTC")
    if settings.config is not None:
        days = zone(_organisation(load_definitions(settings.config)).get("timezone") or "UTC")
    progress = Progress()
    newest, ends = 0, -_AGES
    async with producing(settings) as producer:
        publisher = Publisher(settings, producer)
        for n, line in enumerate(read(files, progress=progress), 1):
            if isinstance(line, Refused):
                summary.rejected += 1
                continue
            summary.lines += 1
            decoded = decode(line.data, -_AGES, _AGES)
            if isinstance(decoded, Decoded):
                at = decoded.signal.at
                if limit is not None and at > limit:
                    summary.ignored["after_until"] += 1
                    continue
                summary.accepted += 1
                if decoded.signal.recorded_at - at <= LATE_MS:
                    newest = max(newest, at)
                if at >= ends:
                    if ends > -_AGES and n > start:
                        publisher.tick(days.start(days.day(at)))
                    ends = days.close(days.day(at))
            else:
                summary.rejected += 1
            if n > start:
                partitions = settings.kafka_partitions
                for partition, record in wire.spread(
                    decoded, line.data, partitions, line.file, line.number
                ):
                    publisher.put(partition, record)
            if n % PORTION == 0:
                await publisher.flush()
                _remember(resume, files, max(n, start))
                if report is not None:
                    report(progress)
        last = max(newest, limit or 0)
        publisher.tick(last)
        await publisher.flush()
        summary.until = last
        _remember(resume, files, 0)
        if report is not None:
            report(progress)
    return summary


def _place(resume: Path | None, files: list[Path | str]) -> int:
    """The line up to which these files were sent before."""
    if resume is None or not resume.exists():
        return 0
    known = json.loads(resume.read_text(encoding="utf-8"))
    return int(known["line"]) if known["files"] == [str(file) for file in files] else 0


def _remember(resume: Path | None, files: list[Path | str], line: int) -> None:
    if resume is not None:
        text = json.dumps({"files": [str(file) for file in files], "line": line})
        resume.write_text(text, encoding="utf-8")


def _organisation(definitions: Definitions) -> Mapping[str, Any]:
    for kind, _, _, record in definitions.records():
        if kind == "organisation":
            return record
    return {}


def what_was_said(settings: Settings, store: Store) -> dict[str, Any]:
    """What the configuration said so far, from the archive; a new deployment has nothing.

    Raises where lists of adopters would be hashed with another key than so far.
    """
    said: dict[str, Any] = {}
    if not store.rows(
        "SELECT name FROM system.tables WHERE database = {database:String} AND name = 'signals'",
        {"database": DATABASE},
    ):
        return said
    check_salt(store, _salt(settings))
    for row in store.rows(
        f"SELECT body FROM {DATABASE}.signals FINAL"  # noqa: S608 - a constant
        " WHERE source = {source:String} ORDER BY time, id",
        {"source": CONFIG},
        formats={"body": "bytes"},
    ):
        known = decode(row["body"], -_AGES, _AGES, limit=_AGES)
        assert isinstance(known, Decoded)
        assert isinstance(known.signal.data, Defined)
        said.update(configured.note(said, known.signal.data, known.signal.order))
    return said


def publish_config(settings: Settings, path: Path, said: dict[str, Any], now: Instant) -> int:
    """Send what a configuration changes to every partition; how many records it were.

    `said` is what it said before, as `what_was_said` finds it.
    """
    topics.check(settings)
    secret = Pseudonyms(_salt(settings), {}, hashed=False)
    found = list(configured.changes(load_definitions(path), said, now, secret))
    asyncio.run(_send_all(settings, found))
    return len(found)


def _salt(settings: Settings) -> bytes:
    settings.data.mkdir(parents=True, exist_ok=True)
    return salt_of(settings.data, settings.salt)


async def _send_all(settings: Settings, found: list[Decoded]) -> None:
    async with producing(settings) as producer:
        publisher = Publisher(settings, producer)
        for decoded in found:
            for partition in homes(decoded.signal, settings.kafka_partitions):
                publisher.put(partition, wire.definition(decoded))
        await publisher.flush()
