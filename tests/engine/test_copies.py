"""Copies of one signal: whichever comes first, in one file or in two, the store ends the same."""

import json
from pathlib import Path
from typing import Any

import pytest

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


def shown(data: Path) -> list[Any]:
    with open_store(data) as store:
        return [
            store.query(sql).rows
            for sql in (
                "SELECT id, time, recorded_at, data FROM signals.signals",
                "SELECT day, source, signals, duplicates, late FROM signals.data_quality_daily",
            )
        ]


@pytest.mark.parametrize("copies", COPIES.values(), ids=COPIES)
def test_the_order_of_copies_does_not_show(
    tmp_path: Path, copies: tuple[dict[str, Any], ...]
) -> None:
    """The first receipt holds, one signal counts, and every other copy is a duplicate."""
    one, other = ([json.dumps(copy) for copy in order] for order in (copies, copies[::-1]))
    found = []
    for name, parts in (("joined", ["\n".join(one)]), ("split", other)):
        for n, part in enumerate(parts):
            file = tmp_path / f"{name}-{n}.ndjson"
            file.write_text(part)
            replay([file], tmp_path / name)
        found.append(shown(tmp_path / name))
    assert found[0] == found[1]
    assert [row[2:] for row in found[0][1]] == [(1, 1, 0)]
