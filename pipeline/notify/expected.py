"""What is expected of a goal, and how often such forecasts held, in words."""

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.verdict import percent
from pipeline.notify.digest import measured
from pipeline.store.client import Store

Row = Mapping[str, Any]

UNCHECKED = "not checked against the past yet, `signals backtest` does"


def expected(store: Store, goal: Row, day: dt.date, *, now: bool) -> Iterator[str]:
    """The forecast that held at the close of a day: when it is hit, then each value ahead.

    Nothing where none was made that week. `now`: the dates are those that `goals_now` shows, which
    stay where they are while they would move by less than a week.
    """
    rows = store.rows(
        "SELECT * FROM signals.forecasts WHERE about_kind = 'goal' AND about = {id:String}"
        " AND scenario = '' AND made_on > {day:Date} - 7 AND made_on <= {day:Date}"
        " ORDER BY quantity, horizon",
        {"id": goal["goal_id"], "day": day},
    )
    # said once, not of each value again
    silent = any(row["quantity"] == "days" and row["coverage"] is None for row in rows)
    for row in rows:
        if row["quantity"] == "value":
            yield _value(goal, row, "" if silent else f"; {UNCHECKED}")
        elif row["p_hit"] is None:
            yield row["basis"]
        else:
            shown = (goal["hit_by_p50"], goal["hit_by_p85"]) if now else None
            yield f"{_dates(row, *(shown or _said(row)))}; {dates_held(row)}"


def _said(row: Row) -> tuple[dt.date | None, dt.date | None]:
    p50, p85 = (
        None if days is None else row["made_on"] + dt.timedelta(days=math.ceil(days))
        for days in (row["p50"], row["p85"])
    )
    return p50, p85


def _dates(row: Row, p50: dt.date | None, p85: dt.date | None) -> str:
    return (
        f"{percent(row['p_hit'])} likely to be hit by {row['due_on']}, as likely as not by"
        f" {p50 or 'no date'}, 85 % sure by {p85 or 'no date'}"
        f" (made on {row['made_on']} from {row['basis']})"
    )


def _value(goal: Row, row: Row, unchecked: str) -> str:
    low, p50, high = (measured(goal, row[name]) for name in ("low", "p50", "high"))
    share = f"{100 * row['interval']:g} %"
    text = f"in {row['horizon']} days {p50}, between {low} and {high} with {share}"
    if row["coverage"] is None:
        return text + unchecked
    like = "like this one"
    if row["checked_horizon"] != row["horizon"]:
        like = f"{row['checked_horizon']} days ahead"
    return f"{text}; {share} intervals {like} held {_held(row['coverage'], row['n'])}"


def dates_held(row: Row) -> str:
    """How often the P85 of goals held, and whether their chances were of use."""
    held = UNCHECKED
    if row["coverage"] is not None:
        held = f"dates said to be 85 % sure held {_held(row['coverage'], row['n'])}"
    if row["skill"] is not None:
        better = "better" if row["skill"] >= 0 else "worse"
        held += f"; chances were {100 * abs(row['skill']):.0f} % {better} than the base rate"
    return held


def _held(coverage: float, n: int) -> str:
    return f"{100 * coverage:.0f} % of the time, n = {n}"


def all_dates_held(store: Store) -> str:
    """The same for all goals at once; empty where no goal has a forecast."""
    rows = store.rows(
        "SELECT forecast_coverage AS coverage, forecast_n AS n, forecast_skill AS skill"
        " FROM signals.goals_now WHERE p_hit IS NOT NULL LIMIT 1"
    )
    return f"Forecasts: {dates_held(rows[0])}." if rows else ""
