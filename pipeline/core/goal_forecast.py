"""When a goal will be hit: one forecast per week, from what was confirmed by its close (9.7).

`forecast_goal` is asked once for each close of a week and remembers nothing: what was forecast
before is given to it, so that asking again, in any order, gives the same.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from pipeline.core import forecast
from pipeline.core.calendar import WorkingCalendar
from pipeline.core.calibration import adapted, ends, inside
from pipeline.core.definition import Forecasting
from pipeline.core.forecast import USUAL, Draws, Outlook, Strand, tidy
from pipeline.core.rows import Day, ForecastRow, Gone

HORIZONS = (7, 21, 28, 42, 90)
"""Days after a forecast at which it says a value: 1, 3 and 6 weeks as for teams, 28 and 90 days."""

MOVES = 5
"""A date that people see moves by so many working days or not at all."""

WIDTHS = {7: 1.15, 21: 1.25, 28: 1.3, 42: 1.3, 90: 1.3}
"""How wide intervals are at first, before the goal's own forecasts have been put to the test.

Chosen near the best of a few on simulated goals and half of real adoption; other goals judge it
(`python -m tests.bench forecast`).
"""


class Scenario(NamedTuple):
    """What if: `scale` is how much more is finished per week than as things are."""

    id: str
    scale: float


class Forecast(NamedTuple):
    """What was forecast at one close of a week; a part of the goal's state.

    `intervals` are to be judged when their horizons have come, `widths` is what was learned up to
    this week, `keys` (quantity, horizon, scenario) are the rows that were written.
    """

    fingerprint: str
    p_hit: float | None
    hit_by_p50: Day | None
    hit_by_p85: Day | None
    intervals: dict[int, tuple[float, float]]
    widths: dict[int, float]
    keys: list[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """All that a forecast of a goal rests on.

    `series` holds the confirmed value of each day up to `day`, the close at which it is asked;
    `ceiling` is the value that cannot be passed (all who are eligible; 1 for a share); `strands`
    are the work that is left, for a goal that counts work items; `rules` say how it is made.
    """

    goal_id: str
    day: Day
    kind: str
    series: Sequence[float | None]
    baseline: float
    target: float
    due_on: Day
    ceiling: float | None = None
    strands: Sequence[Strand] = ()
    scenarios: Sequence[Scenario] = ()
    rules: Forecasting = USUAL

    @property
    def sign(self) -> int:
        return 1 if self.target > self.baseline else -1

    @property
    def way(self) -> float:
        return abs(self.target - self.baseline)

    def gains(self) -> list[float]:
        """How far it was on each day with data; a day without has the gain of the day before."""
        found: list[float] = []
        for value in self.series:
            if value is not None:
                found.append(self.sign * (value - self.baseline))
            elif found:
                found.append(found[-1])
        return found

    def fingerprint(self, widths: dict[int, float]) -> str:
        return blake2b(repr((self, widths)).encode(), digest_size=12).hexdigest()


def closes_week(day: Day) -> bool:
    """Whether a day is a Sunday, at whose close forecasts are made."""
    return (day + 3) % 7 == 6


def scale_of(
    people: float, support: float, then_people: float | None, then_support: float | None
) -> float | None:
    """How much more is finished with other people or another share of support (11.2).

    A limit of WIP is an assumption to be kept; nobody knows how much more it lets a team finish.
    """
    now = people * (1.0 - support)
    if now <= 0:
        return None
    then = people if then_people is None else then_people
    return then * (1.0 - (support if then_support is None else min(then_support, 1.0))) / now


def forecast_goal(
    asked: Question, calendar: WorkingCalendar, earlier: Callable[[Day], Forecast | None]
) -> tuple[Forecast, list[ForecastRow], list[Gone]]:
    """The forecast at the close of a week, its rows, and rows of an older one that left.

    `earlier` knows what was forecast on a day: on this one too, if that was asked before. The same
    question is not answered again.
    """
    stored = earlier(asked.day)
    widths = _widths(asked, earlier)
    fingerprint = asked.fingerprint(widths)
    if stored is not None and stored.fingerprint == fingerprint:
        return stored, [], []
    made, rows = _made(asked, widths)
    found = made._replace(
        fingerprint=fingerprint, keys=[(r.quantity, r.horizon, r.scenario) for r in rows]
    )
    found = _steady(found, earlier(asked.day - 7), asked.day, calendar)
    return found, rows, withdrawn(asked.goal_id, asked.day, stored, found.keys)


def withdrawn(
    goal_id: str, day: Day, stored: Forecast | None, but: Sequence[tuple[str, int, str]] = ()
) -> list[Gone]:
    """The rows of what was forecast on a day, when nothing is forecast for it any more."""
    return [
        Gone(ForecastRow, ("goal", goal_id, quantity, day, horizon, scenario))
        for quantity, horizon, scenario in (stored.keys if stored else [])
        if (quantity, horizon, scenario) not in but
    ]


def _widths(asked: Question, earlier: Callable[[Day], Forecast | None]) -> dict[int, float]:
    """The widths of the week before, and what the forecasts teach that came due since."""
    before = earlier(asked.day - 7)
    widths = dict(WIDTHS if before is None else before.widths)
    for horizon in HORIZONS:
        weeks = -(-horizon // 7)
        then = earlier(asked.day - 7 * weeks)
        if then is None or horizon not in then.intervals:
            continue
        outcome = asked.series[-1 - (7 * weeks - horizon)]
        if outcome is not None:
            hit = inside(*then.intervals[horizon], outcome)
            widths[horizon] = adapted(widths[horizon], hit=hit, interval=asked.rules.interval)
    return widths


def _made(asked: Question, widths: dict[int, float]) -> tuple[Forecast, list[ForecastRow]]:
    nothing = Forecast("", None, None, None, {}, widths, [])
    gains = asked.gains()
    left = asked.way - gains[-1] if gains else asked.way
    reason = _too_early(asked, gains)
    if not reason and left <= 0:
        reason = "the target is met; what else the goal asks for is not forecast"
    outlook, basis = (None, reason) if reason else _outlook(asked, gains, left)
    if outlook is None:
        return nothing, [_row(asked, basis=basis)]
    now = asked.baseline + asked.sign * gains[-1]
    rows = [_value(asked, now, outlook, h, widths[h], basis) for h in HORIZONS]
    days = _days(asked, outlook, widths, basis)
    rows.append(days)
    rows += [_what_if(asked, scenario, widths, days) for scenario in asked.scenarios]
    p50, p85 = (None if d is None else asked.day + math.ceil(d) for d in (days.p50, days.p85))
    intervals = {
        row.horizon: (row.low or 0.0, row.high or 0.0) for row in rows[: len(HORIZONS)]
    }
    made = nothing._replace(
        p_hit=days.p_hit, hit_by_p50=p50, hit_by_p85=p85, intervals=intervals
    )
    return made, rows


def _too_early(asked: Question, gains: Sequence[float]) -> str:
    rules = asked.rules
    known = sum(value is not None for value in asked.series)
    if known < rules.least_days:
        return f"too early to forecast: {known} days of data, {rules.least_days} are needed"
    share = gains[-1] / asked.way
    if share < rules.least_progress - 1e-9:
        return (
            f"too early to forecast: {math.floor(100 * share)} % of the way,"
            f" {100 * rules.least_progress:g} % are needed"
        )
    if asked.kind != "work":
        return ""
    for strand in asked.strands:
        weeks, finished = forecast.rests_on(strand.finished)
        if strand.remaining > 0 and not forecast.enough(strand.finished, rules):
            return (
                f"too early to forecast: {finished} finished in {weeks} weeks,"
                f" at least {rules.least_finishes} in {rules.least_weeks} are needed"
            )
    return ""


def _outlook(
    asked: Question, gains: Sequence[float], left: float
) -> tuple[Outlook | None, str]:
    """The members that suit the goal, pooled (9.7), and what they rest on."""
    draws = Draws(f"{asked.goal_id}/{asked.day}")
    if asked.kind == "work":
        found = forecast.throughput(asked.strands, draws, horizons=HORIZONS, rules=asked.rules)
        weeks = max((forecast.rests_on(s.finished)[0] for s in asked.strands), default=0)
        return found, f"weekly throughput of {weeks} weeks" if found else "no work is left"
    recent = gains[-forecast.DAYS_BACK - 1 :]
    if min(recent) == max(recent):
        # drawn again, no change is no change for ever; that is more than anybody knows
        return None, f"nothing changed in the last {forecast.DAYS_BACK} days"
    if asked.kind not in ("adoption", "migrate"):
        found = forecast.blocks(gains, left, HORIZONS, draws, asked.rules.trials)
        return found, "the last 28 daily changes"
    ceiling = asked.ceiling
    top = 2 * asked.way if ceiling is None else asked.sign * (ceiling - asked.baseline)
    if ceiling is not None and top < asked.way:
        return None, "fewer are eligible than the target asks for"
    half = asked.rules.trials // 2
    members = [
        forecast.blocks(gains, left, HORIZONS, draws, half),
        forecast.s_curve(gains, left, top, HORIZONS, draws, half),
    ]
    return forecast.pool(members), "the last 28 daily changes and S-curves"


def _value(
    asked: Question, now: float, outlook: Outlook, horizon: int, width: float, basis: str
) -> ForecastRow:
    trials = now + asked.sign * forecast.widened(outlook.gains[horizon], width)
    low, p10, p50, p85, high = (
        None if value is None else _within(asked, value)
        for value in forecast.quantiles(trials, _wanted(asked))
    )
    return _row(asked, "value", horizon)._replace(
        p10=p10, p50=p50, p85=p85, low=low, high=high, basis=basis
    )


def _wanted(asked: Question) -> tuple[float, ...]:
    """The quantiles of a row: low, P10, P50, P85, high."""
    low, high = ends(asked.rules.interval)
    return low, 0.1, 0.5, 0.85, high


def _within(asked: Question, value: float) -> float:
    """No value passes the ceiling, and no count is below 0."""
    if asked.ceiling is not None:
        value = min(value, asked.ceiling)
    if asked.kind in ("adoption", "migrate", "work"):
        value = max(value, 0.0)
    return tidy(value)


def _days(
    asked: Question, outlook: Outlook, widths: dict[int, float], basis: str
) -> ForecastRow:
    """Days until it is hit, as wide as values are at that distance."""
    middle = forecast.quantiles(outlook.days, (0.5,))[0] or HORIZONS[-1]
    width = forecast.between(middle, [(h, widths[h]) for h in HORIZONS])
    days = forecast.later_or_sooner(outlook.days, width)
    low, p10, p50, p85, high = (
        None if value is None else tidy(value)
        for value in forecast.quantiles(days, _wanted(asked))
    )
    return _row(asked)._replace(
        p10=p10,
        p50=p50,
        p85=p85,
        p_hit=tidy(forecast.share_within(days, asked.due_on - asked.day)),
        p_never=tidy(1.0 - forecast.share_within(days, 7 * forecast.NEVER_WEEKS)),
        basis=basis,
        low=low,
        high=high,
    )


def _what_if(
    asked: Question, scenario: Scenario, widths: dict[int, float], as_is: ForecastRow
) -> ForecastRow:
    """The same trials at another pace, and what it costs that things are as they are (11.2)."""
    draws = Draws(f"{asked.goal_id}/{asked.day}")
    found = forecast.throughput(
        asked.strands, draws, horizons=HORIZONS, scale=scenario.scale, rules=asked.rules
    )
    if found is None:
        return _row(asked, scenario=scenario.id, basis="a scenario is about work that is left")
    row = _days(asked, found, widths, "")
    gap = "as things are it may never end"
    if row.p50 is not None and as_is.p50 is not None:
        days = round(as_is.p50 - row.p50)
        gap = f"{abs(days)} days {'sooner' if days >= 0 else 'later'} than as things are"
    return row._replace(scenario=scenario.id, basis=f"{scenario.scale:.2f} of the pace: {gap}")


def _row(
    asked: Question,
    quantity: str = "days",
    horizon: int = 0,
    scenario: str = "",
    basis: str = "",
) -> ForecastRow:
    """A forecast that says nothing yet."""
    return ForecastRow(
        about_kind="goal",
        about=asked.goal_id,
        quantity=quantity,
        made_on=asked.day,
        horizon=horizon,
        scenario=scenario,
        p10=None,
        p50=None,
        p85=None,
        p_hit=None,
        p_never=None,
        basis=basis,
        due_on=asked.due_on,
        low=None,
        high=None,
        interval=asked.rules.interval,
    )


def _steady(
    made: Forecast, before: Forecast | None, day: Day, calendar: WorkingCalendar
) -> Forecast:
    """Dates that people see stay where they were, unless they move by enough (9.7)."""

    def shown(new: Day | None, old: Day | None) -> Day | None:
        if new is None or old is None or old <= day:
            return new
        first, last = sorted((new, old))
        return old if calendar.count(first + 1, last) < MOVES else new

    if before is None:
        return made
    return made._replace(
        hit_by_p50=shown(made.hit_by_p50, before.hit_by_p50),
        hit_by_p85=shown(made.hit_by_p85, before.hit_by_p85),
    )
