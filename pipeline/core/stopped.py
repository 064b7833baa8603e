"""Incidents that stop a team, and quarters in which they are more than a team can bear (R31).

A couple of them a quarter are usual. The one that exceeds this raises the finding
`stop_the_line`, which ends with the quarter; each quarter is one of the team's calendar.
"""

import datetime as dt
from typing import Any

from pipeline.core.book import Book
from pipeline.core.calendar import Zone, day_number, iso_day, iso_instant
from pipeline.core.messages import Struck
from pipeline.core.reaction import Draft
from pipeline.core.rows import Day
from pipeline.core.signals import Instant
from pipeline.core.spells import Spells
from pipeline.core.team_flow import dirty, show

USUAL = 2
"""So many incidents a quarter are usual: "a couple"."""

PARTS: dict[str, Any] = {"incidents": dict[str, list[tuple[Instant, Instant | None]]]}


def take(draft: Draft, message: Struck) -> None:
    """Keep when an incident stopped this team, or forget that it did."""
    known: dict[str, Any] = draft.get("incidents") or {}
    others = {id: stops for id, stops in known.items() if id != message.incident}
    ours = {message.incident: message.stops} if message.stops else {}
    draft.put("incidents", {**others, **ours} or None)
    recount(draft)


def recount(draft: Draft) -> None:
    dirty(draft, "stop_the_line", -(2**31))


def judge(draft: Draft, book: Book) -> None:
    """Judge every quarter anew when an incident came, or the quarter of a finding is over."""
    zone = book.calendar("team", draft.id).zone
    start: Day | None = draft.get("dirty/stop_the_line")
    if start is None:
        return
    if start > zone.day(draft.now):
        draft.wake(zone.start(start))
        return
    usual = int(book.rule("stop_the_line", "per_quarter", USUAL))
    spells = Spells({}, -(2**62))
    ahead: Day | None = None
    for first, turns in sorted(_turns(draft, zone).items()):
        following = quarter(first + 100)
        ends = zone.start(following)
        held: dict[str, Instant] = {}
        for at, begins, incident in sorted(turns):
            if at >= ends:
                break
            if begins:
                held[incident] = at
            else:
                del held[incident]
            if len(held) > usual:
                spells.evidence = tuple(
                    f"incident: {id} {iso_instant(held[id])}" for id in held
                )
                text = _text(len(held), usual, zone.day(at) - first + 1)
                spells.begin("stop_the_line", at, text)
            else:
                spells.end("stop_the_line", at)
        if ends <= draft.now:
            spells.end("stop_the_line", ends)
        elif spells.open("stop_the_line"):
            draft.wake(ends)
            ahead = following
    show(draft, "stop_the_line", spells)
    draft.put("dirty/stop_the_line", ahead)


def _turns(draft: Draft, zone: Zone) -> dict[Day, list[tuple[Instant, bool, str]]]:
    """By quarter when each incident of it began to stop the team (True), and no longer did."""
    incidents: dict[str, list[tuple[Instant, Instant | None]]] = draft.get("incidents") or {}
    found: dict[Day, list[tuple[Instant, bool, str]]] = {}
    for incident, stops in incidents.items():
        for since, until in stops:
            turns = found.setdefault(quarter(zone.day(since)), [])
            turns.append((since, True, incident))
            if until is not None:
                turns.append((until, False, incident))
    return found


def quarter(day: Day) -> Day:
    """The first day of the quarter of a day."""
    date = dt.date.fromisoformat(iso_day(day))
    return day_number(date.replace(month=(date.month - 1) // 3 * 3 + 1, day=1))


def _text(n: int, usual: int, days: int) -> str:
    return (
        f"{n} incidents stopped the line in {days} days of the quarter,"
        f" one every {days / n:.0f}; {usual} a quarter are usual"
    )
