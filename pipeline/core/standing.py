"""Where a work item stands at one instant, as far as it was known then (semantics 6)."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from pipeline.core import links
from pipeline.core.book import Book
from pipeline.core.messages import (
    Adoption,
    Ancestor,
    Child,
    Evidence,
    Inherit,
    Linked,
    LinkedChange,
    Live,
    NamedByDeploy,
    Promised,
    Step,
)
from pipeline.core.reaction import Draft
from pipeline.core.signals import Instant
from pipeline.core.tracker import Attributes, TrackerFact, history


class Heard(NamedTuple):
    """What a name passed on, and since when that name is ours."""

    name: str
    since: Instant
    said: LinkedChange | NamedByDeploy | Linked | Child | Promised


class Candidate(NamedTuple):
    """One change that may belong to the work item, with the evidence of all its names."""

    change: LinkedChange
    evidence: list[Evidence]


class Sight(NamedTuple):
    """All that the judgement of a work item rests on."""

    attributes: list[Attributes]
    changes: list[Candidate]
    named: list[tuple[NamedByDeploy, Instant]]
    linked: list[tuple[Linked, Instant]]
    inherited: list[Inherit]
    adoption: dict[str, Adoption]
    sources: list[str]
    """Who says so in the tracker."""


class Shipping(NamedTuple):
    """The facet shipped at an instant; `since` is effective, `lost` when it was first broken."""

    value: str
    since: Instant
    lost: Instant | None
    reasons: tuple[str, ...]
    linked: bool
    candidate: bool
    no_service: bool
    newest: Instant
    """First live instant of the newest linked change: a claim after a reopen needs a newer one."""
    services: tuple[str, ...]


def look(draft: Draft) -> Sight | None:
    facts: list[TrackerFact] | None = draft.get("tracker")
    if not facts:
        return None
    inherited: dict[str, Inherit] = draft.get("inherited") or {}
    changes: dict[str, Candidate] = {}
    named: list[tuple[NamedByDeploy, Instant]] = []
    linked: list[tuple[Linked, Instant]] = []
    for heard in (draft.get("heard") or {}).values():
        said = heard.said
        if isinstance(said, LinkedChange):
            evidence = [
                Evidence(e.via, max(e.at, heard.since), e.until, e.confidence)
                for e in said.evidence
            ]
            before = changes.get(said.change)
            changes[said.change] = Candidate(
                said, [*(before.evidence if before else ()), *evidence]
            )
        elif isinstance(said, NamedByDeploy):
            named.append((said, heard.since))
        elif isinstance(said, Linked):
            linked.append((said, heard.since))
    return Sight(
        _placed(history(facts), linked),
        [changes[id] for id in sorted(changes)],
        named,
        linked,
        [inherited[parent] for parent in sorted(inherited)],
        draft.get("adoption") or {},
        sorted({fact.order.source for fact in facts}),
    )


def _placed(
    attributes: list[Attributes], linked: list[tuple[Linked, Instant]]
) -> list[Attributes]:
    """With the parent that a link states, where the tracker names none."""
    parents = [
        (max(link.evidence.at, since), link.evidence.until or 2**62, link.to)
        for link, since in linked
        if link.rel == "parent"
    ]
    if not parents:
        return attributes
    created = attributes[0].created_at
    turns = {at for start, end, _ in parents for at in (start, end) if created < at < 2**62}
    placed: list[Attributes] = []
    for at in sorted(turns.union(a.at for a in attributes)):
        now = next(a for a in reversed(attributes) if a.at <= at)
        stated = (to for start, end, to in sorted(parents) if start <= at < end)
        placed.append(now._replace(at=at, parent=now.parent or next(stated, "")))
    return placed


def ancestors_at(sight: Sight, parent: str, at: Instant) -> list[Ancestor]:
    """Who stood above it at an instant, from the parent of that name upwards."""
    best: tuple[Instant, list[Ancestor]] | None = None
    for inherit in sight.inherited if parent else ():
        since, until = inherit.names.get(parent, (2**62, None))
        if since <= at and (until is None or at < until) and (not best or best[0] < since):
            chain = next((c for start, c in reversed(inherit.lineage) if start <= at), [])
            best = (since, chain)
    return best[1] if best else []


def lineage_instants(sight: Sight) -> list[Instant]:
    """When it became known that others stood above it."""
    found: list[Instant] = []
    for inherit in sight.inherited:
        for since, until in inherit.names.values():
            found += [since] if until is None else [since, until]
        found += [at for at, _ in inherit.lineage]
    return found


class Instants(NamedTuple):
    """When something became known, from the first fact on: all, of shipping, and of links.

    A definition that begins or ceases to hold counts as a link.
    """

    all: list[Instant]
    shipping: set[Instant]
    links: set[Instant]


def instants_of(sight: Sight, book: Book) -> Instants:
    shipping: set[Instant] = set()
    for candidate in sight.changes:
        for piece in candidate.evidence:
            shipping.add(piece.at)
            if piece.until is not None:
                shipping.add(piece.until)
        if candidate.change.merged_at is not None:
            shipping.add(candidate.change.merged_at)
            shipping.update(candidate.change.undone_at)
        for log in candidate.change.services.values():
            shipping.update([step.known_at for step in log])
    for named, since in sight.named:
        shipping.add(max(named.evidence[0].at, since))
        if named.evidence[0].until is not None:
            shipping.add(named.evidence[0].until)
        shipping.update([step.known_at for step in named.log])
    linked = {*book.turning("subject", "service", "team", "goal"), *lineage_instants(sight)}
    for link, since in sight.linked:
        linked.add(max(link.evidence.at, since))
        if link.evidence.until is not None:
            linked.add(link.evidence.until)
    found = {*shipping, *linked, *[a.at for a in sight.attributes]}
    for adoption in sight.adoption.values():
        for steps in (adoption.adopted, adoption.verified, adoption.released):
            found.update([step.known_at for step in steps])
        if adoption.first_use_at is not None:
            found.add(adoption.first_use_at)
    created = sight.attributes[0].created_at
    return Instants(sorted([k for k in found if k >= created]), shipping, linked)


def _last(steps: Iterable[Step], at: Instant) -> Step | None:
    last = None
    for step in steps:
        if step.known_at > at:
            break
        last = step
    return last


def weighed(sight: Sight, at: Instant) -> list[tuple[LinkedChange, float]]:
    """The changes that may deliver it, and how sure it is at an instant that they do."""
    return [
        (c.change, links.confidence(c.evidence, at, bulk=_is_bulk(c.change, at)))
        for c in sight.changes
        if c.change.delivers
    ]


def judge_shipping(sight: Sight, attributes: Attributes, at: Instant) -> Shipping:
    sure = weighed(sight, at)
    driving = [change for change, confidence in sure if links.drives(confidence)]
    candidate = any(links.is_candidate(confidence) for _, confidence in sure)
    named = [n for n, since in sight.named if names_us(n.evidence[0], since, at)]
    services = tuple(
        sorted({s for c in driving for s in c.services} | {n.service for n in named})
    )
    linked = bool(driving or named)
    if attributes.non_code:
        closed = attributes.closed_since
        value, since = ("none", 0) if closed is None else ("full", closed)
        return Shipping(value, since, None, (), True, False, False, since, services)
    since = newest = -(2**62)
    broken: list[Instant] = []
    unmerged = live = False
    for change in driving:
        if change.merged_at is None or change.merged_at > at:
            unmerged = True
            continue
        first = change.merged_at
        if not change.known_repository:
            broken.append(change.merged_at)
            continue
        landed_anew = _landed_anew(change, driving, at)
        for service, log in change.services.items():
            step, began = _live(change, service, log, named, at)
            if step is not None and step.on:
                live = True
                since = max(since, step.effective_at)
                first = max(first, began)
            elif landed_anew:
                first = 2**62
            else:
                broken.append(change.merged_at if step is None else step.effective_at)
                first = 2**62
        if not change.services:
            since = max(since, change.merged_at)
            live = True
        if first < 2**62:
            newest = max(newest, first)
    if not driving:
        for n in named:
            steps = [s for s in n.log if s.known_at <= at]
            if steps and steps[-1].on:
                live = True
                since = max(since, steps[-1].effective_at)
                newest = max(newest, steps[0].effective_at)
            elif steps:
                broken.append(steps[-1].effective_at)
    full = linked and not broken and not unmerged and live
    reasons: list[str] = []
    if unmerged:
        reasons.append("needs_merge")
    if broken:
        reasons.append("partial_deploy" if live else "needs_deploy")
    return Shipping(
        "full" if full else "partial" if live else "none",
        since,
        min(broken, default=None),
        tuple(reasons),
        linked,
        candidate,
        any(not c.known_repository for c in driving),
        newest,
        services,
    )


def _is_bulk(change: LinkedChange, at: Instant) -> bool:
    return change.bulk_at is not None and change.bulk_at <= at


def names_us(evidence: Evidence, since: Instant, at: Instant) -> bool:
    return max(evidence.at, since) <= at and (evidence.until is None or at < evidence.until)


def _landed_anew(change: LinkedChange, driving: list[LinkedChange], at: Instant) -> bool:
    """Whether a later change of this work item stands in for one that was reverted."""
    undone_at = max((undone for undone in change.undone_at if undone <= at), default=None)
    return undone_at is not None and any(
        other.repository == change.repository
        and other.merged_at is not None
        and undone_at < other.merged_at <= at
        for other in driving
    )


def _live(
    change: LinkedChange,
    service: str,
    log: list[Live],
    named: list[NamedByDeploy],
    at: Instant,
) -> tuple[Live | None, Instant]:
    """The last step of a change in a service, by its own log or by a deploy that names us.

    With it the first instant at which it was live there.
    """
    steps = [step for step in log if step.known_at <= at]
    best = steps[-1] if steps else None
    began = next((step.effective_at for step in steps if step.on), 2**62)
    assert change.merged_at is not None
    for n in named:
        if n.service == service and n.repository == change.repository:
            own = [s for s in n.log if s.known_at <= at and s.effective_at >= change.merged_at]
            if (
                own
                and own[-1].on
                and (best is None or not best.on or own[-1].effective_at < best.effective_at)
            ):
                best = own[-1]
                began = min(began, own[0].effective_at)
    return best, began


def chosen_by(now: Attributes, shipping: Shipping) -> object:
    """All of a work item that its subjects and goals hang on, beside links and definitions."""
    return now.subjects, now.goals, now.labels, now.names, now.parent, shipping.services


def subjects_of(
    sight: Sight, now: Attributes, shipping: Shipping, at: Instant, book: Book
) -> list[str]:
    """Subjects named on it or its epic or linked to it, those that select it, else its services'."""
    ancestors = ancestors_at(sight, now.parent, at)
    found = {*now.subjects, *(id for ancestor in ancestors for id in ancestor.subjects)}
    for link, since in sight.linked:
        if link.rel == "delivers" and names_us(link.evidence, since, at):
            found.add(link.to)
    found |= _selected("subject", now, ancestors, at, book)
    if not found:
        for id in shipping.services:
            service = book.service_at(id, at)
            if service is not None:
                found.update(service.subjects)
    return sorted(found)


def goals_of(sight: Sight, now: Attributes, at: Instant, book: Book) -> set[str]:
    """Goals named on it or on what stands above it, and those that select it."""
    ancestors = ancestors_at(sight, now.parent, at)
    found = {*now.goals, *(id for ancestor in ancestors for id in ancestor.goals)}
    return found | _selected("goal", now, ancestors, at, book)


def _selected(
    kind: str, now: Attributes, ancestors: list[Ancestor], at: Instant, book: Book
) -> set[str]:
    """Those whose `work` selects it, by a name of its parent too."""
    parents = [now.parent] if now.parent else []
    if ancestors:
        parents += ancestors[0].names
    return book.selected(kind, [*now.names], list(now.labels), parents, at)


class View(NamedTuple):
    """Where the work item stands at one instant, as far as it was known then."""

    state: str
    reasons: list[str]
    effective_at: Instant
    claim: Instant | None
    shipping: Shipping
    subjects: list[str]
    adopted_since: Instant | None
    verified_since: Instant | None


def judge(
    sight: Sight,
    now: Attributes,
    shipping: Shipping,
    subjects: list[str],
    at: Instant,
    shipped_before: bool,
    book: Book,
) -> View:
    full = shipping.value == "full"
    claims: list[Instant] = []
    if now.closed_since is not None:
        claims.append(now.closed_since)
    if full and (now.reopened_at is None or shipping.newest > now.reopened_at):
        claims.append(shipping.since)
    claim = min(claims, default=None)
    facts = [sight.adoption.get(id) for id in subjects]
    adopted = [_last(f.adopted, at) if f else None for f in facts]
    verified = [_last(f.verified, at) if f else None for f in facts]
    all_adopted = bool(subjects) and all(s is not None and s.value == "met" for s in adopted)
    adopted_since = max(s.effective_at for s in adopted if s) if all_adopted else None
    all_verified = bool(subjects) and all(s is not None and s.value == "met" for s in verified)
    verified_since = max(s.effective_at for s in verified if s) if all_verified else None

    def view(state: str, reasons: list[str], effective_at: Instant) -> View:
        return View(
            state,
            reasons,
            effective_at,
            claim,
            shipping,
            subjects,
            adopted_since,
            verified_since,
        )

    if now.deleted_at is not None:
        return view("deleted", [], now.deleted_at)
    if now.dropped_since is not None:
        return view("dropped", [], now.dropped_since)
    if claim is None:
        since = [now.created_at, now.reopened_at or 0]
        if shipped_before and shipping.lost is not None:
            since.append(shipping.lost)
        return view("open", [], max(since))
    exempt = now.exempt_since is not None
    if not shipping.linked:
        return view("unknown", ["ambiguous" if shipping.candidate else "unlinked"], claim)
    if shipping.no_service:
        return view("unknown", ["no_service"], claim)
    if not full:
        lost = shipping.lost if shipped_before else None
        reasons = [*(["rolled_back"] if lost is not None else []), *shipping.reasons]
        return view("closed_not_shipped", reasons, max(claim, lost or claim))
    if not subjects and not exempt:
        return view("unknown", ["no_subject"], max(claim, shipping.since))
    team = book.team_at(now.team, at)
    required = team.ready if team is not None else ()
    missing = [f"needs_{entry}" for entry in required if entry not in now.ready_since]
    ready_since = max((now.ready_since[e] for e in required if e in now.ready_since), default=0)
    start = max(claim, shipping.since)
    if exempt:
        if missing:
            return view("shipped_not_adopted", missing, start)
        return view("done", [], max(start, now.exempt_since or 0, ready_since))
    if adopted_since is None:
        lost_steps = [s.effective_at for s in adopted if s is not None and s.value == "lost"]
        reasons = [*_release(facts, at), *missing]
        used = any(f and f.first_use_at is not None and f.first_use_at <= at for f in facts)
        reasons.append(
            "adoption_lost" if lost_steps else "below_target" if used else "no_first_use"
        )
        return view("shipped_not_adopted", reasons, max([start, *lost_steps]))
    start = max(start, adopted_since)
    if verified_since is None or missing:
        reasons = []
        if verified_since is None:
            values = {s.value for s in verified if s is not None}
            if "refuted" in values:
                reasons = ["refuted"]
            else:
                reasons = ["needs_verification"]
                if "low_response" in values:
                    reasons.append("low_response")
            start = max([start, *(at_ for f in facts if f for at_ in _fell(f.verified, at))])
        return view("adopted_not_verified", [*reasons, *missing], start)
    return view("done", [], max(start, verified_since, ready_since))


def _fell(steps: list[Step], at: Instant) -> list[Instant]:
    """When a facet that was met last ceased to be."""
    past = [step for step in steps if step.known_at <= at]
    return [
        step.effective_at
        for before, step in pairwise(past)
        if before.value == "met" and step.value != "met"
    ][-1:]


def _release(facts: list[Adoption | None], at: Instant) -> list[str]:
    for fact in facts:
        step = _last(fact.released, at) if fact else None
        if step is not None and step.value != "full":
            return ["needs_release"]
    return []
