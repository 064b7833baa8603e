"""How a work item is worked on: who has it, whether it is in work or blocked, and when it moved."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core import links
from pipeline.core.findings import StateRun
from pipeline.core.messages import Phase
from pipeline.core.signals import Instant
from pipeline.core.standing import Sight
from pipeline.core.tracker import Attributes

IN_WORK = ("doing", "waiting")
"""Categories of a status in which an item is started and not finished."""


class Activity(NamedTuple):
    """Phases of work, the instants at which it moved, and the sources that tell of it."""

    phases: list[Phase]
    moves: list[Instant]
    sources: list[str]


IDLE = Activity([], [], [])


def activity_of(sight: Sight, runs: Sequence[StateRun], now: Instant) -> Activity:
    """What was known at `now`; a claim ends the work, whatever the tracker's status is."""
    ats = [a.at for a in sight.attributes]
    known = [run.confirmed_at for run in runs]
    phases: list[Phase] = []
    for at in sorted({*ats, *known}):
        if at > now:
            break
        facts = sight.attributes[max(0, bisect_right(ats, at) - 1)]
        n = bisect_right(known, at)
        phase = Phase(at, facts.team, _work(facts, runs[n - 1].state if n else "open"))
        if not phases or phases[-1][1:] != phase[1:]:
            phases.append(phase)
    moves = {*known, *_turns(sight.attributes), *_delivered(sight)}
    return Activity(phases, sorted(at for at in moves if at <= now), sight.sources)


def _work(facts: Attributes, state: str) -> str:
    if state != "open" or facts.category not in IN_WORK:
        return ""
    return "blocked" if facts.blocked or facts.category == "waiting" else "active"


def _turns(attributes: list[Attributes]) -> list[Instant]:
    """When the tracker's status moved to another category, the beginning included."""
    found: list[Instant] = []
    category = ""
    for facts in attributes:
        if facts.category != category:
            category = facts.category
            found.append(facts.at)
    return found


def _delivered(sight: Sight) -> list[Instant]:
    """When a change that surely belongs to it was merged or deployed, as soon as that was known."""
    found: list[Instant] = []
    for change, evidence in sight.changes:
        if change.merged_at is None or not change.delivers:
            continue
        since = next(
            (
                at
                for at in sorted({piece.at for piece in evidence})
                if links.drives(links.confidence(evidence, at, bulk=change.bulk_at is not None))
            ),
            None,
        )
        if since is not None:
            steps = [
                step.known_at for log in change.services.values() for step in log if step.on
            ]
            found += [max(at, since) for at in (change.merged_at, *steps)]
    for named, since in sight.named:
        found += [max(step.known_at, since) for step in named.log if step.on]
    return found
