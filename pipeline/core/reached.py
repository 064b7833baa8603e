"""How many of a goal's work items had reached a level at the close of each day.

An item adds one on the day on which it reaches a level and takes it back on the day on which it
falls below, so a day costs what changed on it, however many items there are. Two timelines are
counted: as it is known now, and as it was known at the close (semantics 4.2).
"""

from typing import Any, NamedTuple

from pipeline.core.calendar import Zone
from pipeline.core.messages import Standing, Step
from pipeline.core.reaction import Chain, Draft
from pipeline.core.rows import Day
from pipeline.core.signals import Instant
from pipeline.core.starved import UNWORKED, Worked, note, worked

REACHED = {
    "closed": ("closed",),
    "shipped": ("shipped_not_adopted", "adopted_not_verified", "done"),
    "adopted": ("adopted_not_verified", "done"),
    "verified": ("done",),
}
"""Level to the states in which an item stands at it."""

Marks = dict[tuple[str, Day], tuple[int, int]]
"""Level and day to the change of the count as known now, and as known at the close."""


class Item(NamedTuple):
    """How a work item went: states, being closed, being of the goal; and what it added so far."""

    states: list[Step]
    closed: list[Step]
    member: list[Step]
    marks: Marks
    worked: Worked
    sources: list[str]


PARTS: dict[str, Any] = {
    "due": Chain[str],
    "item/": Item,
    "members/": list[str],
    "reached/": tuple[int, int],
    "size": int,
    "tracked": dict[str, int],
}


def stand(draft: Draft, message: Standing, *, counts: bool) -> Instant | None:
    """Keep where a work item stands; a goal that counts work does so when it judges.

    Says since when it is worked on otherwise than was known.
    """
    name = message.work_item
    known: Item | None = draft.get(f"item/{name}")
    if known is None:
        if not message.member:
            return None
        draft.join(name)
    marks = known.marks if known else {}
    work = worked(message.phases, message.moves, message.member)
    item = Item(message.states, message.closed, message.member, marks, work, message.sources)
    draft.put(f"item/{name}", item)
    _track(draft, known.sources if known else [], message.sources)
    since = note(draft, name, known.worked if known else UNWORKED, work)
    if counts:
        draft.chain("due", name)
        draft.wake()
    return since


def _track(draft: Draft, before: list[str], now: list[str]) -> None:
    """Count the work items of each source, so that one that has none any more is forgotten."""
    if before != now:
        for more, sources in ((1, now), (-1, before)):
            for source in sources:
                draft.tally("tracked", source, more)
        draft.wake()


def recount(draft: Draft) -> None:
    """Let every item be counted anew: the goal is defined differently."""
    for name in draft.members():
        draft.chain("due", name)


def count(draft: Draft, levels: set[str], starts_on: Day, zone: Zone) -> Day | None:
    """Bring the counts of `levels` up to date; the earliest day that changed."""
    changes: Marks = {}
    changed: set[tuple[str, Day]] = set()
    for name in dict.fromkeys(draft.unchain("due")):
        item: Item = draft.get(f"item/{name}")
        new: Marks = {}
        for level in levels:
            new.update(_marks(item, level, starts_on, zone))
        if new == item.marks:
            continue
        draft.put(f"item/{name}", item._replace(marks=new))
        # the sum of a day may stay although other work makes it up
        changed |= {key for key in item.marks | new if item.marks.get(key) != new.get(key)}
        for sign, marks in ((-1, item.marks), (1, new)):
            for key, (now, then) in marks.items():
                had = changes.get(key, (0, 0))
                changes[key] = (had[0] + sign * now, had[1] + sign * then)
    for (level, day), (now, then) in changes.items():
        if (now, then) != (0, 0):
            had = draft.get(f"reached/{level}/{day}") or (0, 0)
            draft.put(f"reached/{level}/{day}", (had[0] + now, had[1] + then))
    return min((day for _, day in changed), default=None)


def _marks(item: Item, level: str, starts_on: Day, zone: Zone) -> Marks:
    """What one item adds to a level; what it reached before the goal began counts from then on."""
    if not item.member:
        return {}
    steps = item.closed if level == "closed" else item.states
    good = REACHED.get(level, REACHED["verified"])
    # as a link, being of a goal reaches back to before it was known; ceasing to be does not
    shown = _both(
        [(zone.day(at), on) for at, on in _effective(steps, good)],
        [(zone.day(step.effective_at), step.value == "in") for step in item.member[1:]],
        member=True,
    )
    confirmed = _both(
        _confirmed(steps, good, starts_on, zone),
        _confirmed(item.member, ("in",), starts_on, zone),
        member=False,
    )
    marks: Marks = {}
    for which, timeline in enumerate((shown, confirmed)):
        days: dict[Day, bool] = {}
        for day, on in timeline:
            days[max(day, starts_on)] = on
        before = False
        for day in sorted(days):
            if days[day] != before:
                before = days[day]
                change = 1 if before else -1
                now, then = marks.get((level, day), (0, 0))
                marks[level, day] = (now + change, then) if which == 0 else (now, then + change)
    return marks


def _effective(steps: list[Step], good: tuple[str, ...]) -> list[tuple[Instant, bool]]:
    """Since when it was so, as known now: a step overrides all from its effective instant on."""
    effective: list[tuple[Instant, bool]] = []
    for step in steps:
        while effective and effective[-1][0] >= step.effective_at:
            effective.pop()
        effective.append((step.effective_at, step.value in good))
    return effective


def _confirmed(
    steps: list[Step], good: tuple[str, ...], first: Day, zone: Zone
) -> list[tuple[Day, bool]]:
    """The days at whose close it was known to be so, or not."""
    confirmed: list[tuple[Day, bool]] = []
    last = first
    for step in steps:
        last = max(last, zone.day(step.known_at - 1), zone.day(step.effective_at))
        confirmed.append((last, step.value in good))
    return confirmed


def _both(
    reached: list[tuple[Day, bool]], counts: list[tuple[Day, bool]], *, member: bool
) -> list[tuple[Day, bool]]:
    """From which day on an item had reached a level and counted; `member`: it did at first."""
    turns = [(day, 0, on) for day, on in reached] + [(day, 1, on) for day, on in counts]
    stands = [False, member]
    found: list[tuple[Day, bool]] = []
    for day, which, on in sorted(turns, key=lambda turn: turn[0]):
        stands[which] = on
        found.append((day, all(stands)))
    return found
