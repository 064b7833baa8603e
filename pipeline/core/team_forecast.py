"""How many work items a team will finish in the next weeks (semantics 11.3)."""

from collections.abc import Sequence

from pipeline.core import forecast
from pipeline.core.calibration import ends
from pipeline.core.definition import Forecasting
from pipeline.core.forecast import USUAL, Draws, tidy
from pipeline.core.rows import Day, ForecastRow

WEEKS = (1, 3, 6)


def forecast_team(
    team: str, day: Day, finished: Sequence[int], rules: Forecasting = USUAL
) -> list[ForecastRow]:
    """The forecast at the close of a week; `finished` per week, the week of `day` last.

    A week without anything finished is a 0 in it. It depends on what is given alone: who asks
    again with the same gets the same, and need not ask.
    """
    found = forecast.finished_within(finished, WEEKS, Draws(f"{team}/{day}"), rules=rules)
    weeks, number = forecast.rests_on(finished)
    if found is None:
        basis = (
            f"too early to forecast: {number} finished in {weeks} weeks,"
            f" at least {rules.least_finishes} in {rules.least_weeks} are needed"
        )
        return [_row(team, day, week, [None] * 5, basis, rules) for week in WEEKS]
    low, high = ends(rules.interval)
    return [
        _row(
            team,
            day,
            week,
            forecast.quantiles(trials, (low, 0.1, 0.5, 0.85, high)),
            f"weekly throughput of {weeks} weeks",
            rules,
        )
        for week, trials in found.items()
    ]


def _row(
    team: str,
    day: Day,
    weeks: int,
    quantiles: Sequence[float | None],
    basis: str,
    rules: Forecasting,
) -> ForecastRow:
    low, p10, p50, p85, high = (None if q is None else tidy(q) for q in quantiles)
    return ForecastRow(
        about_kind="team",
        about=team,
        quantity="value",
        made_on=day,
        horizon=7 * weeks,
        scenario="",
        p10=p10,
        p50=p50,
        p85=p85,
        p_hit=None,
        p_never=None,
        basis=basis,
        due_on=None,
        low=low,
        high=high,
        interval=rules.interval,
    )
