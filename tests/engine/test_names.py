"""Work items and the names that people use for them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.engine.replay import replay
from pipeline.store.client import open_store

CONFIG = {
    "organisation": {"name": "Acme", "timezone": "UTC"},
    "teams": [{"id": "data"}],
    "services": [{"id": "web", "repository": "acme/web", "team": "data"}],
}
MOVED = [
    ("work_item.changed", "2026-03-02T10:00:00Z", {"key": "DAT-1", "status": "doing"}),
    ("work_item.changed", "2026-03-03T10:00:00Z", {"key": "SRE-9"}),
    ("change.merged", "2026-03-04T10:00:00Z", {"shas": ["a1"], "key": "SRE-9"}),
    ("deploy.finished", "2026-03-05T10:00:00Z", {"sha": "a1"}),
    ("work_item.changed", "2026-03-06T10:00:00Z", {"key": "SRE-9", "status": "done"}),
]
"""A work item moves to another project; a change names it by the key that it has then."""


def line(n: int, kind: str, at: str, data: dict[str, Any]) -> bytes:
    body: dict[str, Any] = {}
    if kind == "work_item.changed":
        body = {"work_item": "jira:1", "key": data["key"]}
        if "status" in data:
            body["status"] = {"name": data["status"], "category": data["status"]}
    elif kind == "change.merged":
        body = {"change": "acme/web!1", "repository": "acme/web", "shas": data["shas"]}
        body["work_items"] = [{"key": data["key"], "via": "title"}]
    else:
        body = {"deploy": "d1", "service": "web", "environment": {"name": "production"}}
        body |= {"repository": "acme/web", "outcome": "success", "kind": "deploy", **data}
    event = {"specversion": "1.0", "id": str(n), "source": "/acme", "time": at}
    return json.dumps({**event, "type": f"delivery.{kind}.v1", "data": body}).encode()


def states(folder: Path, order: list[int]) -> list[tuple[str, str]]:
    folder.mkdir()
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    # one replay per signal: what came before was judged and told by then
    for n in order:
        file = folder / f"{n}.ndjson"
        file.write_bytes(line(n, *MOVED[n]) + b"\n")
        replay([file], folder / "data", config)
    with open_store(folder / "data") as store:
        rows = store.rows("SELECT state, confirmed_at FROM signals.work_item_states")
    return sorted((row["state"], row["confirmed_at"].isoformat()) for row in rows)


@pytest.mark.parametrize("late", [1, 2])
def test_a_key_counts_from_when_it_was_taken_whenever_that_is_heard(
    tmp_path: Path, late: int
) -> None:
    """Whichever signal comes last, the change counts from its merge on, not from later."""
    order = [n for n in range(len(MOVED)) if n != late]
    assert states(tmp_path / "run", [*order, late]) == [
        ("open", "2026-03-02T10:00:00+00:00"),
        ("unknown", "2026-03-05T10:00:00+00:00"),
    ]
