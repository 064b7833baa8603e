"""What is expected of a goal: the forecast at the close of each week, from what was known then."""

from pipeline.core.book import Book
from pipeline.core.calendar import WorkingCalendar
from pipeline.core.definition import Goal, Metric
from pipeline.core.forecast import Strand
from pipeline.core.goal_forecast import (
    Forecast,
    Question,
    Scenario,
    closes_week,
    forecast_goal,
    scale_of,
)
from pipeline.core.measured import Judged
from pipeline.core.reached import Item
from pipeline.core.reaction import Draft
from pipeline.core.rows import Day, ForecastRow, Gone
from pipeline.core.starved import at_work

UNFORECAST = ("milestone", "sustain")
"""What is reached at once, or kept, has no pace that could be drawn on."""


def next_made(day: Day) -> Day:
    """The first day, from this one on, at whose close a forecast is made: a Sunday."""
    return next(day + n for n in range(7) if closes_week(day + n))


def newest(draft: Draft, day: Day) -> Forecast | None:
    """The newest forecast at the close of a day: that of the last Sunday."""
    found: Forecast | None = draft.get(f"forecast/{day - (day + 4) % 7}")
    return found


def expect(
    draft: Draft,
    goal: Goal,
    metric: Metric,
    book: Book,
    calendar: WorkingCalendar,
    begins: Day,
    day: Day,
    judged: Judged,
) -> None:
    """Forecast at the close of a week, unless there is nothing to hope for any more."""
    assert goal.due_on is not None
    assert metric.baseline is not None
    assert metric.target is not None
    if not closes_week(day):
        return
    if metric.kind in UNFORECAST or judged.hit or day >= goal.due_on:
        forget(draft, goal.id, day)
        return
    before = (draft.get(f"judged/{other}") for other in range(begins, day))
    series = [_value(known, metric) for known in (*before, judged)]
    asked = Question(
        goal_id=goal.id,
        day=day,
        kind=metric.kind,
        series=series,
        baseline=metric.baseline,
        target=metric.target,
        due_on=goal.due_on,
        ceiling=_ceiling(draft, metric, day),
        strands=_strands(draft, metric, begins, day, calendar, series[-1])
        if metric.kind == "work"
        else (),
        scenarios=_scenarios(draft, goal, book, day) if metric.kind == "work" else (),
        rules=book.forecasting,
    )
    made, rows, gone = forecast_goal(
        asked, calendar, lambda other: draft.get(f"forecast/{other}")
    )
    draft.put_if_new(f"forecast/{day}", made)
    draft.rows += rows
    draft.gone += gone


def forget(draft: Draft, id: str, day: Day) -> None:
    """Nothing was to be forecast on a day, as is known by now."""
    made: Forecast | None = draft.get(f"forecast/{day}")
    if made is not None:
        draft.put(f"forecast/{day}", None)
        draft.gone += [
            Gone(ForecastRow, ("goal", id, quantity, day, horizon, scenario))
            for quantity, horizon, scenario in made.keys
        ]


def _value(judged: Judged | None, metric: Metric) -> float | None:
    """The value of a day as it was confirmed at its close."""
    if judged is None or judged.confirmed is None:
        return None
    assert metric.baseline is not None
    assert metric.target is not None
    return metric.baseline + judged.confirmed * (metric.target - metric.baseline)


def _scenarios(draft: Draft, goal: Goal, book: Book, day: Day) -> list[Scenario]:
    """What is asked: as people and their share of support would be, against what they are (11.2)."""
    teams = [team for team in map(book.team, goal.owners) if team is not None]
    if not teams or any(team.people is None for team in teams):
        return []
    people = sum(team.people or 0.0 for team in teams)
    loads: dict[str, dict[Day, float]] = draft.get("loads") or {}
    shares = [loads.get(team.id, {}).get(day, 0.0) * (team.people or 0.0) for team in teams]
    support = sum(shares) / people if people else 0.0
    found: list[Scenario] = []
    for record in book.scenarios(goal.id):
        scale = scale_of(people, support, record.get("people"), record.get("support"))
        if scale is not None:
            found.append(Scenario(str(record["id"]), scale))
    return found


def _ceiling(draft: Draft, metric: Metric, day: Day) -> float | None:
    if metric.kind == "rollup" or metric.unit == "share":
        return 1.0
    reach = draft.get(f"reach/{metric.subject}/{day}") if metric.subject else None
    return None if reach is None or reach[1] is None else float(reach[1])


def _strands(
    draft: Draft,
    metric: Metric,
    begins: Day,
    day: Day,
    calendar: WorkingCalendar,
    value: float | None,
) -> list[Strand]:
    """Per team what it finished in each week for the goal, and its share of what is left.

    What is left to the target is laid on the teams as their open work items are, for nobody knows
    yet who will take what is not planned. Only what was known at the close counts.
    """
    assert metric.target is not None
    close = calendar.zone.close(day)
    weeks = (day - begins) // 7 + 1
    finished: dict[str, list[int]] = {}
    open_: dict[str, int] = {}
    for name in draft.members():
        item: Item = draft.get(f"item/{name}")
        days = [
            d for (level, d), (_, then) in item.marks.items() if level == metric.at and then > 0
        ]
        reached = [d for d in days if d <= day]
        team = at_work(item.worked, close - 1).team
        if reached:
            team = at_work(item.worked, calendar.zone.close(min(reached)) - 1).team or team
            done = finished.setdefault(team, [0] * weeks)
            done[weeks - 1 - (day - min(reached)) // 7] += 1
        elif team:
            open_[team] = open_.get(team, 0) + 1
    left = metric.target - (value or 0.0)
    total = sum(open_.values())
    if not total:
        whole = [sum(counts) for counts in zip(*finished.values(), strict=True)]
        return [Strand(whole or [0] * weeks, left)]
    return [
        Strand(finished.get(team, [0] * weeks), left * number / total)
        for team, number in sorted(open_.items())
    ]
