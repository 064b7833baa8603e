"""A rebuild changes nothing, neither what there is to see nor what comes afterwards."""

from pathlib import Path

import yaml

from pipeline.engine.replay import rebuild, replay
from pipeline.store.client import open_store
from tests.engine.everything import assert_same, everything

UNTIL = "2026-03-20T00:00:00Z"


def configure(folder: Path, title: str) -> Path:
    path = folder / "config.yaml"
    organisation = {"name": "Acme", "timezone": "Europe/Berlin", "epoch": "2025-01-01"}
    team = {"id": "payments", "title": "Payments"}
    goal = {"id": "vision", "level": "vision", "title": title}
    path.write_text(
        yaml.safe_dump({"organisation": organisation, "teams": [team], "goals": [goal]})
    )
    return path


def title(data: Path) -> str:
    with open_store(data) as store:
        [row] = store.rows("SELECT title FROM signals.goals_now")
    return str(row["title"])


def test_a_configuration_changes_after_a_rebuild_as_before(tmp_path: Path) -> None:
    """The newest version holds, however often it changed and whatever was rebuilt in between."""
    data = tmp_path / "data"
    for name in "AB":
        replay([], data, configure(tmp_path, name), UNTIL)
    before = everything(data)
    rebuild(data)
    assert replay([], data, configure(tmp_path, "B"), UNTIL).rejected == 0
    assert_same(before, everything(data))
    replay([], data, configure(tmp_path, "C"), UNTIL)
    assert title(data) == "C"
