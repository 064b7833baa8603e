"""All that there is to see: every public view, without what is about arrival."""

from pathlib import Path
from typing import Any

from pipeline.store.client import Store, open_store

ARRIVAL: dict[str, set[str]] = {
    "goal_progress_daily": {"movement", "restatement"},
    "data_quality_daily": {
        "duplicates",
        "late",
        "rejected",
        "too_late",
        "restated_share",
        "freshness_seconds",
        "grade",
    },
}
"""Columns that are about arrival."""

NOT_SIGNALS = {"rejections", "pipeline_lag"}
"""Views that are about arrival altogether, or about the deployment."""

Rows = list[dict[str, Any]]


def everything(data: Path) -> dict[str, Rows]:
    with open_store(data) as store:
        return views(store)


def views(store: Store) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    names = store.rows(
        "SELECT name FROM system.tables WHERE database = 'signals' AND engine = 'View'"
    )
    for name in sorted(row["name"] for row in names):
        if name in NOT_SIGNALS:
            continue
        hidden = ARRIVAL.get(name, set())
        rows = store.rows(f"SELECT * FROM signals.{name}")
        seen = [{k: v for k, v in row.items() if k not in hidden} for row in rows]
        found[name] = sorted(seen, key=str)
    return found


def assert_same(first: dict[str, Rows], second: dict[str, Rows]) -> None:
    """Compare view by view and row by row, so that a difference is short."""
    assert first.keys() == second.keys()
    assert sum(map(len, first.values())) > 0
    for name, rows in first.items():
        others = second[name]
        lost = [row for row in rows if row not in others] if rows != others else []
        more = [row for row in others if row not in rows] if rows != others else []
        assert (lost[:3], more[:3], len(rows)) == ([], [], len(others)), name
