"""The oracle's view of one work item at one instant, from what is known by then."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.simulate.oracle_adoption import Subject
from pipeline.simulate.oracle_live import Merged, Production, Switch, state_at
from pipeline.simulate.organisation import Record

CONFIDENCE = {
    "manual": 0.98,
    "native": 0.98,
    "keyword": 0.95,
    "title": 0.92,
    "commit": 0.9,
    "branch": 0.8,
    "release_note": 0.7,
    "mention": 0.5,
    "inferred": 0.3,
}
BULK = 0.79
"""At most what a merge that names more than five items says about each."""

SURE = 0.8


class Evidence(NamedTuple):
    """A sign that a change belongs to the item, or its withdrawal."""

    at: int
    change: str
    via: str
    bulk: bool = False
    retracted: bool = False


class Named(NamedTuple):
    """A deploy that names the item."""

    at: int
    service: str
    repository: str


@dataclass(slots=True)
class Story:
    """All facts about one item, each kind in the order of time."""

    id: str
    team: str
    created: int
    fields: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    deleted: int | None = None
    evidence: list[Evidence] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)
    parent: "Story | None" = None

    def value(self, name: str, at: int) -> Any:
        """The latest value of a field."""
        known = [data[name] for when, data in self.fields if when <= at and name in data]
        return known[-1] if known else None


class Shipped(NamedTuple):
    """Is all of it in production, and since when; else, when it was lost."""

    full: bool
    since: int
    lost: int
    rollback: bool
    linked: bool
    homeless: bool
    services: frozenset[str]


class View(NamedTuple):
    """State of an item by the facets of one instant."""

    state: str
    effective: int
    reopened: bool
    """OPEN because somebody reopened it."""
    shipped: Shipped
    claim: int | None
    adopted: int | None
    """Since when all subjects are adopted."""
    verified: int | None


@dataclass(slots=True)
class Memory:
    """What was lost last: the only thing the next instant has to know of this one."""

    full: bool = False
    ship_lost: int = 0
    adopted: bool = False
    adopt_lost: int = 0
    verified: bool = False
    verify_lost: int = 0


def confidence(evidence: Sequence[Evidence]) -> dict[str, float]:
    """How sure each link is, by the evidence of an instant."""
    kinds: dict[tuple[str, str], float] = {}
    for sign in evidence:
        if sign.retracted:
            kinds.pop((sign.change, sign.via), None)
        else:
            prior = CONFIDENCE[sign.via]
            kinds[sign.change, sign.via] = min(prior, BULK) if sign.bulk else prior
    changes = {change for change, _ in kinds}
    return {
        change: 1 - math.prod(1 - prior for (of, _), prior in kinds.items() if of == change)
        for change in changes
    }


def shipped(story: Story, production: Production, at: int) -> Shipped:
    """Where the item's changes are at an instant."""
    signs = [sign for sign in story.evidence if sign.at <= at]
    # In floats 1 - (1 - 0.8) may fall short of 0.8 by a hair.
    sure = [name for name, c in confidence(signs).items() if c >= SURE - 1e-9]
    named = [deploy for deploy in story.named if deploy.at <= at]
    if not sure and named:
        first = named[0]
        services = frozenset(deploy.service for deploy in named)
        return Shipped(True, first.at, 0, False, True, False, services)
    lives: list[int] = []
    losses: list[tuple[int, bool]] = []
    needed: set[str] = set()
    homeless = False
    for name in sure:
        change = production.changes.get(name)
        if change is None or change.at > at:
            losses.append((0, False))
            continue
        required = production.required(change)
        if required is None:
            homeless = True
            losses.append((change.at, False))
            continue
        needed.update(required)
        if not required:
            lives.append(change.at)
        missing: list[tuple[int, bool]] = []
        for service in required:
            _weigh(change, service, production, named, at, lives, missing)
        if not _landed_anew(change, sure, production, at):
            losses += missing
    return Shipped(
        bool(sure) and not losses,
        max(lives, default=0),
        max((lost for lost, _ in losses), default=0),
        any(rollback for _, rollback in losses),
        bool(sure),
        homeless,
        frozenset(needed),
    )


def _landed_anew(change: Merged, sure: Sequence[str], production: Production, at: int) -> bool:
    """Whether it was reverted and the item has a later change in its stead."""
    undone = [
        other.at
        for other in production.changes.values()
        if other.reverts == change.name and other.at <= at
    ]
    later = [production.changes[name] for name in sure if name in production.changes]
    return bool(undone) and any(
        other.repository == change.repository and max(undone) < other.at <= at
        for other in later
    )


def _weigh(
    change: Merged,
    service: str,
    production: Production,
    named: Sequence[Named],
    at: int,
    lives: list[int],
    losses: list[tuple[int, bool]],
) -> None:
    """One change in one service: live since when, or lost when."""
    switch = state_at(production.live(change, service), at)
    since = [switch.effective] if switch and switch.on else []
    since += [
        deploy.at
        for deploy in named
        if deploy.service == service
        and deploy.repository == change.repository
        and change.at <= deploy.at
    ]
    if since:
        lives.append(min(since))
    elif switch:
        losses.append((switch.effective, switch.rollback))
    else:
        losses.append((change.at, False))


def names(story: Story, what: str, at: int, definitions: Mapping[str, Record]) -> set[str]:
    """Subjects or goals of an item: named on it or its epic, or selecting it."""
    chosen = set(story.value(what, at) or ())
    parent = story.value("parent", at)
    if story.parent:
        chosen |= set(story.parent.value(what, at) or ())
    labels = set(story.value("labels", at) or ())
    keys = {story.id, story.value("key", at)}
    for name, record in definitions.items():
        work = record.get("work", {})
        parents = {parent, story.parent and story.parent.value("key", at)}
        if (
            labels & set(work.get("labels", ()))
            or keys & set(work.get("work_items", ()))
            or (parent and parents & set(work.get("epics", ())))
        ):
            chosen.add(name)
    return chosen


def _all(subjects: Sequence[Subject], switches: str, at: int) -> tuple[bool, int, int]:
    """Are all of them on; since when; else, when the last of them went off."""
    states: list[Switch | None] = [
        state_at(getattr(subject, switches), at) for subject in subjects
    ]
    on = bool(states) and all(state and state.on for state in states)
    since = max((state.effective for state in states if state and state.on), default=0)
    lost = max((state.effective for state in states if state and not state.on), default=0)
    return on, since, lost


@dataclass(slots=True)
class Observer:
    """Looks at an item, instant after instant."""

    story: Story
    production: Production
    subjects: dict[str, Subject]
    ready: Sequence[str]
    memory: Memory = field(default_factory=Memory)

    def look(self, at: int) -> View:
        """The state by what is known at an instant; instants come in order."""
        story, memory = self.story, self.memory
        board = _board(story, at)
        code = story.value("code", at) is not False and story.value("kind", at) != "epic"
        if code:
            ship = shipped(story, self.production, at)
        else:
            done = board.closed is not None
            lost = board.reopened or 0
            ship = Shipped(done, board.closed or 0, lost, False, True, False, frozenset())
        memory.ship_lost = ship.lost if memory.full and not ship.full else memory.ship_lost
        memory.full = ship.full
        chosen = self._chosen(ship, at)
        adopted, adopted_since, lost = _all(chosen, "adopted", at)
        memory.adopt_lost = lost if memory.adopted and not adopted else memory.adopt_lost
        memory.adopted = adopted
        verified, verified_since, lost = _all(chosen, "verified", at)
        memory.verify_lost = lost if memory.verified and not verified else memory.verify_lost
        memory.verified = verified
        claims = [board.closed] if board.closed is not None else []
        if ship.full and ship.since > (board.reopened or 0):
            claims.append(ship.since)
        claim = min(claims, default=None)
        state, effective = self._state(
            board, ship, claim, at, bool(chosen), adopted_since, verified_since
        )
        return View(
            state,
            effective,
            effective == board.reopened,
            ship,
            claim,
            adopted_since if adopted else None,
            verified_since if verified else None,
        )

    def candidates(self, until: int) -> list[Subject]:
        """Every subject that may ever concern the item."""
        production = self.production
        repositories = {
            production.changes[sign.change].repository
            for sign in self.story.evidence
            if sign.change in production.changes
        }
        services = frozenset(
            name
            for name, one in production.services.items()
            if one["repository"] in repositories
        )
        services |= {deploy.service for deploy in self.story.named}
        default = Shipped(False, 0, 0, False, True, False, services)
        return self._chosen(default, until)

    def _chosen(self, ship: Shipped, at: int) -> list[Subject]:
        definitions = {name: one.versions[0][1] for name, one in self.subjects.items()}
        chosen = names(self.story, "subjects", at, definitions)
        if not chosen:
            services = self.production.services
            chosen = {
                subject
                for service in ship.services
                for subject in services[service].get("subjects", ())
            }
        return [self.subjects[name] for name in sorted(chosen)]

    def _state(
        self,
        board: "_Board",
        ship: Shipped,
        claim: int | None,
        at: int,
        has_subject: bool,
        adopted_since: int,
        verified_since: int,
    ) -> tuple[str, int]:
        memory = self.memory
        exempt = self.story.value("adoption", at) == "none_expected"
        if board.gone:
            return board.gone
        if claim is None:
            return "open", max(self.story.created, board.reopened or 0, memory.ship_lost)
        waiting = max(claim, 0 if ship.full else memory.ship_lost)
        if not ship.linked or ship.homeless:
            return "unknown", waiting
        if ship.full and not exempt and not has_subject:
            return "unknown", max(waiting, ship.since)
        if not ship.full:
            return "closed_not_shipped", waiting
        ready, ready_since = self._ready(at)
        out = max(claim, ship.since)
        if exempt:
            return ("done", max(out, ready_since)) if ready else ("shipped_not_adopted", out)
        if not memory.adopted:
            return "shipped_not_adopted", max(out, memory.adopt_lost)
        used = max(out, adopted_since)
        if memory.verified and ready:
            return "done", max(used, verified_since, ready_since)
        lost = 0 if memory.verified else memory.verify_lost
        return "adopted_not_verified", max(used, lost)

    def _ready(self, at: int) -> tuple[bool, int]:
        ticked: dict[str, tuple[bool, int]] = {}
        for when, data in self.story.fields:
            for entry, value in data.get("ready", {}).items():
                if when <= at:
                    ticked[entry] = (value, when)
        entries = [ticked.get(entry, (False, 0)) for entry in self.ready]
        return all(on for on, _ in entries), max((when for _, when in entries), default=0)


class _Board(NamedTuple):
    closed: int | None
    reopened: int | None
    gone: tuple[str, int] | None


def _board(story: Story, at: int) -> _Board:
    """What the tracker says."""
    closed = reopened = None
    gone: tuple[str, int] | None = None
    before = ""
    for when, data in story.fields:
        if when > at or "status" not in data:
            continue
        category = data["status"]["category"]
        if category == "done":
            closed = when if before != "done" else closed
        else:
            reopened = when if before == "done" and category != "dropped" else reopened
            closed = None
        gone = ("dropped", when) if category == "dropped" else None
        before = category
    if story.deleted is not None and story.deleted <= at:
        gone = ("deleted", story.deleted)
    return _Board(closed, reopened, gone)
