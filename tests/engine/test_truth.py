"""The engine against the ground truth of the simulator, which never saw the core."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engine.replay import replay
from pipeline.simulate import Simulation, simulate
from pipeline.store.client import Store, open_store
from tests.engine.differing import TOLD


def iso(at: object) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")  # type: ignore[attr-defined]


def states(store: Store) -> dict[str, list[tuple[str, str, str | None]]]:
    found: dict[str, list[tuple[str, str, str | None]]] = {}
    for row in store.rows(
        "SELECT work_item, state, effective_at, left_at FROM signals.work_item_states"
        " ORDER BY work_item, effective_at, confirmed_at"
    ):
        if row["left_at"] is None or row["left_at"] > row["effective_at"]:
            span = (row["state"], iso(row["effective_at"]), iso(row["left_at"]))
            found.setdefault(row["work_item"], []).append(span)
    return found


def findings(store: Store) -> set[tuple[str, str, str | None, str | None]]:
    return {
        (row["rule"], row["about"], iso(row["raised_at"]), iso(row["cleared_at"]))
        for row in store.rows("SELECT rule, about, raised_at, cleared_at FROM signals.findings")
        if row["rule"] in TOLD
    }


def run(directory: Path, simulation: Simulation) -> Iterator[Store]:
    replay(simulation.signals, directory, simulation.config, simulation.until)
    with open_store(directory) as store:
        yield store


@pytest.mark.prove
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_clean_evidence_gives_the_truth(tmp_path: Path, seed: int) -> None:
    """With clean evidence nothing differs: states, findings, adopters and goal values."""
    simulation = simulate(tmp_path / "simulation", seed=seed)
    truth = json.loads(simulation.truth.read_text())
    for store in run(tmp_path / "data", simulation):
        expected = {
            item: [(s["state"], s["from"], s["to"]) for s in spans]
            for item, spans in truth["work_items"].items()
        }
        found = states(store)
        assert {i: s for i, s in found.items() if expected.get(i) != s} == {}
        assert expected.keys() == found.keys()
        assert findings(store) == {
            (f["rule"], f["about"], f["raised_at"], f["cleared_at"]) for f in truth["findings"]
        }
        days = store.rows("SELECT subject, day, adopters FROM signals.adoption_daily")
        adopters = {(row["subject"], str(row["day"])): row["adopters"] for row in days}
        wrong = {
            (subject, day): (n, adopters.get((subject, day)))
            for subject, counts in truth["adopters"].items()
            for day, n in counts.items()
            # the view begins with the first signal of a subject; before it nobody adopted
            if adopters.get((subject, day), 0) != n
        }
        assert wrong == {}
        rows = store.rows("SELECT goal_id, day, value FROM signals.goal_progress_daily")
        values = {(row["goal_id"], str(row["day"])): row["value"] for row in rows}
        for goal, by_day in truth["goals"].items():
            for day, value in by_day.items():
                assert values[goal, day] == pytest.approx(value), (goal, day)


@pytest.mark.prove
def test_withheld_links_are_unknown_and_never_done(tmp_path: Path) -> None:
    """With 30 % of the links withheld findings stay precise, and the rest is unknown."""
    simulation = simulate(tmp_path / "simulation", seed=1, withhold=0.3)
    truth = json.loads(simulation.truth.read_text())
    for store in run(tmp_path / "data", simulation):
        about_work = {"basically_done", "regressed", "rolled_back"}
        found = {f for f in findings(store) if f[0] in about_work}
        expected = {
            (f["rule"], f["about"], f["raised_at"], f["cleared_at"])
            for f in truth["findings"]
            if f["rule"] in about_work
        }
        assert found
        assert len(found & expected) / len(found) >= 0.90
        hidden = {f["about"] for f in truth["findings"] if not f["linked"]}
        rows = store.rows("SELECT work_item, state FROM signals.work_items_now")
        known = {row["work_item"]: row["state"] for row in rows}
        assert hidden & known.keys()
        assert [item for item in hidden if known.get(item) == "done"] == []
