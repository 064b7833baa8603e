"""A process that replays a simulated organisation and says what differs from its truth.

python differing.py FOLDER DATA, with the package to be judged on the path.
"""

import datetime as dt
import json
import math
import sys
from pathlib import Path
from typing import Any

import pipeline
from pipeline.core.rows import AdoptionDayRow, FindingRow, GoalProgressRow, WorkItemStateRow
from pipeline.engine import replay
from tests.engine.memory import Memory, engine

TOLD = {"basically_done", "regressed", "rolled_back", "goal_hit", "source_stale"}
"""Rules that the simulator judges as well."""


def _iso(at: int | None) -> str | None:
    if at is None:
        return None
    moment = dt.datetime.fromtimestamp(at / 1000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _day(day: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()


def compare(memory: Memory, truth: dict[str, Any]) -> dict[str, list[str]]:
    """What differs: states per day, findings, adopters and goal values per day."""
    rows = list(memory.held.values())
    states: dict[str, list[Any]] = {item: [] for item in truth["work_items"]}
    runs = [row for row in rows if isinstance(row, WorkItemStateRow)]
    for run in sorted(runs, key=lambda run: (run.effective_at, run.confirmed_at)):
        if run.left_at is None or run.left_at > run.effective_at:
            span = [run.state, _iso(run.effective_at), _iso(run.left_at)]
            states.setdefault(run.work_item, []).append(span)
    expected = {
        item: [[span["state"], span["from"], span["to"]] for span in spans]
        for item, spans in truth["work_items"].items()
    }
    findings = {
        (row.rule, row.about, _iso(row.raised_at), _iso(row.cleared_at))
        for row in rows
        if isinstance(row, FindingRow) and row.rule in TOLD
    }
    raised = {
        (row["rule"], row["about"], row["raised_at"], row["cleared_at"])
        for row in truth["findings"]
    }
    adopters = {
        (row.subject, _day(row.day)): row.adopters
        for row in rows
        if isinstance(row, AdoptionDayRow)
    }
    values = {
        (row.goal_id, _day(row.day)): row.value
        for row in rows
        if isinstance(row, GoalProgressRow)
    }
    found = {
        "states": [i for i in states if states[i] != expected.get(i)],
        "findings": sorted(map(str, findings ^ raised)),
        "adopters": [
            f"{subject} {day}"
            for subject, counts in truth["adopters"].items()
            for day, n in counts.items()
            if adopters.get((subject, day), 0) != n
        ],
        "goals": [
            f"{goal} {day}"
            for goal, by_day in truth["goals"].items()
            for day, value in by_day.items()
            if not _equal(values.get((goal, day)), value)
        ],
    }
    return {what: wrong for what, wrong in found.items() if wrong}


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def main(folder: str, data: str) -> None:
    shown = json.loads((Path(folder) / "simulation.json").read_text())
    memory = Memory()
    with engine(Path(data), memory) as opened:
        config = Path(shown["config"])
        replay.run(opened, shown["signals"], config=config, until=shown["until"])
    truth = json.loads(Path(shown["truth"]).read_text())
    found = compare(memory, truth)
    sys.stdout.write(json.dumps({"package": str(pipeline.__file__), "differences": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
