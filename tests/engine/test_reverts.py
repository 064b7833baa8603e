"""What reverts take back and what brings it back, as the views show it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.engine.replay import replay
from pipeline.store.client import open_store

STORIES = yaml.safe_load((Path(__file__).parent / "reverts.yaml").read_text())
CONFIG = {
    "organisation": {"name": "Acme", "timezone": "UTC"},
    "teams": [{"id": "payments"}],
    "services": [
        {"id": "shop", "repository": "acme/shop", "team": "payments", "subjects": ["pay"]}
    ],
    "subjects": [
        {"id": "pay", "team": "payments", "unit": "team", "measure": {"kind": "usage"}}
    ],
}


def at(when: str) -> str:
    day, hour = when.split()
    return f"2026-03-{int(day):02}T{hour}:00:00+00:00"


def reference(name: Any) -> str:
    """acme/shop!1 of 1, acme/shop@sha-1 of sha-1."""
    return f"acme/shop!{name}" if isinstance(name, int) else f"acme/shop@{name}"


def merged(change: int, **more: Any) -> dict[str, Any]:
    data = {"change": reference(change), "repository": "acme/shop", "shas": [f"sha-{change}"]}
    if "reverts" in more:
        return data | {"reverts": reference(more["reverts"])}
    return data | {"work_items": [{"key": "PAY-1", "via": "title"}]} | more


def deployed(sha: Any) -> dict[str, Any]:
    data = {"deploy": f"ci:{sha}", "service": "shop", "environment": {"name": "production"}}
    return data | {"sha": f"sha-{sha}", "outcome": "success", "kind": "deploy"}


def events(story: dict[str, Any]) -> list[dict[str, Any]]:
    done = {"status": {"name": "Done", "category": "done"}}
    item = {"work_item": "jira:1", "key": "PAY-1", "team": "payments"} | done
    found = [("1 12", "work_item.changed", item)]
    for when, kind, what in story["signals"]:
        if kind == "merge":
            found.append((when, "change.merged", merged(**what)))
        else:
            found.append((when, "deploy.finished", deployed(what)))
    return [
        {
            "specversion": "1.0",
            "id": str(number),
            "source": "/acme",
            "type": f"delivery.{type_}.v1",
            "time": at(when),
            "data": data,
        }
        for number, (when, type_, data) in enumerate(found)
    ]


@pytest.mark.parametrize("backwards", [False, True], ids=["as told", "backwards"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story["story"])
def test_story(story: dict[str, Any], backwards: bool, tmp_path: Path) -> None:
    """The states of the work item are those of the story, in whatever order signals come."""
    told = events(story)
    file, config = tmp_path / "signals.ndjson", tmp_path / "config.yaml"
    lines = [json.dumps(event) for event in (reversed(told) if backwards else told)]
    file.write_text("\n".join(lines))
    config.write_text(yaml.safe_dump(CONFIG))
    replay([file], tmp_path / "data", config, at("20 00"))
    with open_store(tmp_path / "data") as store:
        rows = store.rows(
            "SELECT state, effective_at, confirmed_at FROM signals.work_item_states ORDER BY confirmed_at"
        )
    seen = [[row["state"], row["effective_at"].isoformat()] for row in rows]
    assert seen == [[state, at(when)] for state, when in story["states"]]
