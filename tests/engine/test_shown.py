"""How often a finding is shown: when it changes, not at each look at what it is about."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.core.calendar import to_instant
from pipeline.core.rows import FindingRow, Gone, Row
from tests.engine.histories import START, line, organisation
from tests.engine.memory import Memory, engine
from tests.engine.test_reads import take

DAYS = 90
MOVES = {0: "todo", 1: "doing", 30: "todo", 60: "doing"}
"""Day to the status that the only work item of the goal gets: between, its team is starved."""

GOAL = {
    "id": "work",
    "level": "product",
    "owners": ["red"],
    "metric": {"kind": "work", "at": "shipped", "baseline": 0, "target": 1},
    "starts_on": "2026-03-01",
    "due_on": "2026-06-30",
    "work": {"labels": ["pay"]},
}


class Counting(Memory):
    """Counts how often the end of a finding is written."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: Counter[str] = Counter()

    def write(
        self, rows: Iterable[tuple[int, Row]], gone: Iterable[tuple[int, Gone]], token: str
    ) -> None:
        rows = list(rows)
        self.ends.update(
            row.finding_id
            for _, row in rows
            if isinstance(row, FindingRow) and row.cleared_at is not None
        )
        super().write(rows, gone, token)


def told() -> list[tuple[dt.datetime, dict[str, Any]]]:
    begin = [
        ("team.defined", {"id": "red", "people": 2}),
        ("goal.defined", GOAL),
    ]
    found: list[tuple[dt.datetime, dict[str, Any]]] = [
        (START, {"source": "/acme", "type": type_, "data": data}) for type_, data in begin
    ]
    for day, status in MOVES.items():
        data = {
            "work_item": "jira:1",
            "key": "PAY-1",
            "team": "red",
            "labels": ["pay"],
            "status": {"name": status, "category": status},
        }
        at = START + dt.timedelta(days=day)
        found.append((at, {"source": "/jira", "type": "work_item.changed", "data": data}))
    return found


def test_what_is_over_is_shown_once(tmp_path: Path) -> None:
    """Looked at on each of 90 days, a goal writes the end of each of its findings once."""
    memory = Counting()
    coming = told()
    with engine(tmp_path, memory) as opened:
        for body in organisation():
            take(opened, body)
        for day in range(DAYS):
            now = START + dt.timedelta(days=day)
            for n, (at, signal) in enumerate(coming):
                if at == now:
                    take(opened, line(signal | {"id": str(n), "time": at.isoformat()}))
            opened.tick(to_instant(now))
            opened.flush()
    starved = {id: n for id, n in memory.ends.items() if id.startswith("starved:")}
    assert len(starved) == 2
    assert set(starved.values()) == {1}
