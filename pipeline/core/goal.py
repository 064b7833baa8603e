"""A goal: its value day by day from baseline to target, its plan, and whether it is hit.

A day is judged at its close with the definition in force then (semantics 9.1 to 9.6). A day that
facts change later is judged again, from there on; what was said stays in `published`.
"""

import json
from bisect import bisect_left, insort
from typing import Any, NamedTuple

from pipeline.core import reached
from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, WorkingCalendar, Zone
from pipeline.core.definition import ALWAYS, Goal, Metric
from pipeline.core.findings import Interval
from pipeline.core.messages import Reach, Redefined, Retracted, Share, Standing
from pipeline.core.plan import days_ahead, plan
from pipeline.core.reaction import Draft
from pipeline.core.rows import (
    Day,
    FindingRow,
    GoalProgressRow,
    GoalRow,
    GoalVersionRow,
    Gone,
    PublishedRow,
)
from pipeline.core.signals import GoalWithdrawn, Instant, KpiMeasured, Order, Signal

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


class Said(NamedTuple):
    """The value of a day as it was first said, when, and what it restated; and as last said."""

    at: Instant
    value: float | None
    restatement: float | None
    last: float | None


class Hits(NamedTuple):
    intervals: list[tuple[Instant, Instant | None]]


PARTS: dict[str, Any] = reached.PARTS | {
    "child/": dict[Day, tuple[float | None, float | None]],
    "dirty": Day,
    "findings": list[str],
    "first": Day,
    "hits": Hits,
    "judged/": Judged,
    "last": Day,
    "parents": list[str],
    "reach/": tuple[int, int | None, int],
    "readings": list[Reading],
    "said/": Said,
    "versions": list[Instant],
    "withdrawn": list[Order],
}


def react(draft: Draft, signal: Signal, book: Book, *, retract: bool = False) -> None:
    data = signal.data
    if isinstance(data, GoalWithdrawn):
        known: list[Order] = draft.get("withdrawn") or []
        orders = [o for o in known if o[1:] != signal.order[1:]]
        draft.put("withdrawn", orders if retract else sorted([*orders, signal.order]))
    elif isinstance(data, KpiMeasured):
        readings = [r for r in draft.get("readings") or [] if r.order[1:] != signal.order[1:]]
        if not retract:
            insort(readings, Reading(signal.order, data.value), key=lambda r: r.order)
        draft.put("readings", readings)
    _dirty(draft, _calendar(draft.id, book).zone.day(signal.at))


def hear(
    draft: Draft, message: Reach | Standing | Share | Redefined | Retracted, book: Book
) -> None:
    match message:
        case Reach():
            for day, reach in message.days.items():
                draft.put(f"reach/{message.subject}/{day}", reach)
            if message.days:
                _dirty(draft, min(message.days))
        case Standing():
            reached.stand(draft, message, counts=bool(_levels(draft.id, book)))
        case Share():
            part = f"child/{message.goal}"
            known: dict[Day, tuple[float | None, float | None]] = draft.get(part) or {}
            none = (None, None)
            new = [d for d, share in message.days.items() if share != known.get(d, none)]
            if new:
                draft.put(part, {**known, **message.days})
                _dirty(draft, min(new))
        case Retracted():
            react(draft, message.signal, book, retract=True)
        case Redefined():
            if _levels(draft.id, book):
                reached.recount(draft)
            _dirty(draft, -(2**31))


def _dirty(draft: Draft, day: Day) -> None:
    known = draft.get("dirty")
    draft.put("dirty", day if known is None else min(known, day))
    draft.wake()


def _calendar(id: str, book: Book) -> WorkingCalendar:
    """A goal measured on a subject uses the subject's days (semantics 3.9)."""
    goal = book.goal(id)
    if (
        goal is not None
        and goal.metric is not None
        and goal.metric.kind in ("adoption", "migrate")
    ):
        return book.calendar("subject", goal.metric.subject)
    return book.calendar("goal", id)


# -- judging -------------------------------------------------------------------------------


def wake(draft: Draft, book: Book) -> None:
    goal = book.goal(draft.id)
    if goal is None:
        _vanish(draft)
        return
    calendar = _calendar(draft.id, book)
    zone = calendar.zone
    today = zone.day(draft.now)
    draft.wake(zone.close(today))
    _versions(draft, book, zone)
    hits: Hits = draft.get("hits") or Hits([])
    first: Day | None = draft.get("first")
    ends = _ends(draft, goal, zone)
    last = today - 1 if ends is None else min(today, ends) - 1
    begins = _begins(goal.id, book, max(today, goal.starts_on or today))
    if begins is not None:
        if first is not None:
            _unjudge(draft, first, begins - 1)
        draft.put_if_new("first", begins)
        dirty = draft.get("dirty")
        levels = _levels(goal.id, book)
        if levels:
            counted = reached.count(draft, levels, begins, zone)
            dirty = min((day for day in (dirty, counted) if day is not None), default=None)
        start = max(begins, min(last, last if dirty is None else dirty))
        if draft.get(f"judged/{last}") is None or (dirty is not None and dirty < today):
            hits = _judge(draft, goal, book, calendar, begins, start, last, hits, levels)
    elif first is not None:
        _unjudge(draft, first, today - 1)
        draft.put("first", None)
        draft.put("last", None)
        hits = Hits([])
        draft.put("hits", None)
    draft.put("dirty", None)
    ended = ends is not None and ends <= today
    _show(draft, goal, book, calendar, today, last, hits, ended=ended)


def _ends(draft: Draft, goal: Goal, zone: Zone) -> Day | None:
    """The first day that is not judged: the goal was withdrawn, or nobody defines it any more."""
    withdrawn: list[Order] = draft.get("withdrawn") or []
    ends = [zone.day(withdrawn[0].at)] if withdrawn else []
    if goal.until is not None:
        ends.append(goal.until)
    return min(ends, default=None)


def _measurable(goal: Goal) -> bool:
    return goal.level != "vision" and not goal.lacks and goal.starts_on is not None


def _measures(goal: Goal, day: Day) -> bool:
    return _measurable(goal) and goal.starts_on is not None and goal.starts_on <= day


def _begins(id: str, book: Book, last: Day) -> Day | None:
    """The first day, up to `last`, on which the version in force then says what is measured."""
    versions: list[tuple[Day, Goal, Order]] = book.versions("goal", id)
    turns = [start for start, _, _ in versions[1:] if start <= last]
    # before the first version the first one holds
    for (_, goal, _), start, end in zip(
        versions, [ALWAYS, *turns], [*turns, last + 1], strict=False
    ):
        if (
            _measurable(goal)
            and goal.starts_on is not None
            and max(start, goal.starts_on) < end
        ):
            return max(start, goal.starts_on)
    return None


def _levels(id: str, book: Book) -> set[str]:
    """The levels at which any version of the goal counts work items."""
    versions: list[Goal] = [version for _, version, _ in book.versions("goal", id)]
    metrics = [version.metric for version in versions if _measurable(version)]
    return {metric.at for metric in metrics if metric is not None and metric.kind == "work"}


def _vanish(draft: Draft) -> None:
    """Its definition was retracted: there is no such goal, so far."""
    first, versions = draft.get("first"), draft.get("versions") or []
    if first is not None:
        _unjudge(draft, first, _calendar_free_day(draft.now))
    draft.gone.append(Gone(GoalRow, (draft.id,)))
    draft.gone += [Gone(GoalVersionRow, (draft.id, at)) for at in versions]
    draft.gone += [Gone(FindingRow, (id,)) for id in draft.get("findings") or []]
    for part in ("first", "last", "versions", "findings", "hits"):
        draft.put_if_new(part, None)


def _calendar_free_day(now: Instant) -> Day:
    """A day that is not over in any zone."""
    return now // DAY_MS + 1


def _unjudge(draft: Draft, first: Day, last: Day) -> None:
    """By its definition now the goal has no value on these days."""
    for day in range(first, last + 1):
        _no_value(draft, day)
    for parent in draft.get("parents") or []:
        draft.send(
            f"goal:{parent}",
            Share(draft.id, dict.fromkeys(range(first, last + 1), (None, None))),
        )


def _no_value(draft: Draft, day: Day) -> None:
    draft.put(f"judged/{day}", None)
    draft.gone.append(Gone(GoalProgressRow, (draft.id, day)))


def _judge(
    draft: Draft,
    goal: Goal,
    book: Book,
    calendar: WorkingCalendar,
    begins: Day,
    start: Day,
    last: Day,
    hits: Hits,
    levels: set[str],
) -> Hits:
    """Judge every day from `start` to `last`, after the newest day that was judged before it.

    A day is judged by the version in force then; where that one measures nothing, the day has no
    value, and what was hit stays so.
    """
    zone = calendar.zone
    while start > begins and draft.get(f"judged/{start - 1}") is None:
        start -= 1
    before: Judged = draft.get(f"judged/{start - 1}") or Judged(None, None)
    opening = zone.start(start)
    intervals = [i for i in hits.intervals if i[0] <= opening]
    if intervals and intervals[-1][1] is not None and intervals[-1][1] > opening:
        intervals[-1] = (intervals[-1][0], None)
    shares: dict[Day, tuple[float | None, float | None]] = {}
    single = len(book.versions("goal", goal.id)) == 1
    for day in range(start, last + 1):
        in_force = goal if single else (book.goal_on(goal.id, day) or goal)
        metric = in_force.metric
        if not _measures(in_force, day):
            _no_value(draft, day)
            shares[day] = (None, None)
            counts = _counts(draft, before, levels, day)
            before = before._replace(value=None, reached=counts)
            continue
        assert metric is not None
        counts = _counts(draft, before, levels, day)
        value, weight = _value(draft, in_force, metric, book, day, zone, counts)
        confirmed = _confirmed(draft, in_force, metric, book, day, value, counts)
        judged = _hit(draft, metric, before, confirmed, day, zone, intervals)._replace(
            value=value,
            progress=_progress(value, metric),
            confirmed=_progress(confirmed, metric),
            known_weight=weight,
            reached=counts,
        )
        draft.put(f"judged/{day}", judged)
        shares[day] = (judged.progress, judged.confirmed)
        _progress_row(draft, in_force, metric, before, judged, day, calendar)
        before = judged
    for day in range(last + 1, draft.get("last") or last + 1):
        # judged before it was known that the goal had ended
        draft.put(f"judged/{day}", None)
        draft.gone.append(Gone(GoalProgressRow, (draft.id, day)))
        shares[day] = (None, None)
    draft.put_if_new("last", last + 1)
    parents = book.parents_of(goal.id)
    for parent in parents:
        if parent in (draft.get("parents") or []):
            draft.send(f"goal:{parent}", Share(goal.id, shares))
        else:
            draft.send(f"goal:{parent}", Share(goal.id, _all_shares(draft, begins, last)))
    for parent in draft.get("parents") or []:
        if parent not in parents:
            days: dict[Day, tuple[float | None, float | None]]
            days = dict.fromkeys(range(begins, last + 1), (None, None))
            draft.send(f"goal:{parent}", Share(goal.id, days))
    draft.put_if_new("parents", parents)
    hits = Hits(intervals)
    draft.put_if_new("hits", hits)
    return hits


def _all_shares(
    draft: Draft, begins: Day, last: Day
) -> dict[Day, tuple[float | None, float | None]]:
    days = ((d, draft.get(f"judged/{d}")) for d in range(begins, last + 1))
    return {day: (j.progress, j.confirmed) for day, j in days if j is not None}


def _progress(value: float | None, metric: Metric) -> float | None:
    """Where a value stands between baseline and target."""
    if value is None or metric.baseline is None or metric.target is None:
        return None
    return (value - metric.baseline) / (metric.target - metric.baseline)


def _counts(
    draft: Draft, before: Judged, levels: set[str], day: Day
) -> dict[str, tuple[int, int]]:
    """The work items at each level at the close: those of the day before, and what changed."""
    counts: dict[str, tuple[int, int]] = {}
    for level in levels:
        now, then = before.reached.get(level, (0, 0))
        change = draft.get(f"reached/{level}/{day}") or (0, 0)
        counts[level] = (now + change[0], then + change[1])
    return counts


def _value(
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
            if reach is None:
                # nobody was heard of so far: that is a zero, and it is said
                subject = book.subject(metric.subject)
                counted = subject is not None and (subject.until is None or day < subject.until)
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


def _confirmed(
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


def _moves(draft: Draft, metric: Metric, day: Day, zone: Zone) -> bool:
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
        progress = (draft.get(f"child/{child.id}") or {}).get(day, (None, None))[confirmed]
        if progress is not None:
            known += weight
            value += weight * min(max(progress, 0.0), 1.0)
    if total <= 0:
        return None, None
    if known / total < KNOWN_SHARE:
        return None, known / total
    return value / known, known / total


def _hit(
    draft: Draft,
    metric: Metric,
    before: Judged,
    value: float | None,
    day: Day,
    zone: Zone,
    intervals: list[tuple[Instant, Instant | None]],
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
            intervals.append((zone.close(day), None))
        else:
            hit_on = None
            intervals[-1] = (intervals[-1][0], zone.close(day))
    return Judged(None, None, None, hit, streak, since, hit_on)


def _meets(value: float | None, target: float, metric: Metric) -> bool:
    assert metric.target is not None
    assert metric.baseline is not None
    if value is None:
        return False
    if metric.target < metric.baseline:
        return value <= target + 1e-9
    return value >= target - 1e-9


def _progress_row(
    draft: Draft,
    goal: Goal,
    metric: Metric,
    before: Judged,
    judged: Judged,
    day: Day,
    calendar: WorkingCalendar,
) -> None:
    said: Said | None = draft.get(f"said/{day}")
    delta = restatement = None
    if before.value is not None and judged.value is not None:
        if _moves(draft, metric, day, calendar.zone):
            delta = judged.value - before.value
        first: Said | None = draft.get(f"said/{day - 1}")
        restatement = before.value - first.value if first and first.value is not None else 0.0
    if said is not None and said.at < draft.now:
        restatement = said.restatement  # what a day restated was said with it, once
    if said is None or said.at >= draft.now or said.last != judged.value:
        if said is None or said.at >= draft.now:
            said = Said(draft.now, judged.value, restatement, judged.value)
        draft.put(f"said/{day}", said._replace(last=judged.value))
        text = json.dumps({"value": judged.value, "progress": judged.progress})
        draft.rows.append(PublishedRow("goal_value", draft.id, day, draft.now, text))
    draft.rows.append(
        GoalProgressRow(
            goal_id=draft.id,
            day=day,
            value=judged.value,
            baseline=metric.baseline,
            target=metric.target,
            progress=judged.progress,
            planned=plan(goal, metric, day, calendar),
            delta_1d=delta,
            movement=delta,
            restatement=restatement,
            status=_status(goal, judged, day),
        )
    )


# -- what people see -----------------------------------------------------------------------


def _status(goal: Goal, judged: Judged | None, day: Day) -> str:
    """The part of the status that needs no judgement of pace (the rest comes later)."""
    if goal.level == "vision":
        return "vision"
    if goal.lacks:
        return "incomplete"
    assert goal.starts_on is not None
    assert goal.due_on is not None
    if day < goal.starts_on:
        return "planned"
    if judged is not None and judged.hit:
        return "hit"
    return "missed" if day >= goal.due_on else "unknown"


def _show(
    draft: Draft,
    goal: Goal,
    book: Book,
    calendar: WorkingCalendar,
    today: Day,
    last: Day,
    hits: Hits,
    *,
    ended: bool,
) -> None:
    """Its row in the views: as of the close of `last`, the newest day that is judged."""
    zone = calendar.zone
    judged: Judged | None = draft.get(f"judged/{last}")
    previous: Judged | None = draft.get(f"judged/{last - 1}")
    metric = goal.metric
    value = judged.value if judged else None
    progress = judged.progress if judged else None
    delta = None
    moves = metric is not None and _moves(draft, metric, last, zone)
    if moves and value is not None and previous is not None and previous.value is not None:
        delta = value - previous.value
    planned = pace = ahead = None
    if metric is not None and not goal.lacks and goal.starts_on is not None:
        if last >= goal.starts_on:
            planned = plan(goal, metric, last, calendar)
        if planned is not None and value is not None and metric.baseline is not None:
            expected = planned - metric.baseline
            pace = (value - metric.baseline) / expected if abs(expected) > 1e-12 else None
        if progress is not None and last >= goal.starts_on:
            ahead = days_ahead(goal, metric, progress, last, calendar)
    status = "withdrawn" if ended else _status(goal, judged, last)
    versions = book.versions("goal", goal.id)
    edits = _edits(goal, versions, calendar)
    draft.rows.append(
        GoalRow(
            goal_id=goal.id,
            title=goal.title,
            level=goal.level,
            parents=sorted(p.id for p in goal.parents),
            owners=sorted(goal.owners),
            pm=goal.pm,
            class_=goal.class_,
            metric_kind=metric.kind if metric else "",
            baseline=metric.baseline if metric else None,
            target=metric.target if metric else None,
            value=value,
            progress=progress if goal.level != "vision" else None,
            delta_1d=delta,
            planned=planned,
            pace=pace,
            days_ahead=ahead,
            status=status,
            stalled_since=None,
            starts_on=goal.starts_on,
            due_on=goal.due_on,
            days_left=(None if goal.due_on is None else calendar.count(today, goal.due_on)),
            hit_on=judged.hit_on if judged else None,
            edits_after_commitment=edits,
            retargeted=_retargeted(versions),
            as_of=zone.start(today),
            known_weight=judged.known_weight if judged else None,
            unit=metric.unit if metric and metric.kind == "adoption" else "",
            subject=metric.subject if metric else "",
        )
    )
    rows = [
        Interval("goal_hit", raised, cleared).row(
            "goal", goal.id, goal.owners[0] if goal.owners else "", [goal.id], "", draft.now
        )
        for raised, cleared in hits.intervals
        if raised <= draft.now
    ]
    ids = [row.finding_id for row in rows]
    draft.rows += rows
    draft.gone += [
        Gone(FindingRow, (id,)) for id in draft.get("findings") or [] if id not in ids
    ]
    draft.put_if_new("findings", ids)


def _edits(
    goal: Goal, versions: list[tuple[Day, Goal, Order]], calendar: WorkingCalendar
) -> int:
    """Versions that came into force after the close of the goal's second working day."""
    if goal.starts_on is None:
        return 0
    second = calendar.next_working(calendar.next_working(goal.starts_on) + 1)
    return sum(start > second for start, _, _ in versions)


def _retargeted(versions: list[tuple[Day, Goal, Order]]) -> bool:
    """Whether a later version asks for less than the first one did."""
    ways = [
        abs(g.metric.target - g.metric.baseline)
        for _, g, _ in versions
        if g.metric and g.metric.target is not None and g.metric.baseline is not None
    ]
    return any(way < ways[0] for way in ways[1:])


def _versions(draft: Draft, book: Book, zone: Zone) -> None:
    told: list[Instant] = draft.get("versions") or []
    now: list[Instant] = []
    for start, goal, order in book.versions("goal", draft.id):
        first = goal.starts_on if goal.starts_on is not None else 0
        from_at = zone.start(start if start > -500_000 else min(first, zone.day(draft.now)))
        now.append(from_at)
        metric = goal.metric
        draft.rows.append(
            GoalVersionRow(
                goal_id=draft.id,
                from_at=from_at,
                baseline=metric.baseline if metric else None,
                target=metric.target if metric else None,
                due_on=goal.due_on,
                class_=goal.class_,
                weight=goal.parents[0].weight if goal.parents else None,
                by=goal.by or order.source,
            )
        )
    draft.gone += [Gone(GoalVersionRow, (draft.id, at)) for at in told if at not in now]
    draft.put_if_new("versions", now)
