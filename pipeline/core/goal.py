"""A goal: its value day by day from baseline to target, and whether it is hit.

A day is judged at its close with the definition in force then (semantics 9.1 to 9.6). A day that
facts change later is judged again, from there on; what was said stays in `published`.
"""

from bisect import insort
from typing import Any, NamedTuple

from pipeline.core import reached
from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, WorkingCalendar, Zone
from pipeline.core.definition import ALWAYS, Goal
from pipeline.core.goal_rows import Said, show, show_day, show_versions
from pipeline.core.measured import (
    Judged,
    Reading,
    confirmed_on,
    counts_on,
    fold_hit,
    progress_of,
    value_on,
)
from pipeline.core.messages import Reach, Redefined, Retracted, Share, Standing
from pipeline.core.reaction import Draft
from pipeline.core.rows import Day, FindingRow, GoalProgressRow, GoalRow, GoalVersionRow, Gone
from pipeline.core.signals import GoalWithdrawn, Instant, KpiMeasured, Order, Signal


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
    show_versions(draft, book, zone)
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
    show(draft, goal, book, calendar, today, last, hits.intervals, ended=ended)


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
            counts = counts_on(draft, before, levels, day)
            before = before._replace(value=None, reached=counts)
            continue
        assert metric is not None
        counts = counts_on(draft, before, levels, day)
        value, weight = value_on(draft, in_force, metric, book, day, zone, counts)
        confirmed = confirmed_on(draft, in_force, metric, book, day, value, counts)
        judged = fold_hit(draft, metric, before, confirmed, day, zone, intervals)._replace(
            value=value,
            progress=progress_of(value, metric),
            confirmed=progress_of(confirmed, metric),
            known_weight=weight,
            reached=counts,
        )
        draft.put(f"judged/{day}", judged)
        shares[day] = (judged.progress, judged.confirmed)
        show_day(draft, in_force, metric, before, judged, day, calendar)
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
