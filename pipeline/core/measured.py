"""What a goal stands at on one day, and whether it is hit (semantics 9.2 to 9.4)."""

from bisect import bisect_left
from typing import NamedTuple

from pipeline.core.book import Book
from pipeline.core.calendar import Zone
from pipeline.core.definition import Goal, Metric
from pipeline.core.messages import NO_PART
from pipeline.core.reaction import Draft
from pipeline.core.rows import Day
from pipeline.core.signals import Order
from pipeline.core.spells import Spells
from pipeline.core.stall import MOVING, Stall
from pipeline.core.status import STEADY, Pulse

HOLD_DAYS = 3
LOST_DAYS = 7
LOST_SHARE = 0.9
KNOWN_SHARE = 0.5
"""A roll-up is unknown while less than this share of its weight is known (9.3)."""


class Reading(NamedTuple):
    order: Order
    value: float


class Judged(NamedTuple):
    """One closed day: what the goal stood at, and the fold of its being hit up to that day.

    `value` and `progress` are as known now, `confirmed` is the progress as it was known at the
    close: a hit rests on that one alone, or a later fact could move it (semantics 4.2).
    """

    value: float | None
    progress: float | None
    confirmed: float | None = None
    hit: bool = False
    streak: int = 0
    streak_from: Day = 0
    hit_on: Day | None = None
    known_weight: float | None = None
    reached: dict[str, tuple[int, int]] = {}  # noqa: RUF012 - never changed in place
    """Work items per level that is counted: as known now, and as known at the close."""
    status: str = ""
    why: str = ""
    pulse: Pulse = STEADY
    stall: Stall = MOVING


def progress_of(value: float | None, metric: Metric) -> float | None:
    """Where a value stands between baseline and target."""
    if value is None or metric.baseline is None or metric.target is None:
        return None
    return (value - metric.baseline) / (metric.target - metric.baseline)


def counts_on(
    draft: Draft, before: Judged, levels: set[str], day: Day
) -> dict[str, tuple[int, int]]:
    """The work items at each level at the close: those of the day before, and what changed."""
    counts: dict[str, tuple[int, int]] = {}
    for level in levels:
        now, then = before.reached.get(level, (0, 0))
        change = draft.get(f"reached/{level}/{day}") or (0, 0)
        counts[level] = (now + change[0], then + change[1])
    return counts


def value_on(
    draft: Draft,
    goal: Goal,
    metric: Metric,
    book: Book,
    day: Day,
    zone: Zone,
    counts: dict[str, tuple[int, int]],
) -> tuple[float | None, float | None]:
    """The goal's value at the close of a day, and for a roll-up the share of known weight."""
    match metric.kind:
        case "adoption" | "migrate":
            reach = draft.get(f"reach/{metric.subject}/{day}")
            subject = book.subject(metric.subject)
            if subject is None:
                return None, None
            if reach is None:
                # nobody was heard of so far: that is a zero, and it is said
                counted = subject.until is None or day < subject.until
                return (0.0 if counted else None), None
            adopters, eligible, _ = reach
            if metric.unit == "share":
                return (adopters / eligible if eligible else None), None
            return float(adopters), None
        case "kpi" | "milestone" | "sustain":
            readings: list[Reading] = draft.get("readings") or []
            past = bisect_left(readings, zone.close(day), key=lambda r: r.order.at)
            if past == 0:
                return None, None
            if metric.kind == "sustain":
                return _sustained(readings[:past], metric), None
            return readings[past - 1].value, None
        case "work":
            return float(counts.get(metric.at, (0, 0))[0]), None
        case "rollup":
            return _rolled_up(draft, goal, book, day, confirmed=False)
    return None, None


def confirmed_on(
    draft: Draft,
    goal: Goal,
    metric: Metric,
    book: Book,
    day: Day,
    value: float | None,
    counts: dict[str, tuple[int, int]],
) -> float | None:
    """The value as it was confirmed by the close of the day; `value` is what is known now."""
    match metric.kind:
        case "work":
            return float(counts.get(metric.at, (0, 0))[1])
        case "rollup":
            return _rolled_up(draft, goal, book, day, confirmed=True)[0]
    return value


def may_move(draft: Draft, metric: Metric, day: Day, zone: Zone) -> bool:
    """Whether a day may have moved the value: what is read moves with a reading only (9.4)."""
    if metric.kind not in ("kpi", "milestone", "sustain"):
        return True
    readings: list[Reading] = draft.get("readings") or []
    past = bisect_left(readings, zone.close(day), key=lambda r: r.order.at)
    return past > 0 and readings[past - 1].order.at >= zone.start(day)


def _sustained(readings: list[Reading], metric: Metric) -> float | None:
    """Periods met / periods due: one reading is one period."""
    if metric.band is None:
        return None
    low, high = metric.band
    due = metric.periods or len(readings)
    met = sum(low <= reading.value <= high for reading in readings[-due:])
    return met / due


def _rolled_up(
    draft: Draft, goal: Goal, book: Book, day: Day, *, confirmed: bool
) -> tuple[float | None, float | None]:
    """Weighted mean of the children's clipped progress; unknown ones are left out (9.3)."""
    total = known = value = 0.0
    for child in book.children_on(goal.id, day):
        weight = next(p.weight for p in child.parents if p.id == goal.id)
        total += weight
        part = (draft.get(f"child/{child.id}") or {}).get(day, NO_PART)
        progress = part.confirmed if confirmed else part.progress
        if progress is not None:
            known += weight
            value += weight * min(max(progress, 0.0), 1.0)
    if total <= 0:
        return None, None
    if known / total < KNOWN_SHARE:
        return None, known / total
    return value / known, known / total


def fold_hit(
    draft: Draft,
    metric: Metric,
    before: Judged,
    value: float | None,
    day: Day,
    zone: Zone,
    spells: Spells,
) -> Judged:
    """On adoption a hit is held 3 days and lost after 7 below 0.9; others turn at a day's close.

    A day whose value is not known speaks neither for a hit nor against one.
    """
    assert metric.target is not None
    assert metric.baseline is not None
    slow = metric.kind in ("adoption", "migrate")
    if not before.hit:
        turning, needed = _meets(value, metric.target, metric), HOLD_DAYS if slow else 1
        if turning and metric.verified is not None:
            reach = draft.get(f"reach/{metric.subject}/{day}")
            turning = bool(reach and reach[0] and reach[2] / reach[0] >= metric.verified - 1e-9)
    else:
        floor = metric.target * LOST_SHARE if slow else metric.target
        if slow and metric.target < metric.baseline:
            floor = metric.target / LOST_SHARE
        turning = value is not None and not _meets(value, floor, metric)
        needed = LOST_DAYS if slow else 1
    streak = before.streak + 1 if turning else 0
    since = before.streak_from if streak > 1 else day
    hit, hit_on = before.hit, before.hit_on
    if streak >= needed:
        hit = not hit
        streak = 0
        if hit:
            hit_on = since
            spells.begin("goal_hit", zone.close(day))
        else:
            hit_on = None
            spells.end("goal_hit", zone.close(day))
    return before._replace(hit=hit, streak=streak, streak_from=since, hit_on=hit_on)


def _meets(value: float | None, target: float, metric: Metric) -> bool:
    assert metric.target is not None
    assert metric.baseline is not None
    if value is None:
        return False
    if metric.target < metric.baseline:
        return value <= target + 1e-9
    return value >= target - 1e-9
