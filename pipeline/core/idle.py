"""The teams of a goal that had nothing to do for it while it was open, and what that costs (10.1)."""

from collections.abc import Iterator

from pipeline.core import starved, verdict
from pipeline.core.book import Book
from pipeline.core.calendar import Zone
from pipeline.core.definition import ALWAYS, Goal, measurable
from pipeline.core.reaction import Draft
from pipeline.core.rows import Day
from pipeline.core.signals import Instant, Order
from pipeline.core.spells import Known, Spell
from pipeline.core.starved import Span


def idle_teams(
    draft: Draft, goal: Goal, book: Book, zone: Zone, known: Known, ends: Instant | None
) -> Known:
    """The findings `starved` of a goal that ends at some instant (None: it does not)."""
    spans = _open_spans(goal, book, zone, known, ends)
    if draft.put_if_new("spans", spans):
        starved.again(draft)
    silences = verdict.all_silent(draft.get("silences") or {})
    return {
        f"{starved.RULE} {team}": starved.judge(
            draft, team, silences, book.calendar("team", team)
        )
        for team in draft.get("teams") or []
    }


def with_cost(spell: Spell, team: str, book: Book, now: Instant) -> Spell:
    """Idle cost = people x working days; of what is open until the last close of a day."""
    people = known.people if (known := book.team(team)) else None
    if not people or spell.since is None:
        return spell
    calendar = book.calendar("team", team)
    closed = calendar.zone.start(calendar.zone.day(now))
    days = calendar.gap(spell.since, spell.cleared_at or closed)
    cost = f"{people:g} people x {days} working days = {people * days:g} person-days"
    return spell._replace(text=f"{spell.text}; {cost}")


def _open_spans(
    goal: Goal, book: Book, zone: Zone, found: Known, ends: Instant | None
) -> list[Span]:
    """When the goal, by the version in force then, was neither hit nor over."""
    versions: list[tuple[Day, Goal, Order]] = book.versions("goal", goal.id)
    turns = [start for start, _, _ in versions[1:]]
    days: list[tuple[Day, Day]] = []
    for (_, version, _), since, until in zip(
        versions, [ALWAYS, *turns], [*turns, None], strict=False
    ):
        if not measurable(version) or version.starts_on is None or version.due_on is None:
            continue
        begin, end = max(since, version.starts_on), version.due_on + 1
        end = end if until is None else min(end, until)
        if days and days[-1][1] == begin < end:
            days[-1] = (days[-1][0], end)
        elif begin < end:
            days.append((begin, end))
    spans = [(zone.start(begin), zone.start(end)) for begin, end in days]
    for spell in found.get("goal_hit", []):
        spans = list(_without(spans, spell.raised_at, spell.cleared_at))
    return list(_without(spans, ends, None)) if ends is not None else [*spans]


def _without(
    spans: list[tuple[Instant, Instant]], start: Instant, end: Instant | None
) -> Iterator[tuple[Instant, Instant]]:
    """The spans without what lies between two instants (None: for ever)."""
    for first, last in spans:
        if first < min(last, start):
            yield first, min(last, start)
        if end is not None and max(first, end) < last:
            yield max(first, end), last
