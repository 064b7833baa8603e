"""Copies of one signal: whichever comes first, in one file or in two, the store ends the same."""

import json
from pathlib import Path
from typing import Any

from pipeline.engine.replay import replay
from pipeline.store.client import open_store

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/segment/acme",
    "type": "delivery.subject.used.v1",
    "time": "2026-03-02T10:00:00Z",
    "data": {"subject": "pay", "adopter": "web"},
}
RESPELLED = {name: EVENT[name] for name in reversed(EVENT)} | {
    "data": {"adopter": "web", "subject": "pay"}
}


def raw(received_at: str) -> dict[str, Any]:
    return {"source": "x", "received_at": received_at, "headers": {}, "body": EVENT}


COPIES = {
    "spelled in another way": (EVENT, RESPELLED),
    "delivered twice": (raw("2026-03-02T10:00:05Z"), raw("2026-03-02T10:00:09Z")),
    "delivered, and from a file": (raw("2026-03-02T10:00:05Z"), EVENT),
    "received twice": (
        EVENT | {"recordedtime": "2026-03-02T11:00:00Z"},
        EVENT | {"recordedtime": "2026-03-02T12:00:00Z"},
    ),
    "late once": (EVENT, EVENT | {"recordedtime": "2026-03-20T10:00:00Z"}),
}
"""Each pair comes from a source of its own, so one store holds them all."""


def told(case: str, copy: dict[str, Any]) -> str:
    """A copy as a line of the source of its case."""
    return json.dumps(copy).replace(EVENT["source"], f"/segment/{case}")


def shown(data: Path) -> list[Any]:
    with open_store(data) as store:
        return [
            store.query(sql).rows
            for sql in (
                "SELECT source, id, time, recorded_at, data FROM signals.signals ORDER BY source",
                "SELECT source, day, signals, duplicates, late FROM signals.data_quality_daily ORDER BY source",
            )
        ]


def test_the_order_of_copies_does_not_show(tmp_path: Path) -> None:
    """The first receipt holds, one signal counts, and every other copy is a duplicate."""
    first, second = (
        "\n".join(told(case, copies[n]) for case, copies in COPIES.items()) for n in (0, 1)
    )
    found = []
    for name, parts in (("joined", [f"{first}\n{second}"]), ("split", [second, first])):
        for n, part in enumerate(parts):
            file = tmp_path / f"{name}-{n}.ndjson"
            file.write_text(part)
            replay([file], tmp_path / name)
        found.append(shown(tmp_path / name))
    signals, counted = found[0]
    assert found[1] == [signals, counted]
    one = [(f"/segment/{case}", (1, 1, 0)) for case in sorted(COPIES)]
    assert [(source, tuple(counts)) for source, _, *counts in counted] == one
    assert [row[0] for row in signals] == [source for source, _ in one]
