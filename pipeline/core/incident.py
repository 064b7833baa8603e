"""An incident: when it began, when it was over, which deploy and which team it is put down to.

What is said about it may come in any order and more than once; of each field the newest holds.
"""

from bisect import insort
from typing import Any

from pipeline.core.book import Book
from pipeline.core.messages import Redefined, Retracted, Struck
from pipeline.core.reaction import Draft
from pipeline.core.rows import Gone, IncidentRow
from pipeline.core.signals import IncidentOpened, IncidentResolved, Instant, Signal

Stop = tuple[Instant, Instant | None]
"""From when until when (None: still) an incident was known to stop a team."""

PARTS: dict[str, Any] = {"facts": list[Signal], "told": dict[str, list[Stop]]}


def react(draft: Draft, signal: Signal, book: Book) -> None:
    facts = [f for f in draft.get("facts") or [] if f.order[1:] != signal.order[1:]]
    insort(facts, signal, key=lambda f: f.order)
    _hold(draft, facts, book)


def hear(draft: Draft, message: Retracted | Redefined, book: Book) -> None:
    """Undo what a superseded copy had said, or look again whose it is."""
    facts: list[Signal] = draft.get("facts") or []
    if isinstance(message, Retracted):
        facts = [f for f in facts if f.order != message.signal.order]
    _hold(draft, facts, book)


def _hold(draft: Draft, facts: list[Signal], book: Book) -> None:
    draft.put_if_new("facts", facts or None)
    if not facts:
        draft.gone.append(Gone(IncidentRow, (draft.id,)))
        _strike(draft, {})
        return

    def newest(field: str) -> str:
        said = (getattr(fact.data, field) for fact in reversed(facts))
        return next((value for value in said if value is not None), "")

    opened = [fact.at for fact in facts if isinstance(fact.data, IncidentOpened)]
    last = facts[-1]
    service, team = newest("service"), newest("team")
    draft.rows.append(
        IncidentRow(
            incident=draft.id,
            service=service,
            team=team or _serving(service, min(opened, default=last.at), book),
            severity=newest("severity"),
            deploy=newest("deploy"),
            opened_at=min(opened, default=None),
            # one that is opened again is not over
            resolved_at=last.at if isinstance(last.data, IncidentResolved) else None,
        )
    )
    _strike(draft, _stops(facts, book))


def _serving(service: str, at: Instant, book: Book) -> str:
    """The team whose service suffers: it has what nobody else was given."""
    known = book.service_at(service, at)
    return known.team if known is not None else ""


def _stops(facts: list[Signal], book: Book) -> dict[str, list[Stop]]:
    """From when until when it was known to stop which team.

    Where the organisation says which severities stop the line, an incident does so while it is
    said to have one of them.
    """
    counted = book.words("stop_the_line", "severities")
    found: dict[str, list[Stop]] = {}
    said = {"service": "", "team": "", "severity": ""}
    opened: Instant | None = None
    before = ""
    for fact in facts:
        if opened is None and isinstance(fact.data, IncidentOpened):
            opened = fact.at
        now = {name: getattr(fact.data, name) for name in said}
        said |= {name: value for name, value in now.items() if value is not None}
        team = ""
        if opened is not None and (not counted or said["severity"] in counted):
            team = said["team"] or _serving(said["service"], opened, book)
        if team == before:
            continue
        if before:
            since, _ = found[before].pop()
            found[before] += [(since, fact.at)] if since < fact.at else []
        if team:
            found.setdefault(team, []).append((fact.at, None))
        before = team
    return {team: stops for team, stops in found.items() if stops}


def _strike(draft: Draft, stops: dict[str, list[Stop]]) -> None:
    """Tell every team that it stopped, and those that were told before and did not."""
    told: dict[str, list[Stop]] = draft.get("told") or {}
    for team in sorted({*told, *stops}):
        if stops.get(team) != told.get(team):
            draft.send(f"team:{team}", Struck(draft.id, stops.get(team, [])))
    draft.put_if_new("told", stops or None)
