"""`signals backtest`: stored forecasts against what then happened."""

import datetime as dt
from typing import Any

import pytest

from pipeline.engine.backtest import BASE_RATE, PLAIN, REPEAT, Team, backtest
from pipeline.store.client import Store
from tests.store.rows import fill

MONDAY = dt.date(2026, 1, 5)
DAY = dt.timedelta(days=1)


def goal(id: str, values: list[float | None], **other: Any) -> list[dict[str, Any]]:
    """The days of a goal from 0 to 100."""
    return [
        {
            "goal_id": id,
            "day": MONDAY + n * DAY,
            "value": value,
            "baseline": 0,
            "target": 100,
            "progress": None if value is None else value / 100,
            "status": "hit" if value is not None and value >= 100 else "on_track",
            **other,
        }
        for n, value in enumerate(values)
    ]


def value(about: str, on: int, low: float, high: float, **other: Any) -> dict[str, Any]:
    middle = (low + high) / 2
    return {
        "about_kind": "goal",
        "about": about,
        "quantity": "value",
        "made_on": MONDAY + on * DAY,
        "horizon": 7,
        "p10": middle,
        "p50": middle,
        "p85": middle,
        "low": low,
        "high": high,
        "interval": 0.85,
        **other,
    }


def days(about: str, on: int, p_hit: float, p85: float | None, due: int) -> dict[str, Any]:
    return {
        "about_kind": "goal",
        "about": about,
        "quantity": "days",
        "made_on": MONDAY + on * DAY,
        "p_hit": p_hit,
        "p85": p85,
        "due_on": MONDAY + due * DAY,
    }


def calibration(store: Store) -> dict[tuple[str, int, str], dict[str, Any]]:
    rows = store.rows("SELECT * FROM signals.forecast_calibration")
    return {(row["quantity"], row["horizon"], row["against"]): row for row in rows}


def test_values_are_judged_when_their_day_has_come(store: Store) -> None:
    """Two of three intervals hold; a value that is not known, or not yet, is not judged."""
    fill(
        store,
        {
            "goal_progress": [
                *goal("g", [float(n) for n in range(60)]),
                *goal("gap", [None if n == 40 else float(n) for n in range(60)]),
            ],
            "forecasts": [
                value("g", 34, 40, 42),
                value("g", 41, 40, 50),
                value("g", 48, 40, 48),
                value("g", 55, 60, 70),
                value("g", 41, 0, 1, scenario="better"),
                value("gap", 34, 40, 42),
                value("unknown", 34, 40, 42),
            ],
        },
    )
    backtest(store, 1)
    found = calibration(store)
    row = found["value", 7, REPEAT]
    assert row["n"] == 3
    assert row["coverage"] == pytest.approx(2 / 3)
    # 2, 10, and 8 with a fine for 7 too low; of a way of 100
    assert row["interval_score"] == pytest.approx((2 + 10 + 8 + 2 / 0.15 * 7) / 3 / 100)
    assert found["value", 7, PLAIN]["n"] == 3
    # every day brought 1: who repeats that is right, and so narrow that nobody is better
    assert found["value", 7, PLAIN]["skill"] is None
    assert found["value", 7, REPEAT]["skill"] < 0


def test_chances_are_judged_when_the_due_date_is_over(store: Store) -> None:
    """Five chances of the semantics, and of those that are not due yet none."""
    hits = [True, True, False, True, False]
    fill(
        store,
        {
            "goal_progress": [
                row
                for n, hit in enumerate(hits)
                for row in goal(f"g{n}", [50.0] * 20 + [100.0 if hit else 60.0] * 20)
            ],
            "forecasts": [
                *(
                    days(f"g{n}", 6, p, 14.0 if hit else None, due=30)
                    for n, (p, hit) in enumerate(
                        zip([0.9, 0.8, 0.7, 0.6, 0.3], hits, strict=True)
                    )
                ),
                days("g0", 13, 0.1, None, due=300),
                days("g0", 13, 0.1, 6.2, due=300),
            ],
        },
    )
    backtest(store, 1)
    row = calibration(store)["days", 0, BASE_RATE]
    assert row["brier"] == pytest.approx(0.158)
    assert row["skill"] == pytest.approx(0.34, abs=0.005)
    # of the goals that were hit, and g0 asked once more
    assert (row["coverage"], row["n"], row["chances"]) == (1.0, 4, 5)
    assert row["interval_score"] is None


def test_an_interval_is_judged_by_the_share_it_was_to_hold(store: Store) -> None:
    """Missing by 7 costs four times 7 where half of the outcomes were to be missed."""
    days = goal("g", [float(n) for n in range(60)])
    fill(store, {"goal_progress": days, "forecasts": [value("g", 48, 40, 48, interval=0.5)]})
    backtest(store, 1)
    row = calibration(store)["value", 7, REPEAT]
    assert row["interval_score"] == pytest.approx((8 + 2 / 0.5 * 7) / 100)
    assert row["interval"] == 0.5


def test_the_last_backtest_holds(store: Store) -> None:
    """What an earlier one found is not kept beside it, and stands beside every forecast."""
    made = value("g", 41, 40, 50)
    fill(
        store, {"goal_progress": goal("g", [float(n) for n in range(60)]), "forecasts": [made]}
    )
    fill(
        store,
        {"forecast_calibrations": [{"about_kind": "goal", "quantity": "value", "horizon": 90}]},
    )
    backtest(store, 2)
    assert set(calibration(store)) == {("value", 7, REPEAT), ("value", 7, PLAIN)}
    [row] = store.rows("SELECT coverage, n, checked_horizon FROM signals.forecasts")
    assert row == {"coverage": 1.0, "n": 1, "checked_horizon": 7}


def test_teams_are_judged_by_whole_weeks() -> None:
    """A week that is not there is a 0; the outcome is what the weeks after the forecast brought."""
    weeks = {MONDAY + 7 * n * DAY: n for n in range(10) if n != 7}
    team = Team(weeks, max(weeks))
    sunday = MONDAY + (7 * 5 + 6) * DAY
    case = team.case(sunday, 21)
    assert case is not None
    assert list(case.past) == [0, 1, 2, 3, 4, 5]
    assert (case.recent, case.outcome, case.steps) == ([2, 3, 4, 5], 6 + 0 + 8, 3)
    assert team.case(sunday, 42) is None
    assert team.case(MONDAY + 6 * DAY, 7) is None
