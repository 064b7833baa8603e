"""Whatever stands on the raw topic: copies count once, and poison is rejected with its reason."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Settings
from pipeline.engine.producer import Outgoing, producing, send
from pipeline.engine.publish import Publisher
from pipeline.engine.reader import read
from pipeline.engine.reasons import REASONS
from pipeline.engine.replay import replay
from pipeline.engine.topics import topic_name
from pipeline.simulate import simulate
from pipeline.store.client import open_store
from tests.engine.everything import assert_same, everything
from tests.stream.chaos import PARSE_AND_STORE, Chaos
from tests.stream.deployment import Deployment
from tests.stream.dying import PARSE


def event(**changed: Any) -> bytes:
    said = {
        "specversion": "1.0",
        "id": "poison",
        "source": "poison",
        "type": "delivery.subject.used.v1",
        "time": "2026-01-02T00:00:00Z",
        "data": {"subject": "a", "adopter": "b"},
    }
    return json.dumps(said | changed).encode()


POISON: dict[str, list[Outgoing]] = {
    "not_json": [
        Outgoing(None, None),
        Outgoing(b"key", b""),
        Outgoing(b"\xff\x00", b'{"specversion": "1.0"'),
        Outgoing(None, b"no line", (("line", b"x"), ("file", b"\xff\x00"))),
        Outgoing(None, b"no headers", (("line", None), ("file", None))),  # type: ignore[arg-type]
        Outgoing(None, b"far away", (("line", b"9" * 5000), ("message", b"0 1"))),
        Outgoing(None, b"before", (("line", b"-1"), ("received", b"x"), ("timeless", b"1"))),
    ],
    "not_utf8": [Outgoing(None, b'{"a": "\xff"}')],
    "lone_surrogate": [Outgoing(None, event(subject="\ud800"))],
    "too_large": [
        Outgoing(None, b'{"a": "' + b"x" * (1 << 20) + b'"}'),
        Outgoing(None, b"x" * (32 * 1024 * 1024 - 80 * 1024)),
    ],
    "too_deep": [Outgoing(None, b"[" * 300 + b"]" * 300)],
    "not_an_object": [Outgoing(None, b"[1]"), Outgoing(None, b"null")],
    "not_a_cloudevent": [Outgoing(None, b"{}")],
    "unknown_type": [Outgoing(None, event(type="delivery.nothing.v1"))],
    "unknown_source": [
        Outgoing(None, b'{"source":"x","received_at":"2026-01-02T00:00:00Z","body":{"a":1}}')
    ],
    "invalid_field": [Outgoing(None, event(data={"subject": 7}))],
    "naive_time": [Outgoing(None, event(time="2026-01-02T00:00:00"))],
    "before_epoch": [Outgoing(None, event(time="1990-01-02T00:00:00Z"))],
    "in_future": [Outgoing(None, event(time="2099-01-02T00:00:00Z"))],
}
"""By reason; each of them stands alone on the topic, as a stranger may put it there."""


def conflicting(lines: list[bytes]) -> bytes:
    """Another body for the identity of a signal."""
    known = next(e for e in map(json.loads, lines) if e["type"] == "delivery.kpi.measured.v1")
    return json.dumps({**known, "data": {**known["data"], "value": 77}}).encode()


def put(settings: Settings, records: list[Outgoing]) -> None:
    """Spread over the partitions of the raw topic, in their order."""

    async def run() -> None:
        async with producing(settings) as producer:
            for partition in range(settings.kafka_partitions):
                mine = records[partition :: settings.kafka_partitions]
                await send(producer, topic_name(settings, "raw"), partition, mine)

    asyncio.run(run())


def tick(settings: Settings, at: int) -> None:
    async def run() -> None:
        async with producing(settings) as producer:
            publisher = Publisher(settings, producer)
            publisher.tick(at)
            await publisher.flush()

    asyncio.run(run())


@pytest.mark.prove
def test_raw(settings: Settings, tmp_path: Path) -> None:
    """Copies in any order and poison of every kind, while `parse` dies: the rest goes on."""
    settings = settings.model_copy(update={"kafka_partitions": 4})
    organisation = simulate(tmp_path / "organisation", days=6, seed=1)
    lines = [line.data for line in read(list(organisation.signals))]
    lines.append(conflicting(lines))
    (tmp_path / "all.ndjson").write_bytes(b"\n".join(lines))
    summary = replay([tmp_path / "all.ndjson"], tmp_path / "local", organisation.config)
    assert summary.until is not None
    copies = [Outgoing(b"source", line) for line in lines]
    random.Random(1).shuffle(copies)
    poison = [record for records in POISON.values() for record in records]
    with Deployment(settings, tmp_path) as deployment:
        deployment.run("config", "publish", str(organisation.config))
        put(settings, [Outgoing(b"source", line) for line in lines])
        put(settings, poison)
        chaos = Chaos(deployment, 1, "raw")
        chaos.start("react")
        for step in PARSE:
            chaos.begin_round()
            chaos.start(PARSE_AND_STORE)
            chaos.arm(PARSE_AND_STORE, "SIGKILL", step, 2)
            worker = chaos.hit(PARSE_AND_STORE)
            worker.wait()
            deployment.workers.remove(worker)
            chaos.fault("parse: SIGKILL", step)
        chaos.start(PARSE_AND_STORE)
        put(settings, copies)
        deployment.idle(300)
        tick(settings, summary.until)
        deployment.idle(300)
    local, found = everything(tmp_path / "local"), everything(tmp_path / "data")
    for rows in (local, found):
        # what was rejected is counted where it came from
        quality = rows["data_quality_daily"]
        rows["data_quality_daily"] = [
            r for r in quality if r["source"] not in ("", "poison", "x")
        ]
    assert_same(local, found)
    chaos.faults[-1].rows = sum(map(len, found.values()))
    # nothing at all is one line, whether as no value or as an empty one
    poisoned = Counter(
        {
            reason: len({record.value or b"" for record in records})
            for reason, records in POISON.items()
        }
    )
    assert reasons(tmp_path / "data") == reasons(tmp_path / "local") + poisoned
    assert reasons(tmp_path / "local")["conflict"] == 1


def reasons(data: Path) -> Counter[str]:
    """How many lines a store rejected, by reason."""
    with open_store(data) as store:
        return Counter(
            row["reason"] for row in store.rows("SELECT reason FROM signals.rejections")
        )


def test_poison_of_every_kind() -> None:
    """What a record on the topic can be rejected for is tried; the others are about files."""
    of_files = {"unreadable_file", "truncated_archive"}
    kept_all_the_same = {"too_late"}
    assert REASONS.keys() - POISON.keys() == of_files | kept_all_the_same | {"conflict"}
