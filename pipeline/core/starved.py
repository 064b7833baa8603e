"""Whether a team is starved of work on a goal: nothing moves, all is blocked, or nothing is left.

Intervals are computed from the instants at which work items of the team moved (semantics 10.1).
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.core.calendar import WorkingCalendar
from pipeline.core.messages import Phase, Step
from pipeline.core.signals import Instant
from pipeline.core.spells import Spell

UNMOVED = 10
"""Working days without a movement."""

BLOCKED = 2
"""Working days in which all that is in work is blocked."""

NEVER: Instant = 2**62

Span = tuple[Instant, Instant | None]
"""From when until when (None: still)."""


class Worked(NamedTuple):
    """One work item of a goal: what it was for which team since when, and when it moved."""

    phases: list[Phase]
    moves: list[Instant]


def worked(phases: list[Phase], moves: list[Instant], member: list[Step]) -> Worked:
    """Only while it counted for the goal, and was known to."""
    ats = [phase.at for phase in phases]
    steps = [step.known_at for step in member]
    found: list[Phase] = []
    for at in sorted({*ats, *steps}):
        n, m = bisect_right(ats, at), bisect_right(steps, at)
        counts = m > 0 and member[m - 1].value == "in"
        found.append(phases[n - 1]._replace(at=at) if counts and n else Phase(at, "", ""))
    return Worked(found, moves)


UNWORKED = Worked([], [])


def first_difference(one: Worked, other: Worked) -> Instant | None:
    """From when on two accounts of how an item was worked on differ."""
    ats = set(one.moves).symmetric_difference(other.moves)
    ats.update(p.at for p in set(one.phases).symmetric_difference(other.phases))
    return min(ats, default=None)


def at_work(item: Worked, at: Instant) -> Phase:
    """What an item was at an instant."""
    n = bisect_right(item.phases, at, key=lambda phase: phase.at)
    return item.phases[n - 1] if n else Phase(at, "", "")


def starved(
    team: str,
    items: Iterable[Worked],
    spans: list[Span],
    silences: list[Span],
    calendar: WorkingCalendar,
    people: float | None,
    now: Instant,
) -> tuple[list[Spell], Instant | None]:
    """The spells in which a team was starved while the goal was open, and when to look again."""
    moves: set[Instant] = set()
    turns: list[tuple[Instant, int, str | None]] = []
    for n, item in enumerate(items):
        moves.update(at for at in item.moves if at_work(item, at).team == team)
        turns += [(p.at, n, p.work if p.team == team else None) for p in item.phases]
    turns.sort(key=lambda turn: turn[:2])
    first = next((at for at, _, work in turns if work is not None), None)
    if first is None:
        return [], None
    spells: list[Spell] = []
    look: Instant | None = None
    for start, end in spans:
        begin = max(start, first)
        if begin <= now and (end is None or begin < end):
            walk = _Walk(begin, silences, calendar, people)
            look = walk.through(turns, moves, end, now)
            spells += walk.spells
    return spells, look


class _Walk:
    """Goes through what happened while the goal was open, and raises what comes due between."""

    def __init__(
        self,
        start: Instant,
        silences: list[Span],
        calendar: WorkingCalendar,
        people: float | None,
    ) -> None:
        self.spells: list[Spell] = []
        self._start = self._moved_at = start
        self._silences = silences
        self._calendar = calendar
        self._people = people
        self._blocked_at: Instant | None = None
        self._since = start
        self._stands: dict[int, str] = {}

    def through(
        self,
        turns: list[tuple[Instant, int, str | None]],
        moves: set[Instant],
        end: Instant | None,
        now: Instant,
    ) -> Instant | None:
        last = now if end is None else min(end, now)
        by_instant: dict[Instant, list[tuple[int, str | None]]] = {at: [] for at in moves}
        for at, n, work in turns:
            if at <= self._start:
                self._put(n, work)
            else:
                by_instant.setdefault(at, []).append((n, work))
        if self._all_blocked():
            self._blocked_at = self._start
        for at in sorted(at for at in by_instant if self._start < at <= last):
            self._raise_before(at)
            self._happens(at, by_instant[at], moved=at in moves)
        self._raise_before(last + 1)
        if end is not None and end <= now:
            self._clear(end)
            return None
        if self._open():
            self._tell_cost(now)
            return None
        due, _, _ = self._due()
        return None if due == NEVER else due

    def _put(self, n: int, work: str | None) -> None:
        if work:
            self._stands[n] = work
        else:
            self._stands.pop(n, None)

    def _all_blocked(self) -> bool:
        return bool(self._stands) and all(w == "blocked" for w in self._stands.values())

    def _happens(
        self, at: Instant, turns: list[tuple[int, str | None]], *, moved: bool
    ) -> None:
        blocked, some = self._all_blocked(), bool(self._stands)
        for n, work in turns:
            self._put(n, work)
        unblocked = blocked and not self._all_blocked()
        if moved or unblocked:
            self._clear(at)
        if moved:
            self._moved_at = at
        if not self._all_blocked():
            self._blocked_at = None
        elif not blocked or moved:
            self._blocked_at = at
        if some and not self._stands:
            self._raise(self._heard(at), at, "no work is left in progress")

    def _due(self) -> tuple[Instant, Instant, str]:
        """When it will be starved if nothing happens: raised at, since, why."""
        dues = [
            (
                self._heard(self._calendar.add(self._moved_at, UNMOVED)),
                self._moved_at,
                f"no work item moved for {UNMOVED} working days",
            )
        ]
        if self._blocked_at is not None:
            dues.append(
                (
                    self._heard(self._calendar.add(self._blocked_at, BLOCKED)),
                    self._blocked_at,
                    f"all that is in work is blocked for {BLOCKED} working days",
                )
            )
        return min(dues)

    def _heard(self, at: Instant) -> Instant:
        """While a source is silent nothing can be said about it: not before it is heard again."""
        for start, end in self._silences:
            if start <= at and (end is None or at < end):
                return NEVER if end is None else end
        return at

    def _open(self) -> bool:
        return bool(self.spells) and self.spells[-1].cleared_at is None

    def _raise_before(self, at: Instant) -> None:
        due, since, why = self._due()
        if due < at:
            self._raise(due, since, why)

    def _raise(self, at: Instant, since: Instant, why: str) -> None:
        if not self._open() and at < NEVER:
            self._since = since
            self.spells.append(Spell(at, None, why))

    def _clear(self, at: Instant) -> None:
        if self._open():
            spell = self.spells[-1]
            if spell.raised_at < at:
                self._tell_cost(at)
                self.spells[-1] = self.spells[-1]._replace(cleared_at=at)
            else:
                self.spells.pop()

    def _tell_cost(self, until: Instant) -> None:
        """Idle cost = people x working days (semantics 10.1)."""
        if self._people:
            days = self._calendar.gap(self._since, until)
            cost = f"{self._people:g} people x {days} working days = {self._people * days:g} person-days"
            spell = self.spells[-1]
            self.spells[-1] = spell._replace(text=f"{spell.text}; {cost}")
