"""A rebuild changes nothing, neither what there is to see nor what comes afterwards."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from pipeline.engine.replay import rebuild, replay
from pipeline.simulate import simulate
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


def outdate(data: Path) -> None:
    """Let all state look as if another version had written it, rows on their way included."""
    with closing(sqlite3.connect(data / "state.sqlite", isolation_level=None)) as state:
        state.execute("DELETE FROM meta WHERE name = 'format'")
        state.execute("UPDATE parts SET value = x'8004'")
        state.execute("INSERT INTO outbox VALUES (1, x'8004')")


@pytest.mark.parametrize("again", [rebuild, pytest.param(outdate, marks=pytest.mark.prove)])
def test_a_configuration_changes_after_a_rebuild_as_before(
    tmp_path: Path, again: Callable[[Path], object]
) -> None:
    """The newest version holds, however often it changed and whatever was rebuilt in between."""
    data = tmp_path / "data"
    for name in "AB":
        replay([], data, configure(tmp_path, name), UNTIL)
    before = everything(data)
    again(data)
    assert replay([], data, configure(tmp_path, "B"), UNTIL).rejected == 0
    assert_same(before, everything(data))
    replay([], data, configure(tmp_path, "C"), UNTIL)
    assert title(data) == "C"


@pytest.mark.prove
def test_state_of_another_version_is_made_anew(tmp_path: Path) -> None:
    """What an older version stored is not read: it is made again from the archived signals."""
    data = tmp_path / "data"
    simulation = simulate(tmp_path / "simulation", days=30)
    first, *others = simulation.signals
    assert others
    replay([first], data, simulation.config, simulation.until)
    before = everything(data)
    outdate(data)
    replay([], data, simulation.config, simulation.until)
    assert_same(before, everything(data))
    replay(others, data)
    outdate(data)
    replay([], data)
    after = everything(data)
    replay(simulation.signals, tmp_path / "once", simulation.config, simulation.until)
    assert_same(everything(tmp_path / "once"), after)
