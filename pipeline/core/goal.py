"""A goal: its value day by day from baseline to target, and whether it is hit.

A day is judged at its close with the definition in force then (semantics 9.1 to 9.6). A day that
facts change later is judged again, from there on; what was said stays in `published`.
"""

from bisect import insort
from typing import Any

from pipeline.core import expectation, reached, starved, verdict
from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, WorkingCalendar, Zone
from pipeline.core.definition import ALWAYS, Goal, measurable
from pipeline.core.goal_forecast import Forecast
from pipeline.core.goal_rows import Said, show, show_day, show_versions
from pipeline.core.idle import idle_teams
from pipeline.core.measured import (
    Judged,
    Reading,
    confirmed_on,
    counts_on,
    fold_hit,
    progress_of,
    value_on,
)
from pipeline.core.messages import (
    NO_PART,
    Listen,
    Load,
    Part,
    Reach,
    Redefined,
    Retracted,
    Share,
    Silences,
    Standing,
)
from pipeline.core.reaction import Draft
from pipeline.core.rows import (
    Day,
    FindingRow,
    GoalProgressRow,
    GoalRow,
    GoalVersionRow,
    Gone,
    RejectionRow,
)
from pipeline.core.signals import GoalWithdrawn, Instant, KpiMeasured, Order, Signal
from pipeline.core.spells import Known, Spells
from pipeline.core.starved import Span, at_work
from pipeline.core.verdict import Ground

PARTS: dict[str, Any] = (
    reached.PARTS
    | starved.PARTS
    | {
        "adopting": dict[str, list[str]],
        "child/": dict[Day, Part],
        "dirty": Day,
        "findings": list[str],
        "first": Day,
        "forecast/": Forecast,
        "judged/": Judged,
        "last": Day,
        "loads": dict[str, dict[Day, float]],
        "parents": list[str],
        "reach/": tuple[int, int | None, int],
        "readings": list[Reading],
        "refused": list[str],
        "said/": Said,
        "silences": dict[str, list[Span]],
        "sources": list[str],
        "spells": Known,
        "versions": list[Instant],
        "withdrawn": list[Order],
    }
)


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
    draft: Draft,
    message: Reach | Standing | Share | Silences | Load | Redefined | Retracted,
    book: Book,
) -> None:
    match message:
        case Reach():
            adopting = draft.get("adopting") or {}
            if draft.put_if_new("adopting", {**adopting, message.subject: message.sources}):
                draft.wake()
            for day, reach in message.days.items():
                draft.put(f"reach/{message.subject}/{day}", reach)
            if message.days:
                _dirty(draft, min(message.days))
        case Standing():
            counts = bool(_levels(draft.id, book))
            since = reached.stand(draft, message, counts=counts)
            if since is not None:
                _advanced(draft, since, book)
            if since is not None and counts:
                # whose work is left, and so what is expected, may differ from the next forecast on
                day = _calendar(draft.id, book).zone.day(since)
                _dirty(draft, expectation.next_made(day))
        case Share():
            part = f"child/{message.goal}"
            known: dict[Day, Part] = draft.get(part) or {}
            new = [d for d, share in message.days.items() if share != known.get(d, NO_PART)]
            if new:
                draft.put(part, {**known, **message.days})
                _dirty(draft, min(new))
        case Load():
            loads: dict[str, dict[Day, float]] = draft.get("loads") or {}
            then, now = loads.get(message.team, {}), message.shares
            days = [d for d in {*then, *now} if then.get(d) != now.get(d)]
            if days:
                draft.put("loads", {**loads, message.team: now})
                _dirty(draft, min(days))
        case Silences():
            _silent(draft, message, book)
        case Retracted():
            react(draft, message.signal, book, retract=True)
        case Redefined():
            if _levels(draft.id, book):
                reached.recount(draft)
            starved.again(draft)
            draft.keep(None)  # findings are shown anew, for the book says something else
            _dirty(draft, -(2**31))


def _advanced(draft: Draft, since: Instant, book: Book) -> None:
    """Whether a stalled goal was busy hangs on the work items that advanced before it stalled."""
    spells: Known = draft.get("spells") or {}
    stalls = [spell.raised_at for rule in verdict.STALLS for spell in spells.get(rule, [])]
    later = [at for at in stalls if at >= since]
    if later:
        _dirty(draft, _calendar(draft.id, book).zone.day(min(later) - 1))


def _silent(draft: Draft, message: Silences, book: Book) -> None:
    """While a source is silent nothing is judged; days may have to be judged again."""
    if message.source not in (draft.get("sources") or []):
        return
    known: dict[str, list[Span]] = draft.get("silences") or {}
    old, new = known.get(message.source), message.silences
    if old == new:
        return
    draft.put("silences", {**known, message.source: new})
    starved.again(draft)
    changed = set(old or []).symmetric_difference(new)
    if changed:
        zone = _calendar(draft.id, book).zone
        _dirty(draft, zone.day(min(start for start, _ in changed)))


def _listen(draft: Draft, goal: Goal) -> list[str]:
    """Ask the sources that the goal rests on when they were silent."""
    found: set[str] = set()
    metric = goal.metric
    if metric is not None:
        readings: list[Reading] = draft.get("readings") or []
        adopting: dict[str, list[str]] = draft.get("adopting") or {}
        match metric.kind:
            case "kpi" | "milestone" | "sustain":
                said = {reading.order.source for reading in readings}
                found = {metric.source} if metric.source in said else said
            case "adoption" | "migrate":
                found = set(adopting.get(metric.subject, ()))
            case "work":
                found = set(draft.get("tracked") or ())
    sources = sorted(found)
    before: list[str] = draft.get("sources") or []
    if draft.put_if_new("sources", sources):
        for source in sources:
            if source not in before:
                draft.send(f"source:{source}", Listen(draft.id, True))
        for source in before:
            if source not in found:
                draft.send(f"source:{source}", Listen(draft.id, False))
        silences: dict[str, list[Span]] = draft.get("silences") or {}
        draft.put("silences", {s: spans for s, spans in silences.items() if s in found})
    return sources


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
    _refuse(draft, [])
    calendar = _calendar(draft.id, book)
    zone = calendar.zone
    today = zone.day(draft.now)
    draft.wake(zone.close(today))
    show_versions(draft, book, zone)
    sources = _listen(draft, goal)
    first: Day | None = draft.get("first")
    ends = _ends(draft, goal, zone)
    last = today - 1 if ends is None else min(today, ends) - 1
    begins = _begins(goal.id, book, max(today, goal.starts_on or today))
    if begins is not None:
        if first is not None and first < begins:
            # what was decided on days that are none of it any more
            draft.put("spells", None)
            _unjudge(draft, first, begins - 1)
        draft.put_if_new("first", begins)
        dirty = draft.get("dirty")
        levels = _levels(goal.id, book)
        if levels:
            counted = reached.count(draft, levels, begins, zone)
            dirty = min((day for day in (dirty, counted) if day is not None), default=None)
        start = max(begins, min(last, last if dirty is None else dirty))
        if draft.get(f"judged/{last}") is None or (dirty is not None and dirty < today):
            _judge(draft, goal, book, calendar, begins, start, last, levels)
    elif first is not None:
        _unjudge(draft, first, today - 1)
        draft.put("first", None)
        draft.put("last", None)
        draft.put("spells", None)
    draft.put("dirty", None)
    ended = ends is not None and ends <= today
    found: Known = dict(draft.get("spells") or {})
    if ended and ends is not None:
        closing = Spells(found, draft.now)
        for rule in ("goal_at_risk", "goal_off_track", "commitment_at_risk", *verdict.STALLS):
            closing.end(rule, zone.start(ends))
        found = closing.known()
    found |= idle_teams(
        draft, goal, book, zone, found, None if ends is None else zone.start(ends)
    )
    turns = [
        s.raised_at for spells in found.values() for s in spells if s.raised_at > draft.now
    ]
    if turns:
        # another partition is ahead of this one: shown when its time has come here as well
        draft.wake(min(turns))
    show(draft, goal, book, calendar, today, last, found, sources, ended=ended)


def _ends(draft: Draft, goal: Goal, zone: Zone) -> Day | None:
    """The first day that is not judged: the goal was withdrawn, or nobody defines it any more."""
    withdrawn: list[Order] = draft.get("withdrawn") or []
    ends = [zone.day(withdrawn[0].at)] if withdrawn else []
    if goal.until is not None:
        ends.append(goal.until)
    return min(ends, default=None)


def _measures(goal: Goal, day: Day) -> bool:
    return measurable(goal) and goal.starts_on is not None and goal.starts_on <= day


def _begins(id: str, book: Book, last: Day) -> Day | None:
    """The first day, up to `last`, on which the version in force then says what is measured."""
    versions: list[tuple[Day, Goal, Order]] = book.versions("goal", id)
    turns = [start for start, _, _ in versions[1:] if start <= last]
    # before the first version the first one holds
    for (_, goal, _), start, end in zip(
        versions, [ALWAYS, *turns], [*turns, last + 1], strict=False
    ):
        if measurable(goal) and goal.starts_on is not None and max(start, goal.starts_on) < end:
            return max(start, goal.starts_on)
    return None


def _levels(id: str, book: Book) -> set[str]:
    """The levels at which any version of the goal counts work items."""
    versions: list[Goal] = [version for _, version, _ in book.versions("goal", id)]
    metrics = [version.metric for version in versions if measurable(version)]
    return {metric.at for metric in metrics if metric is not None and metric.kind == "work"}


def _vanish(draft: Draft) -> None:
    """Its definition was retracted: there is no such goal, so far."""
    first, versions = draft.get("first"), draft.get("versions") or []
    if first is not None:
        _unjudge(draft, first, _calendar_free_day(draft.now))
    _refuse(draft, draft.get("readings") or [])
    draft.gone.append(Gone(GoalRow, (draft.id,)))
    draft.gone += [Gone(GoalVersionRow, (draft.id, at)) for at in versions]
    draft.gone += [Gone(FindingRow, (id,)) for id in draft.get("findings") or []]
    for part in ("first", "last", "versions", "findings", "spells"):
        draft.put_if_new(part, None)
    draft.keep(None)


def _refuse(draft: Draft, readings: list[Reading]) -> None:
    """Say of readings of a goal that nobody defines that they do not count so far."""
    firsts: dict[str, Instant] = {}
    for reading in readings:
        firsts.setdefault(reading.order.source, reading.order.at)
    detail = f"data.goal: {draft.id} is not defined; its readings wait until it is"
    refused = {f"unknown_goal:{draft.id}:{source}": source for source in firsts}
    rows = [
        RejectionRow(id, source, firsts[source], "invalid_field", detail, "", 0, b"")
        for id, source in sorted(refused.items())
    ]
    draft.show("refused", RejectionRow, rows)


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
            Share(draft.id, dict.fromkeys(range(first, last + 1), NO_PART)),
        )


def _no_value(draft: Draft, day: Day) -> None:
    draft.put(f"judged/{day}", None)
    draft.gone.append(Gone(GoalProgressRow, (draft.id, day)))
    expectation.forget(draft, draft.id, day)


def _judge(
    draft: Draft,
    goal: Goal,
    book: Book,
    calendar: WorkingCalendar,
    begins: Day,
    start: Day,
    last: Day,
    levels: set[str],
) -> None:
    """Judge every day from `start` to `last`, after the newest day that was judged before it.

    A day is judged by the version in force then; where that one measures nothing, the day has no
    value, and what was hit stays so.
    """
    zone = calendar.zone
    while start > begins and draft.get(f"judged/{start - 1}") is None:
        start -= 1
    before: Judged = draft.get(f"judged/{start - 1}") or Judged(None, None)
    spells = Spells(draft.get("spells") or {}, zone.start(start))
    ground = _ground(draft, calendar)
    shares: dict[Day, Part] = {}
    single = len(book.versions("goal", goal.id)) == 1
    for day in range(start, last + 1):
        in_force = goal if single else (book.goal_on(goal.id, day) or goal)
        metric = in_force.metric
        if not _measures(in_force, day):
            _no_value(draft, day)
            shares[day] = NO_PART
            counts = counts_on(draft, before, levels, day)
            before = before._replace(value=None, reached=counts)
            continue
        assert metric is not None
        counts = counts_on(draft, before, levels, day)
        value, weight = value_on(draft, in_force, metric, book, day, zone, counts)
        confirmed = confirmed_on(draft, in_force, metric, book, day, value, counts)
        spells.evidence = verdict.rests_on(draft, metric, confirmed, day, zone)
        judged = fold_hit(draft, metric, before, confirmed, day, zone, spells)._replace(
            value=value,
            progress=progress_of(value, metric),
            confirmed=progress_of(confirmed, metric),
            known_weight=weight,
            reached=counts,
        )
        expectation.expect(draft, in_force, metric, book, calendar, begins, day, judged)
        children = verdict.required(draft, in_force, book, day)
        judged = verdict.judge(
            draft, in_force, metric, day, before, judged, children, spells, ground
        )
        draft.put(f"judged/{day}", judged)
        shares[day] = Part(judged.progress, judged.confirmed, judged.status)
        show_day(draft, in_force, metric, before, judged, day, calendar)
        before = judged
    for day in range(last + 1, draft.get("last") or last + 1):
        # judged before it was known that the goal had ended
        _no_value(draft, day)
        shares[day] = NO_PART
    draft.put_if_new("last", last + 1)
    parents = book.parents_of(goal.id)
    for parent in parents:
        if parent in (draft.get("parents") or []):
            draft.send(f"goal:{parent}", Share(goal.id, shares))
        else:
            draft.send(f"goal:{parent}", Share(goal.id, _all_shares(draft, begins, last)))
    for parent in draft.get("parents") or []:
        if parent not in parents:
            days = dict.fromkeys(range(begins, last + 1), NO_PART)
            draft.send(f"goal:{parent}", Share(goal.id, days))
    draft.put_if_new("parents", parents)
    draft.put_if_new("spells", spells.known() or None)


def _ground(draft: Draft, calendar: WorkingCalendar) -> Ground:
    def advanced(since: Instant, until: Instant) -> int:
        items = (draft.get(f"item/{name}").worked for name in draft.members())
        return sum(
            any(since < at <= until and at_work(item, at).team for at in item.moves)
            for item in items
        )

    def p_hit(day: Day) -> float | None:
        known = expectation.newest(draft, day)
        return None if known is None else known.p_hit

    return Ground(calendar, draft.get("silences") or {}, advanced, p_hit)


def _all_shares(draft: Draft, begins: Day, last: Day) -> dict[Day, Part]:
    days = ((d, draft.get(f"judged/{d}")) for d in range(begins, last + 1))
    return {d: Part(j.progress, j.confirmed, j.status) for d, j in days if j is not None}
