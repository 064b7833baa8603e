"""Forecasts against what then happened: `signals backtest` (semantics 9.8, 11.4).

Every stored forecast was made at the close of a week from what was confirmed then; it is judged
once its horizon has come. Beside it stand what simpler forecasts would have said that day. So that
large goals and teams do not count more, a score is divided by the way of the goal, or by the mean
week of the team.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any, NamedTuple

from pipeline.core import forecast
from pipeline.core.calibration import (
    base_rate,
    brier,
    ends,
    inside,
    interval_score,
    pinball,
    skill,
)
from pipeline.core.forecast import Draws
from pipeline.core.rows import ForecastCalibrationRow, Gone
from pipeline.store.client import Store
from pipeline.store.writer import Writer

REPEAT, PLAIN, BASE_RATE = "last 28 days repeat", "plain bootstrap", "base rate"

P85 = 0.85
"""The share of goals that shall be hit by their P85."""

DAY, WEEK = dt.timedelta(days=1), dt.timedelta(days=7)

Row = Mapping[str, Any]


class Case(NamedTuple):
    """What was known on the day of a forecast, and what came.

    `recent` and `past` are the changes per step that the two simpler forecasts rest on.
    """

    now: float
    recent: Sequence[float]
    past: Sequence[float]
    steps: int
    outcome: float
    scale: float


class Score(NamedTuple):
    hit: bool
    interval: float
    pinball: float
    others: dict[str, float]
    wanted: float


def backtest(store: Store, version: int) -> list[ForecastCalibrationRow]:
    """Judge every forecast that can be judged, and store how right they were, in place of before."""
    goals, teams = _goals(store), _teams(store)
    rows = [
        *_values(store, "goal", goals),
        *_values(store, "team", teams),
        *_dates(store, goals),
    ]
    before = store.rows(
        "SELECT about_kind, quantity, horizon, against FROM signals.forecast_calibration"
    )
    gone = [(version, Gone(ForecastCalibrationRow, tuple(row.values()))) for row in before]
    Writer(store).write([(version, row) for row in rows], gone, f"backtest-{version}")
    return rows


# -- what happened -------------------------------------------------------------------------


class Goal(NamedTuple):
    """The days of a goal, and the one on which it was hit."""

    days: dict[dt.date, Row]
    hit_on: dt.date | None

    def case(self, made_on: dt.date, horizon: int) -> Case | None:
        """Days repeat; a day without a value is not known, so nothing is said about it."""
        values = [
            row["value"]
            for n in range(-28, horizon + 1)
            if (row := self.days.get(made_on + n * DAY)) and row["value"] is not None
        ]
        if len(values) < 28 + 1 + horizon:
            return None
        known = self.days[made_on]
        changes = [b - a for a, b in pairwise(values[:29])]
        way = abs(known["target"] - known["baseline"])
        return Case(values[28], changes, changes, horizon, values[-1], way)


class Team(NamedTuple):
    """What a team finished in each week; a week that is not there is a 0."""

    weeks: dict[dt.date, int]
    last: dt.date

    def case(self, made_on: dt.date, horizon: int) -> Case | None:
        monday, first, steps = made_on - 6 * DAY, min(self.weeks), horizon // 7
        if monday + steps * WEEK > self.last:
            return None
        past = [
            self.weeks.get(first + n * WEEK, 0) for n in range((monday - first).days // 7 + 1)
        ]
        came = [self.weeks.get(monday + n * WEEK, 0) for n in range(1, steps + 1)]
        mean = fmean(past) if past else 0.0
        if mean <= 0:
            return None
        return Case(0.0, past[-4:], past[-forecast.WEEKS[-1] :], steps, sum(came), mean)


def _goals(store: Store) -> dict[str, Goal]:
    days: defaultdict[str, dict[dt.date, Row]] = defaultdict(dict)
    for row in store.rows(
        "SELECT goal_id, day, value, baseline, target, progress, status"
        " FROM signals.goal_progress_daily ORDER BY goal_id, day"
    ):
        days[row["goal_id"]][row["day"]] = row
    return {id: Goal(some, _hit_on(list(some.values()))) for id, some in days.items()}


def _hit_on(days: list[Row]) -> dt.date | None:
    """The day from which on it met its target until that was confirmed."""
    number = next((n for n, row in enumerate(days) if row["status"] == "hit"), None)
    if number is None:
        return None
    while number and (days[number - 1]["progress"] or 0.0) >= 1.0 - 1e-9:
        number -= 1
    on: dt.date = days[number]["day"]
    return on


def _teams(store: Store) -> dict[str, Team]:
    """The weeks that are over, up to the newest tick."""
    weeks: defaultdict[str, dict[dt.date, int]] = defaultdict(dict)
    for row in store.rows(
        "SELECT team, week, finished FROM signals.team_flow_weekly"
        " WHERE week + 7 <= (SELECT toDate(max(at)) FROM signals_store.clock FINAL)"
    ):
        weeks[row["team"]][row["week"]] = row["finished"]
    last = max((week for some in weeks.values() for week in some), default=dt.date.min)
    return {team: Team(some, last) for team, some in weeks.items()}


# -- values --------------------------------------------------------------------------------


def _values(
    store: Store, kind: str, known: Mapping[str, Goal | Team]
) -> Iterator[ForecastCalibrationRow]:
    made = store.rows(
        "SELECT about, made_on, horizon, p10, p50, p85, low, high, interval FROM signals.forecasts"
        " WHERE about_kind = {kind:String} AND quantity = 'value' AND scenario = ''"
        " AND low IS NOT NULL ORDER BY ALL",
        {"kind": kind},
    )
    by_horizon: defaultdict[int, list[Score]] = defaultdict(list)
    for row in made:
        happened = known.get(row["about"])
        case = happened.case(row["made_on"], row["horizon"]) if happened else None
        if case is not None:
            by_horizon[row["horizon"]].append(_score(row, case))
    for horizon, scores in sorted(by_horizon.items()):
        own = fmean(score.interval for score in scores)
        for against in (REPEAT, PLAIN):
            yield ForecastCalibrationRow(
                about_kind=kind,
                quantity="value",
                horizon=horizon,
                against=against,
                n=len(scores),
                coverage=fmean(score.hit for score in scores),
                interval_score=own,
                brier=None,
                skill=skill(own, fmean(score.others[against] for score in scores)),
                pinball=fmean(score.pinball for score in scores),
                interval=fmean(score.wanted for score in scores),
                chances=0,
            )


def _score(row: Row, case: Case) -> Score:
    simpler: dict[str, tuple[Callable[..., Any], Sequence[float]]] = {
        REPEAT: (forecast.repeated, case.recent),
        PLAIN: (forecast.plain_bootstrap, case.past),
    }
    others = {}
    interval = row["interval"]
    for against, (method, changes) in simpler.items():
        draws = Draws(f"{against}/{row['about']}/{row['made_on']}/{row['horizon']}")
        low, high = forecast.quantiles(method(changes, case.steps, draws), ends(interval))
        assert low is not None
        assert high is not None
        missed = interval_score(case.now + low, case.now + high, case.outcome, interval)
        others[against] = missed / case.scale
    quantiles = ((row["p10"], 0.1), (row["p50"], 0.5), (row["p85"], 0.85))
    return Score(
        inside(row["low"], row["high"], case.outcome),
        interval_score(row["low"], row["high"], case.outcome, interval) / case.scale,
        fmean(pinball(value, q, case.outcome) for value, q in quantiles) / case.scale,
        others,
        interval,
    )


# -- dates ---------------------------------------------------------------------------------


def _dates(store: Store, goals: Mapping[str, Goal]) -> Iterator[ForecastCalibrationRow]:
    """P(hit) once the due date is over, and P85 once that day is; sooner only hits would count."""
    made = store.rows(
        "SELECT about, made_on, p85, p_hit, due_on FROM signals.forecasts"
        " WHERE about_kind = 'goal' AND quantity = 'days' AND scenario = ''"
        " AND p_hit IS NOT NULL ORDER BY ALL"
    )
    chances: list[float] = []
    came: list[bool] = []
    by_p85: list[bool] = []
    for row in made:
        goal = goals.get(row["about"])
        if goal is None:
            continue
        last = max(goal.days)
        if row["due_on"] <= last:
            chances.append(row["p_hit"])
            came.append(goal.hit_on is not None and goal.hit_on <= row["due_on"])
        if row["p85"] is None:
            continue
        by = row["made_on"] + math.ceil(row["p85"]) * DAY
        if by <= last:
            by_p85.append(goal.hit_on is not None and goal.hit_on <= by)
    if not chances and not by_p85:
        return
    score = brier(chances, came)
    yield ForecastCalibrationRow(
        about_kind="goal",
        quantity="days",
        horizon=0,
        against=BASE_RATE,
        n=len(by_p85),
        coverage=fmean(by_p85) if by_p85 else None,
        interval_score=None,
        brier=score,
        skill=skill(score, base_rate(came)),
        pinball=None,
        interval=P85,
        chances=len(chances),
    )
