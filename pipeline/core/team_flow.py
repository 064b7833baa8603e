"""What a team has in work at the close of each day, and what it finishes in each week.

Every work item adds its part to the days and weeks in which something changed, so that one more
message costs the same, however much the team has done. From that follow the findings
`workstreams` (semantics 10.1, too many goals at once) and `support_load` (R31), each a fold over
closes that looks only at what was known then.
"""

from collections import Counter
from typing import Any, NamedTuple

from pipeline.core.book import Book
from pipeline.core.calendar import Zone
from pipeline.core.definition import Forecasting
from pipeline.core.messages import Load, Work
from pipeline.core.reaction import Draft
from pipeline.core.rows import Day, FindingRow, ForecastRow, Gone, TeamWeekRow
from pipeline.core.signals import Instant
from pipeline.core.spells import Spell, Spells, findings_of
from pipeline.core.team_forecast import WEEKS, forecast_team

GOALS = 3
"""So many goals at once are too many, and so are more than half the people."""

SUPPORT, SUPPORT_WEEKS, SUPPORT_LEAST = 1 / 3, 4, 8
"""Support load: a larger share of what was finished in so many weeks, if that is so much."""

SUPPORT_KINDS = ("incident", "support")


class Marked(NamedTuple):
    """A day on which what is in work changed: by how much per goal, and what was at its close."""

    changes: dict[str, int]
    after: dict[str, int]


Kinds = dict[str, dict[Day, int]]
"""What was finished in a week: kind of work to the day on which it was known to how many."""

PARTS: dict[str, Any] = {
    "day/": Marked,
    "days": list[Day],
    "dirty/": Day,
    "findings/": list[Spell],
    "finished": list[Day],
    "finished/": Kinds,
    "first": Day,
    "forecast/": tuple[list[int], Forecasting],
    "load": dict[Day, float],
    "members/": list[str],
    "shown": tuple[Day, Day, str],
    "size": int,
    "told": list[str],
    "work/": Work,
    "zone": str,
}


def monday(day: Day) -> Day:
    return day - (day + 3) % 7


def take(draft: Draft, message: Work, book: Book) -> Work | None:
    """Keep how a work item went, and count it where it changed something; what was kept before."""
    part = f"work/{message.work_item}"
    before: Work | None = draft.get(part)
    if before is None:
        draft.join(message.work_item)
    draft.put(part, message)
    zone = book.calendar("team", draft.id).zone
    _mark(draft, before, message, zone)
    _finish(draft, before, message, zone)
    return before


def _mark(draft: Draft, before: Work | None, now: Work, zone: Zone) -> None:
    changes: dict[Day, Counter[str]] = {}
    for sign, work in ((-1, before), (1, now)):
        for stretch in work.stretches if work is not None else ():
            for turn, at in ((sign, stretch.since), (-sign, stretch.until)):
                if at is not None:
                    counts = changes.setdefault(zone.day(at), Counter())
                    # the empty name stands for the work itself, so that its days are known
                    counts.update(dict.fromkeys(["", *stretch.goals], turn))
    for day, counts in changes.items():
        if not any(counts.values()):
            continue
        known: Marked = draft.get(f"day/{day}") or Marked({}, {})
        new = Counter(known.changes)
        new.update(counts)
        left = {goal: n for goal, n in sorted(new.items()) if n}
        days: list[Day] = draft.get("days") or []
        if left and day not in days:
            draft.put("days", sorted([*days, day]))
        elif not left and day in days:
            draft.put("days", [d for d in days if d != day])
        draft.put(f"day/{day}", Marked(left, {}) if left else None)
        dirty(draft, "workstreams", day)


def _finish(draft: Draft, before: Work | None, now: Work, zone: Zone) -> None:
    old = before.finish if before is not None else None
    if old == now.finish:
        return
    for sign, finish in ((-1, old), (1, now.finish)):
        if finish is None:
            continue
        week, known = monday(zone.day(finish.at)), zone.day(finish.known_at)
        kinds: Kinds = draft.get(f"finished/{week}") or {}
        counts = Counter(kinds.get(finish.kind, {}))
        counts[known] += sign
        changed = {**kinds, finish.kind: {day: n for day, n in sorted(counts.items()) if n}}
        kept = {kind: days for kind, days in sorted(changed.items()) if days}
        weeks: list[Day] = draft.get("finished") or []
        if kept and week not in weeks:
            draft.put("finished", sorted([*weeks, week]))
        elif not kept and week in weeks:
            draft.put("finished", [w for w in weeks if w != week])
        draft.put(f"finished/{week}", kept or None)
        dirty(draft, "support_load", week)
        dirty(draft, "forecast", week)


def dirty(draft: Draft, rule: str, day: Day) -> None:
    """From this day on a rule may judge otherwise than it did."""
    known: Day | None = draft.get(f"dirty/{rule}")
    draft.put(f"dirty/{rule}", day if known is None else min(known, day))


def recount(draft: Draft, book: Book) -> None:
    """The calendar, the people or the rules may differ: judge from the beginning."""
    zone = book.calendar("team", draft.id).zone
    if draft.put_if_new("zone", zone.name):
        for part in [*(f"day/{day}" for day in draft.get("days") or []), "days"]:
            draft.put(part, None)
        for part in [*(f"finished/{week}" for week in draft.get("finished") or []), "finished"]:
            draft.put(part, None)
        for member in draft.members():
            work: Work = draft.get(f"work/{member}")
            _mark(draft, None, work, zone)
            _finish(draft, None, work, zone)
    for rule in ("workstreams", "support_load", "forecast"):
        dirty(draft, rule, -(2**31))


def finished_per_week(
    draft: Draft, zone: Zone, until: Instant
) -> list[tuple[Day, Counter[str]]]:
    """Every full week until then, oldest first, with what was finished in it, by kind.

    From the first week with work on, the empty ones too; known by the last close before then.
    """
    last = zone.last_closed(until)
    week = _first_week(draft)
    found: list[tuple[Day, Counter[str]]] = []
    while week is not None and week + 6 <= last:
        found.append((week, _known(draft, week, last)))
        week += 7
    return found


def _known(draft: Draft, week: Day, by: Day) -> Counter[str]:
    """What was finished in a week, as it was known at the close of a day, by kind."""
    kinds: Kinds = draft.get(f"finished/{week}") or {}
    return Counter(
        {kind: sum(n for day, n in days.items() if day <= by) for kind, days in kinds.items()}
    )


def _first_week(draft: Draft) -> Day | None:
    days: list[Day] = draft.get("days") or []
    weeks: list[Day] = draft.get("finished") or []
    return min([*map(monday, days[:1]), *weeks[:1]], default=None)


# -- judging -------------------------------------------------------------------------------


def judge(draft: Draft, book: Book) -> None:
    zone = book.calendar("team", draft.id).zone
    draft.put_if_new("zone", zone.name)
    today = zone.day(draft.now)
    _show_weeks(draft, zone, monday(today))
    _workstreams(draft, book, zone, today - 1)
    _support_load(draft, book, zone, monday(today) - 7)
    _forecast(draft, book, monday(today) - 7)
    _tell_goals(draft, book)


def _show_weeks(draft: Draft, zone: Zone, last: Day) -> None:
    """One row for each week from the first one with work to this one."""
    first = _first_week(draft)
    known: tuple[Day, Day, str] | None = draft.get("shown")
    weeks = range(first, last + 1, 7) if first is not None else range(0)
    for week in weeks:
        if known is None or not known[0] <= week <= known[1] or known[2] != zone.name:
            opens, closes = zone.start(week), zone.start(week + 7)
            draft.rows.append(TeamWeekRow(draft.id, week, opens, closes))
    if known is not None:
        left = [week for week in range(known[0], known[1] + 1, 7) if week not in weeks]
        draft.gone += [Gone(TeamWeekRow, (draft.id, week)) for week in left]
        for week in left:
            _forget(draft, week)
    draft.put_if_new("shown", (weeks[0], weeks[-1], zone.name) if weeks else None)
    if weeks:
        draft.wake(zone.start(last + 7))


def _workstreams(draft: Draft, book: Book, zone: Zone, last: Day) -> None:
    """Judge every close from the first day on that changed, where something may differ."""
    days: list[Day] = draft.get("days") or []
    later = next((day for day in days if day > last), None)
    if later is not None:
        draft.wake(zone.close(later))
        dirty(draft, "workstreams", later)
    start: Day | None = draft.get("dirty/workstreams")
    if start is None or start > last:
        return
    before = [day for day in days if day < start]
    counts: Counter[str] = Counter()
    if before:
        counts.update(draft.get(f"day/{before[-1]}").after)
    turns = {zone.day(at) for at in book.turning("team")}
    spells = _spells(draft, "workstreams", _opening(zone, start))
    for day in sorted({day for day in {*days, *turns} if start <= day <= last}):
        if day in days:
            marked: Marked = draft.get(f"day/{day}")
            counts.update(marked.changes)
            after = {goal: n for goal, n in sorted(counts.items()) if n}
            draft.put(f"day/{day}", marked._replace(after=after))
        goals = [goal for goal, n in sorted(counts.items()) if n > 0 and goal]
        close = zone.close(day)
        team = book.team_at(draft.id, close - 1)
        people = team.people if team is not None else None
        many = len(goals) >= book.rule("workstreams", "goals", GOALS)
        over = many or (people is not None and len(goals) > people / 2)
        if over:
            spells.begin("workstreams", close, _streams_text(goals, people), tuple(goals))
        else:
            spells.end("workstreams", close)
    show(draft, "workstreams", spells)
    draft.put("dirty/workstreams", later)


def _streams_text(goals: list[str], people: float | None) -> str:
    text = f"works on {len(goals)} goals at once ({', '.join(goals)})"
    if people is None:
        return text
    return f"{text}: {people / len(goals):.1f} of {people:g} people for each"


def _support_load(draft: Draft, book: Book, zone: Zone, last: Day) -> None:
    """Judge every week from the first one on that changed, at its close."""
    start: Day | None = draft.get("dirty/support_load")
    first = _first_week(draft)
    if start is None or start > last:
        return
    spells = _spells(draft, "support_load", _opening(zone, start))
    weeks = int(book.rule("support_load", "weeks", SUPPORT_WEEKS))
    limit = book.rule("support_load", "share", SUPPORT)
    least = book.rule("support_load", "least", SUPPORT_LEAST)
    load: dict[Day, float] = dict(draft.get("load") or {})
    for week in range(max(start, first), last + 1, 7) if first is not None else ():
        close = zone.start(week + 7)
        known: Counter[str] = Counter()
        for earlier in range(week - 7 * (weeks - 1), week + 1, 7):
            known += _known(draft, earlier, week + 6)
        n, support = known.total(), sum(known[kind] for kind in SUPPORT_KINDS)
        load[week + 6] = support / n if n else 0.0
        over = n >= max(least, 1) and support > limit * n
        team = book.team_at(draft.id, close - 1)
        people = team.people if team is not None else None
        if over:
            text = _support_text(support, n, weeks, people)
            spells.begin("support_load", close, text)
        else:
            spells.end("support_load", close)
    show(draft, "support_load", spells)
    draft.put_if_new("load", {day: share for day, share in load.items() if day >= (first or 0)})
    draft.put("dirty/support_load", last + 7)


def _tell_goals(draft: Draft, book: Book) -> None:
    """Goals that ask what would be with less support hear how much there is."""
    goals = book.asking(draft.id)
    told: list[str] = draft.get("told") or []
    if "load" in draft.parts or goals != told:
        for goal in goals:
            draft.send(f"goal:{goal}", Load(draft.id, draft.get("load") or {}))
        draft.put_if_new("told", goals)


def _forecast(draft: Draft, book: Book, last: Day) -> None:
    """Forecast at the close of each week, unless what it rests on is what it was."""
    first = _first_week(draft)
    if draft.put_if_new("first", first) and first is not None:
        dirty(draft, "forecast", first)
    start: Day | None = draft.get("dirty/forecast")
    if start is None or first is None or start > last:
        return
    for week in range(max(start, first), last + 1, 7):
        finished = [
            _known(draft, earlier, week + 6).total() for earlier in range(first, week + 1, 7)
        ]
        if draft.put_if_new(f"forecast/{week}", (finished, book.forecasting)):
            draft.rows += forecast_team(draft.id, week + 6, finished, book.forecasting)
    draft.put("dirty/forecast", last + 7)


def _forget(draft: Draft, week: Day) -> None:
    if draft.get(f"forecast/{week}") is not None:
        draft.put(f"forecast/{week}", None)
        draft.gone += [
            Gone(ForecastRow, ("team", draft.id, "value", week + 6, 7 * weeks, ""))
            for weeks in WEEKS
        ]


def _support_text(support: int, n: int, weeks: int, people: float | None) -> str:
    """What it costs in words, with the numbers of semantics 11.2: 10 % support is held normal."""
    share = support / n
    text = f"{support} of {n} finished in {weeks} weeks were incidents or support"
    if people is not None:
        text += f": about {people * share:.1f} of {people:g} people"
    if share < 1:
        text += f"; with 10 % it could finish {0.9 / (1 - share):.2f} times as much of the rest"
    return text


def _spells(draft: Draft, rule: str, opening: Instant) -> Spells:
    return Spells({rule: draft.get(f"findings/{rule}") or []}, opening)


def _opening(zone: Zone, day: Day) -> Instant:
    """The start of a day; of one before everything, a time before everything."""
    return zone.start(day) if day > 0 else -(2**62)


def show(draft: Draft, rule: str, spells: Spells) -> None:
    """The findings that are new or differ, and those that are none any more."""
    part = f"findings/{rule}"
    known: list[Spell] = draft.get(part) or []
    held = spells.known().get(rule, [])
    if not draft.put_if_new(part, held or None):
        return
    rows, before = (
        findings_of(rule, some, "team", draft.id, draft.id, draft.now) for some in (held, known)
    )
    ids = {row.finding_id for row in rows}
    draft.rows += rows
    draft.gone += [
        Gone(FindingRow, (row.finding_id,)) for row in before if row.finding_id not in ids
    ]
