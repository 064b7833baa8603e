"""Whether a team is starved of work on a goal: nothing moves, all is blocked, or nothing is left.

Intervals are computed from the instants at which work items of the team moved (semantics 10.1).
What happened is kept in pages, in the order of time, each with where the team stood after it. So
news costs a page and what came after it, however much happened before.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from pipeline.core.calendar import DAY_MS, HOUR_MS, WorkingCalendar, iso_instant
from pipeline.core.messages import Phase, Step
from pipeline.core.reaction import Draft
from pipeline.core.signals import Instant
from pipeline.core.spells import Spell, Spells

UNMOVED = 10
"""Working days without a movement."""

BLOCKED = 2
"""Working days in which all that is in work is blocked."""

RULE = "starved"

SHORT_DAY = DAY_MS - 2 * HOUR_MS

PAGE = 64
"""Events that a page holds; those of one instant stay together."""

FIRST: Instant = 0
"""The name of the first page. Every other is named by the instant from which on it has events."""

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


def at_work(item: Worked, at: Instant) -> Phase:
    """What an item was at an instant."""
    n = bisect_right(item.phases, at, key=lambda phase: phase.at)
    return item.phases[n - 1] if n else Phase(at, "", "")


Event = tuple[Instant, str, str]
"""When, which work item, and what: `moved`, or how far it is in work for the team."""

MOVED = "moved"


class Walked(NamedTuple):
    """Where a team stands after all that happened `upto` an instant: what is in work, since when nothing moved.

    `seen` says whether it had a work item of the goal so far, `open` whether the goal was open.
    """

    stands: dict[str, str]
    seen: bool = False
    open: bool = False
    moved_at: Instant | None = None
    blocked_at: Instant | None = None
    upto: Instant = -NEVER


NOWHERE = Walked({})

PARTS: dict[str, Any] = {
    "dirty/": Instant,
    "event/": list[Event],
    "events/": list[Instant],
    "looks/": Instant,
    "spans": list[Span],
    "starved/": list[Spell],
    "teams": list[str],
    "walked/": Walked,
}


def note(draft: Draft, name: str, before: Worked, now: Worked) -> Instant | None:
    """Keep what happened to a work item otherwise than was known; since when that is."""
    old, new = set(_of_teams(name, before)), set(_of_teams(name, now))
    first: Instant | None = None
    for team, event in old ^ new:
        if (team, event) in new:
            _add(draft, team, event)
        else:
            _remove(draft, team, event)
        _dirty(draft, team, event[0])
        first = event[0] if first is None else min(first, event[0])
    return first


def _add(draft: Draft, team: str, event: Event) -> None:
    """Put an event onto its page, and cut the page where it holds too many."""
    pages = _pages(draft, team)
    page = pages[bisect_right(pages, event[0]) - 1]
    events: list[Event] = list(draft.get(f"event/{team}/{page}") or [])
    insort(events, event)
    cut = _cut(events) if len(events) > PAGE else 0
    if cut:
        draft.put(f"event/{team}/{events[cut][0]}", events[cut:])
        draft.put(f"events/{team}", sorted([*pages, events[cut][0]]))
    draft.put(f"event/{team}/{page}", events[: cut or None])


def _remove(draft: Draft, team: str, event: Event) -> None:
    pages = _pages(draft, team)
    page = pages[bisect_right(pages, event[0]) - 1]
    events: list[Event] = [one for one in draft.get(f"event/{team}/{page}") if one != event]
    draft.put(f"event/{team}/{page}", events or None)
    if not events and page != FIRST:
        draft.put(f"events/{team}", [other for other in pages if other != page])
        draft.put(f"walked/{team}/{page}", None)


def _pages(draft: Draft, team: str) -> list[Instant]:
    return draft.get(f"events/{team}") or [FIRST]


def _cut(events: list[Event]) -> int:
    """Where the later half begins; 0 if all happened at one instant."""
    middle = events[len(events) // 2][0]
    cut = bisect_left(events, middle, key=itemgetter(0))
    return cut or bisect_right(events, middle, key=itemgetter(0)) % len(events)


def _of_teams(name: str, item: Worked) -> Iterator[tuple[str, Event]]:
    teams = {phase.team for phase in item.phases} - {""}
    for team in teams:
        # before it had the item there is nothing to say of a team
        first = next(n for n, phase in enumerate(item.phases) if phase.team == team)
        for phase in item.phases[first:]:
            yield team, (phase.at, name, phase.work if phase.team == team else "")
    for at in item.moves:
        team = at_work(item, at).team
        if team:
            yield team, (at, name, MOVED)


def _dirty(draft: Draft, team: str, at: Instant) -> None:
    teams: list[str] = draft.get("teams") or []
    if team not in teams:
        draft.put("teams", sorted([*teams, team]))
    known: Instant | None = draft.get(f"dirty/{team}")
    draft.put(f"dirty/{team}", at if known is None else min(known, at))
    draft.wake()


def again(draft: Draft) -> None:
    """Judge from the beginning: the goal was open at other times, or a calendar differs."""
    for team in draft.get("teams") or []:
        draft.put(f"dirty/{team}", -(2**62))


def judge(
    draft: Draft, team: str, silences: list[Span], calendar: WorkingCalendar
) -> list[Spell]:
    """The spells in which a team was starved while the goal was open (part `spans`)."""
    known: list[Spell] = draft.get(f"starved/{team}") or []
    dirty: Instant | None = draft.get(f"dirty/{team}")
    look: Instant | None = draft.get(f"looks/{team}")
    if dirty is None and (look is None or look > draft.now):
        if look is not None:
            draft.wake(look)
        return known
    pages = _pages(draft, team)
    start, state = _walked(draft, team, pages, NEVER if dirty is None else dirty)
    spells = Spells({RULE: known}, state.upto)
    all_turns = _turns(draft.get("spans") or [])
    turns = [turn for turn in all_turns if state.upto < turn[0] <= draft.now]
    walk = _Walk(state, spells, silences, calendar)
    for page, end in zip(pages[start:], [*pages[start + 1 :], NEVER], strict=True):
        events: list[Event] = draft.get(f"event/{team}/{page}") or []
        events = events[bisect_right(events, state.upto, key=itemgetter(0)) :]
        walk.through(events, [t for t in turns if t[0] < end])
        turns = [turn for turn in turns if turn[0] >= end]
        draft.put_if_new(f"walked/{team}/{page}", walk.state())
    looks = [walk.wait(draft.now), *(at for at, _ in all_turns if at > draft.now)]
    due = min((at for at in looks if at is not None), default=None)
    draft.put_if_new(f"looks/{team}", due)
    if due is not None:
        draft.wake(due)
    draft.put(f"dirty/{team}", None)
    found = spells.known().get(RULE, [])
    draft.put_if_new(f"starved/{team}", found or None)
    return found


def _walked(
    draft: Draft, team: str, pages: list[Instant], before: Instant
) -> tuple[int, Walked]:
    """The last page after which it is known where the team stood before an instant, and where."""
    for n in reversed(range(bisect_right(pages, before))):
        state: Walked | None = draft.get(f"walked/{team}/{pages[n]}")
        if state is not None and state.upto < before:
            return n, state
    return 0, NOWHERE


def _turns(spans: list[Span]) -> list[tuple[Instant, bool]]:
    """When the goal opened and closed."""
    found = [(start, True) for start, _ in spans]
    return sorted([*found, *((end, False) for _, end in spans if end is not None)])


class _Walk:
    """Goes through what happened, and raises what came due between."""

    def __init__(
        self, state: Walked, spells: Spells, silences: list[Span], calendar: WorkingCalendar
    ) -> None:
        self._stands = dict(state.stands)
        self._blocked = sum(work == "blocked" for work in self._stands.values())
        self._seen, self._open = state.seen, state.open
        self._moved_at, self._blocked_at = state.moved_at, state.blocked_at
        self._upto = state.upto
        self._spells = spells
        self._silences = silences
        self._calendar = calendar

    def state(self) -> Walked:
        return Walked(
            dict(sorted(self._stands.items())),
            self._seen,
            self._open,
            self._moved_at,
            self._blocked_at,
            self._upto,
        )

    def through(self, events: list[Event], turns: list[tuple[Instant, bool]]) -> None:
        """What happened to work items, and whether the goal opened or closed."""
        at_once: dict[Instant, list[Event]] = {}
        for event in events:
            at_once.setdefault(event[0], []).append(event)
        opening = dict(turns)
        for at in sorted({*at_once, *opening}):
            self._raise_before(at)
            self._upto = at
            if at in opening:
                self._turn(at, opens=opening[at])
            if at in at_once:
                self._happens(at, at_once[at])

    def wait(self, now: Instant) -> Instant | None:
        """Raise what came due by now; when else something will, if nothing happens."""
        self._raise_before(now + 1)
        if self._spells.open(RULE):
            return None
        due = self._due()[0]
        return None if due == NEVER else due

    def _turn(self, at: Instant, *, opens: bool) -> None:
        self._open = opens
        self._moved_at = self._blocked_at = None
        if not opens:
            self._spells.end(RULE, at)
        elif self._seen:
            self._begin(at)

    def _begin(self, at: Instant) -> None:
        """From now on the team may be starved: the goal is open, and it has work of it."""
        self._moved_at = at
        self._blocked_at = at if self._all_blocked() else None

    def _all_blocked(self) -> bool:
        return 0 < self._blocked == len(self._stands)

    def _happens(self, at: Instant, events: list[Event]) -> None:
        blocked, some = self._all_blocked(), bool(self._stands)
        moved = False
        for _, name, what in events:
            if what == MOVED:
                moved = True
                continue
            self._blocked -= self._stands.pop(name, "") == "blocked"
            self._blocked += what == "blocked"
            if what:
                self._stands[name] = what
        self._seen = True
        if not self._open:
            return
        if self._moved_at is None:
            self._begin(at)
        if moved or (blocked and not self._all_blocked()):
            self._spells.end(RULE, at)
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
        if self._moved_at is None:
            return NEVER, NEVER, ""
        due = self._heard(self._calendar.add(self._moved_at, UNMOVED))
        found = (due, self._moved_at, f"no work item moved for {UNMOVED} working days")
        if self._blocked_at is None:
            return found
        due = self._heard(self._calendar.add(self._blocked_at, BLOCKED))
        text = f"all that is in work is blocked for {BLOCKED} working days"
        return min(found, (due, self._blocked_at, text))

    def _raise_before(self, at: Instant) -> None:
        if self._moved_at is None or self._spells.open(RULE):
            return
        # working days are no shorter than days, but for a change of the clock
        blocked = self._blocked_at is not None and at - self._blocked_at > BLOCKED * SHORT_DAY
        if not blocked and at - self._moved_at < UNMOVED * SHORT_DAY:
            return
        due, since, why = self._due()
        if due < at:
            self._raise(due, since, why)

    def _raise(self, at: Instant, since: Instant, why: str) -> None:
        if at < NEVER:
            self._spells.evidence = (f"unmoved since: {iso_instant(since)}",)
            self._spells.begin(RULE, at, why, since=since)

    def _heard(self, at: Instant) -> Instant:
        """While a source is silent nothing can be said about it: not before it is heard again."""
        for start, end in self._silences:
            if start <= at and (end is None or at < end):
                return NEVER if end is None else end
        return at
