"""The plan of a goal: where its value should be on a day, and how far ahead of it we are (9.5)."""

import math

from pipeline.core.calendar import WorkingCalendar, day_number
from pipeline.core.definition import Goal, Metric
from pipeline.core.rows import Day


def _sigma(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


_LOW, _HIGH = _sigma(-5.0), _sigma(5.0)


def s_curve(u: float) -> float:
    """s(u) of semantics 9.5: 0 at the start, 1 at the end, steepest in the middle."""
    return (_sigma(10.0 * (u - 0.5)) - _LOW) / (_HIGH - _LOW)


def s_curve_inverse(s: float) -> float:
    inner = s * (_HIGH - _LOW) + _LOW
    return 0.5 + math.log(inner / (1.0 - inner)) / 10.0


def _shape(goal: Goal, metric: Metric) -> str:
    if isinstance(goal.plan, dict) and "steps" in goal.plan:
        return "steps"
    if isinstance(goal.plan, str):
        return goal.plan
    return "s_curve" if metric.kind == "adoption" else "linear"


def elapsed(goal: Goal, day: Day, calendar: WorkingCalendar) -> tuple[int, int]:
    """Working days gone at the close of a day, and working days in all."""
    assert goal.starts_on is not None
    assert goal.due_on is not None
    whole = calendar.count(goal.starts_on, goal.due_on)
    return min(calendar.count(goal.starts_on, day), whole), whole


def plan(goal: Goal, metric: Metric, day: Day, calendar: WorkingCalendar) -> float | None:
    """Where the plan wants the value at the close of a day."""
    if metric.baseline is None or metric.target is None:
        return None
    shape = _shape(goal, metric)
    if shape == "steps":
        value = metric.baseline
        for step in sorted(goal.plan["steps"], key=lambda s: str(s["on"])):
            if day_number(str(step["on"])) <= day:
                value = float(step["value"])
        return value
    gone, whole = elapsed(goal, day, calendar)
    u = gone / whole if whole else 1.0
    s = s_curve(u) if shape == "s_curve" else u
    return metric.baseline + (metric.target - metric.baseline) * s


def days_ahead(
    goal: Goal, metric: Metric, progress: float, day: Day, calendar: WorkingCalendar
) -> float | None:
    """Working days between the day on which the plan is where we are, and today."""
    shape = _shape(goal, metric)
    if shape == "steps":
        return None
    gone, whole = elapsed(goal, day, calendar)
    share = min(max(progress, 0.0), 1.0)
    u = s_curve_inverse(share) if shape == "s_curve" else share
    return u * whole - gone
