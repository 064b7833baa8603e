"""A work item: what the tracker, the repositories and the subjects say, and where it stands.

Every facet is a log of steps (known at, effective at, value). The states are a fold over the
instants at which something became known, so an answer for an instant never rests on what came
later (semantics 4.2, 4.3, 6).
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from pipeline.core import findings, links
from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS
from pipeline.core.live import BLIP_MS
from pipeline.core.messages import (
    Adoption,
    Ancestor,
    AskGrace,
    Called,
    Child,
    Evidence,
    Follow,
    Forwarded,
    Gaps,
    Grace,
    Inherit,
    Linked,
    LinkedChange,
    Live,
    NamedByDeploy,
    Redefined,
    Retracted,
    Standing,
    Step,
    Unlinked,
)
from pipeline.core.reaction import Draft
from pipeline.core.rows import FindingRow, Gone, LinkRow, WorkItemRow, WorkItemStateRow
from pipeline.core.signals import Instant, Signal, WorkItemChanged, WorkItemDeleted
from pipeline.core.tracker import Attributes, TrackerFact, history

WATCH_MS = 28 * DAY_MS
"""A work item that is done is watched for 28 d (semantics 6.5)."""

LEVELS = ("closed", "shipped", "adopted", "verified")
STAGES = {
    "closed_not_shipped": "close_to_ship",
    "shipped_not_adopted": "ship_to_adopt",
    "adopted_not_verified": "adopt_to_verify",
}


class Heard(NamedTuple):
    """What a name passed on, and since when that name is ours."""

    name: str
    since: Instant
    said: LinkedChange | NamedByDeploy | Linked | Child


class Run(NamedTuple):
    """A stretch in one state: true since, known since, why."""

    state: str
    reasons: list[str]
    effective_at: Instant
    confirmed_at: Instant


class Said(NamedTuple):
    """What was last told to others, so that only changes are told."""

    names: dict[str, Instant]
    follows: list[str]
    goals: list[str]
    parent: str
    team: str
    asks: list[tuple[str, Instant]]
    gaps: dict[str, tuple[Instant, Instant, Instant]]
    findings: list[str]
    runs: int
    standing: list[tuple[Instant, Instant, str]]
    children: list[str]
    links: list[tuple[str, str, str]]


NOTHING_SAID = Said({}, [], [], "", "", [], {}, [], 0, [], [], [])


def react(draft: Draft, signal: Signal) -> None:
    data = signal.data
    assert isinstance(data, WorkItemChanged | WorkItemDeleted)
    facts: list[TrackerFact] = draft.get("tracker") or []
    same = signal.order[1:]
    draft.put("tracker", [*(f for f in facts if f.order[1:] != same), TrackerFact.of(signal)])
    if isinstance(data, WorkItemChanged) and data.subjects:
        # asked now, the subjects have answered when this is judged for the first time
        known: dict[str, Adoption] = draft.get("adoption") or {}
        for id in data.subjects:
            if id not in known:
                draft.send(f"subject:{id}", Follow(draft.id, True))
    draft.wake()


def hear(
    draft: Draft,
    message: Forwarded | Inherit | Adoption | Grace | Redefined | Retracted,
    book: Book,
) -> None:
    match message:
        case Forwarded():
            _forwarded(draft, message)
        case Inherit():
            inherited: dict[str, Inherit] = dict(draft.get("inherited") or {})
            inherited.pop(message.parent, None)
            if message.chain:
                inherited[message.parent] = message
            if not draft.put_if_new("inherited", inherited):
                return
        case Adoption():
            known: dict[str, Adoption] = draft.get("adoption") or {}
            if known.get(message.subject) == message:
                return
            draft.put("adoption", {**known, message.subject: message})
        case Grace():
            if not _granted(draft, message, book):
                return
        case Retracted():
            facts: list[TrackerFact] = draft.get("tracker") or []
            same = message.signal.order[1:]
            draft.put("tracker", [f for f in facts if f.order[1:] != same])
        case Redefined():
            pass
    draft.wake()


def _granted(draft: Draft, message: Grace, book: Book) -> bool:
    """Keep what the team answered; whether it differs from what was taken for granted."""
    known: dict[str, int] = draft.get("grace") or {}
    answers = {f"{message.team}/{stage}/{at}": days for stage, at, days in message.days}
    draft.put_if_new("grace", {**known, **answers})
    return any(
        days != known.get(f"{message.team}/{stage}/{at}", book.grace(stage).default)
        for stage, at, days in message.days
    )


def _forwarded(draft: Draft, message: Forwarded) -> None:
    heard: dict[str, Heard] = dict(draft.get("heard") or {})
    origin = f"{message.name}|{message.origin}"
    if message.message is None:
        heard.pop(origin, None)
    else:
        heard[origin] = Heard(message.name, message.since, message.message)
    draft.put("heard", heard)


# -- what is known at an instant ---------------------------------------------------------


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
    ancestors: list[Ancestor]
    """From the parent upwards."""
    adoption: dict[str, Adoption]


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


def _sight(draft: Draft) -> Sight | None:
    facts: list[TrackerFact] | None = draft.get("tracker")
    if not facts:
        return None
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
        _ancestors(draft),
        draft.get("adoption") or {},
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


def _ancestors(draft: Draft) -> list[Ancestor]:
    inherited: dict[str, Inherit] = draft.get("inherited") or {}
    return inherited[min(inherited)].chain if inherited else []


class Instants(NamedTuple):
    """When something became known, from the first fact on: all, of shipping, and of links.

    A definition that begins or ceases to hold counts as a link.
    """

    all: list[Instant]
    shipping: set[Instant]
    links: set[Instant]


def _instants(sight: Sight, book: Book) -> Instants:
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
        shipping.update([step.known_at for step in named.log])
    linked = set(book.turning("subject", "service", "team"))
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


def _shipping(sight: Sight, attributes: Attributes, at: Instant) -> Shipping:
    sure = [
        (c, links.confidence(c.evidence, at, bulk=c.change.bulk))
        for c in sight.changes
        if c.change.delivers
    ]
    driving = [c.change for c, confidence in sure if links.drives(confidence)]
    candidate = any(links.is_candidate(confidence) for _, confidence in sure)
    named = [n for n, since in sight.named if max(n.evidence[0].at, since) <= at]
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


def _subjects(
    sight: Sight, now: Attributes, shipping: Shipping, at: Instant, book: Book
) -> list[str]:
    """Subjects named on it or its epic or linked to it, those that select it, else its services'."""
    found = {*now.subjects}
    parents = [now.parent] if now.parent else []
    if sight.ancestors and now.parent:
        found.update(id for ancestor in sight.ancestors for id in ancestor.subjects)
        parents += sight.ancestors[0].names
    for link, since in sight.linked:
        e = link.evidence
        if (
            link.rel == "delivers"
            and max(e.at, since) <= at
            and (e.until is None or at < e.until)
        ):
            found.add(link.to)
    names = [*now.names]
    found |= book.selected("subject", names, list(now.labels), parents, at)
    if not found:
        for id in shipping.services:
            service = book.service_at(id, at)
            if service is not None:
                found.update(service.subjects)
    return sorted(found)


def _goals(sight: Sight, now: Attributes, book: Book) -> list[str]:
    found = {*now.goals}
    parents = [now.parent] if now.parent else []
    if sight.ancestors and now.parent:
        found.update(id for ancestor in sight.ancestors for id in ancestor.goals)
        parents += sight.ancestors[0].names
    return sorted(found | book.selected("goal", [*now.names], list(now.labels), parents))


# -- judging one instant -----------------------------------------------------------------


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


def _view(
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


# -- the fold over instants --------------------------------------------------------------


@dataclass(slots=True)
class Course:
    """How the work item got where it stands."""

    runs: list[Run] = field(default_factory=list)
    claimed_at: Instant | None = None
    gaps: dict[str, tuple[Instant, Instant, Instant]] = field(default_factory=dict)
    known: dict[str, Instant] = field(default_factory=dict)
    rollbacks: list[tuple[Instant, Instant | None]] = field(default_factory=list)
    subjects: set[str] = field(default_factory=set)
    closed: list[Step] = field(default_factory=list)
    view: View | None = None


def _course(sight: Sight, now: Instant, book: Book) -> tuple[Course, Instant | None]:
    """Fold over all known instants up to now; also when the next one is due."""
    course = Course()
    instants = _instants(sight, book)
    due = bisect_right(instants.all, now)
    ats = [a.at for a in sight.attributes]
    was_full = ever_full = False
    firsts: dict[str, Instant] = {}
    attributes: Attributes | None = None
    shipping: Shipping | None = None
    subjects: list[str] = []
    for at in instants.all[:due]:
        before, attributes = attributes, sight.attributes[max(0, bisect_right(ats, at) - 1)]
        changed = attributes is not before
        coded = before is not None and not before.non_code and not attributes.non_code
        if shipping is None or at in instants.shipping or (changed and not coded):
            shipping = _shipping(sight, attributes, at)
            changed = True
        if changed or at in instants.links:
            subjects = _subjects(sight, attributes, shipping, at, book)
            course.subjects.update(subjects)
        view = _view(sight, attributes, shipping, subjects, at, ever_full, book)
        course.view = view
        _close(course, attributes, at)
        full = shipping.value == "full"
        _roll(course, was_full, full, view, at)
        _move(course, view, at, attributes)
        _measure(course, firsts, view, full, attributes.exempt_since is not None, at)
        was_full = full
        ever_full = ever_full or full
    return course, instants.all[due] if due < len(instants.all) else None


def _close(course: Course, now: Attributes, at: Instant) -> None:
    since = now.closed_since if now.deleted_at is None else None
    value = "open" if since is None else "closed"
    if not course.closed or course.closed[-1].value != value:
        course.closed.append(Step(at, since or at, value))


def _roll(course: Course, was_full: bool, full: bool, view: View, at: Instant) -> None:
    """Rollbacks of something done: open at the hour without redeploy, closed by the redeploy."""
    open_ = bool(course.rollbacks) and course.rollbacks[-1][1] is None
    lost = view.shipping.lost
    # a rollback is known after an hour; a revert or a new change that is not live is none
    rolled_back = lost is not None and at - lost == BLIP_MS
    if was_full and not full and lost is not None and rolled_back and not open_:
        before = [run for run in course.runs if run.confirmed_at <= lost]
        if before and before[-1].state == "done":
            course.rollbacks.append((at, None))
    elif open_ and (full or view.state in ("dropped", "deleted")):
        course.rollbacks[-1] = (course.rollbacks[-1][0], at)


def _move(course: Course, view: View, at: Instant, now: Attributes) -> None:
    """Open a new run when the state differs; after its watch a done work item stays done."""
    state = view.state
    last = course.runs[-1] if course.runs else None
    if (
        last is not None
        and last.state == "done"
        and state not in ("done", "dropped", "deleted")
    ):
        reopened = state == "open" and now.reopened_at is not None
        if not reopened and view.effective_at >= last.effective_at + WATCH_MS:
            return
    if last is None or last.state != state:
        course.runs.append(Run(state, view.reasons, view.effective_at, at))
    elif last.reasons != view.reasons:
        course.runs[-1] = Run(state, view.reasons, last.effective_at, last.confirmed_at)


def _measure(
    course: Course,
    firsts: dict[str, Instant],
    view: View,
    full: bool,
    exempt: bool,
    at: Instant,
) -> None:
    """Claim, and the first completion of each gap (it teaches the team's grace).

    A gap that would be negative, such as adopted before shipped, is none.
    """
    if course.claimed_at is None:
        course.claimed_at = view.claim
    reached = (
        ("claim", view.claim, ""),
        ("shipped", view.shipping.since if full else None, "close_to_ship"),
        ("adopted", None if exempt else view.adopted_since, "ship_to_adopt"),
        ("verified", None if exempt else view.verified_since, "adopt_to_verify"),
    )
    before: str | None = None
    for level, since, stage in reached:
        if since is not None and level not in firsts:
            firsts[level] = since
            course.known[level] = at
        if before is not None and stage not in course.gaps and {before, level} <= firsts.keys():
            start, end = firsts[before], firsts[level]
            if end >= start:
                course.gaps[stage] = (start, end, course.known[level])
        before = level


# -- judging -----------------------------------------------------------------------------


def wake(draft: Draft, book: Book) -> None:
    """Judge anew, and tell whoever hears of it for the first time or hears something new."""
    sight = _sight(draft)
    said: Said = draft.get("said") or NOTHING_SAID
    if sight is None:
        _vanish(draft, said)
        return
    course, next_at = _course(sight, draft.now, book)
    now = sight.attributes[
        max(0, bisect_right([a.at for a in sight.attributes], draft.now) - 1)
    ]
    if next_at is not None:
        draft.wake(next_at)
    goals = _goals(sight, now, book)
    asks = [(STAGES[r.state], r.effective_at) for r in course.runs if r.state in STAGES]
    found = _findings(draft, course, now, goals, book)
    ids = [finding.finding_id for finding in found]
    draft.rows += found
    draft.gone += [Gone(FindingRow, (id,)) for id in said.findings if id not in ids]
    basically_done = any(f.rule == "basically_done" and f.cleared_at is None for f in found)
    _rows(draft, course, now, goals, basically_done, said)
    told = Said(
        names=_call(draft, sight, said),
        follows=_follow(draft, course, said),
        goals=goals,
        parent=_adopt_parent(draft, now, said),
        team=now.team,
        asks=asks if now.team else [],
        gaps=course.gaps,
        findings=ids,
        runs=len(course.runs),
        standing=[(r.confirmed_at, r.effective_at, r.state) for r in course.runs]
        + [(s.known_at, s.effective_at, s.value) for s in course.closed],
        children=_pass_on(draft, sight, now, said),
        links=_show_links(draft, said),
    )
    _tell_goals(draft, course, now, goals, basically_done, told, said)
    _tell_team(draft, told, said)
    draft.put_if_new("said", told)


def _vanish(draft: Draft, said: Said) -> None:
    """Every fact about it was retracted: it never was."""
    if said.runs:
        draft.gone.append(Gone(WorkItemRow, (draft.id,)))
        draft.gone += [Gone(WorkItemStateRow, (draft.id, n)) for n in range(said.runs)]
        draft.gone += [Gone(FindingRow, (id,)) for id in said.findings]
        for goal in said.goals:
            draft.send(f"goal:{goal}", Standing(draft.id, "", {}, "", False, gone=True))
        draft.gone += [Gone(LinkRow, key) for key in said.links]
        for child in said.children:
            draft.send(f"item:{child}", Inherit(draft.id, []))
        for subject in said.follows:
            draft.send(f"subject:{subject}", Follow(draft.id, False))
        if said.parent:
            draft.send(f"key:{said.parent}", Unlinked(f"child {draft.id}"))
        if said.team:
            draft.send(f"team:{said.team}", Gaps(draft.id, {}))
            draft.send(f"team:{said.team}", AskGrace(draft.id, []))
        for name in said.names:
            draft.send(f"key:{name}", Called(draft.id, (0, draft.id), gone=True))
        draft.put("said", None)


def _show_links(draft: Draft, said: Said) -> list[tuple[str, str, str]]:
    heard: dict[str, Heard] = draft.get("heard") or {}
    rows = links.rows(draft.id, (heard[origin].said for origin in sorted(heard)))
    keys = [(row.from_, row.to, row.via) for row in rows]
    draft.gone += [Gone(LinkRow, key) for key in said.links if key not in keys]
    draft.rows += rows
    return keys


def _call(draft: Draft, sight: Sight, said: Said) -> dict[str, Instant]:
    """Claim every name that people may use for it: its id and all keys it ever had.

    An earlier fact may come later, so a name is claimed again when it was ours since before.
    """
    first: dict[str, Instant] = {draft.id: sight.attributes[0].created_at}
    for attributes in sight.attributes:
        for name in attributes.names:
            first.setdefault(name, attributes.at)
    for name in said.names:
        if name not in first:
            draft.send(f"key:{name}", Called(draft.id, (0, draft.id), gone=True))
    for name, since in first.items():
        if said.names.get(name) != since:
            draft.send(f"key:{name}", Called(draft.id, (since, draft.id)))
    return first


def _follow(draft: Draft, course: Course, said: Said) -> list[str]:
    wanted = sorted(course.subjects)
    for id in wanted:
        if id not in said.follows:
            draft.send(f"subject:{id}", Follow(draft.id, True))
    for id in said.follows:
        if id not in course.subjects:
            draft.send(f"subject:{id}", Follow(draft.id, False))
    return wanted


def _adopt_parent(draft: Draft, now: Attributes, said: Said) -> str:
    if now.parent != said.parent:
        if said.parent:
            draft.send(f"key:{said.parent}", Unlinked(f"child {draft.id}"))
        if now.parent:
            draft.send(f"key:{now.parent}", Child(draft.id))
    return now.parent


def _pass_on(draft: Draft, sight: Sight, now: Attributes, said: Said) -> list[str]:
    """A parent gives its children its names, goals and subjects (semantics 5.3).

    What it has from its own parent it gives as such, so that a circle of parents gives nobody
    what only went round.
    """
    found = {
        h.said.work_item
        for h in (draft.get("heard") or {}).values()
        if isinstance(h.said, Child)
    }
    children = sorted(found - {draft.id})
    own = Ancestor(draft.id, [draft.id, *now.names], list(now.goals), list(now.subjects))
    for child in children:
        above = sight.ancestors if now.parent else []
        ids = [ancestor.work_item for ancestor in above]
        above = above[: ids.index(child)] if child in ids else above
        draft.send(f"item:{child}", Inherit(draft.id, [own, *above]))
    for child in said.children:
        if child not in children:
            draft.send(f"item:{child}", Inherit(draft.id, []))
    return children


def _tell_goals(
    draft: Draft,
    course: Course,
    now: Attributes,
    goals: list[str],
    basically_done: bool,
    told: Said,
    said: Said,
) -> None:
    runs = [Step(r.confirmed_at, r.effective_at, r.state) for r in course.runs]
    message = Standing(
        draft.id,
        course.runs[-1].state if course.runs else "",
        {"state": runs, "closed": course.closed},
        now.team,
        basically_done,
    )
    same = told.standing == said.standing and told.team == said.team
    for goal in goals:
        if not same or goal not in said.goals:
            draft.send(f"goal:{goal}", message)
    for goal in said.goals:
        if goal not in goals:
            draft.send(f"goal:{goal}", Standing(draft.id, "", {}, "", False, gone=True))


def _tell_team(draft: Draft, told: Said, said: Said) -> None:
    if said.team and said.team != told.team:
        draft.send(f"team:{said.team}", Gaps(draft.id, {}))
        draft.send(f"team:{said.team}", AskGrace(draft.id, []))
    if not told.team:
        return
    moved = said.team != told.team
    if (moved and told.gaps) or (not moved and told.gaps != said.gaps):
        draft.send(f"team:{told.team}", Gaps(draft.id, told.gaps))
    if (moved and told.asks) or (not moved and told.asks != said.asks):
        draft.send(f"team:{told.team}", AskGrace(draft.id, told.asks))


def _findings(
    draft: Draft, course: Course, now: Attributes, goals: list[str], book: Book
) -> list[FindingRow]:
    answers: dict[str, int] = draft.get("grace") or {}

    def grace(stage: str, at: Instant) -> int:
        return answers.get(f"{now.team}/{stage}/{at}", book.grace(stage).default)

    calendar = book.calendar("team", now.team)
    regressed = findings.regressed(course.runs)
    subjects = course.view.subjects if course.view else []
    launches = [at for at in map(book.launch_of, subjects) if at is not None]
    launch = max(launches, default=None)
    found = [
        *findings.basically_done(course.runs, regressed, grace, calendar, draft.now, launch),
        *regressed,
        *findings.rolled_back(course.rollbacks),
    ]
    wakes = [f.look_at for f in found if f.look_at is not None and f.look_at > draft.now]
    for at in wakes:
        draft.wake(at)
    subject = min(subjects, default="")
    return [
        finding.row("work_item", draft.id, now.team, goals, subject, draft.now)
        for finding in found
        if finding.raised_at <= draft.now
    ]


def _rows(
    draft: Draft,
    course: Course,
    now: Attributes,
    goals: list[str],
    basically_done: bool,
    said: Said,
) -> None:
    view = course.view
    if view is None or not course.runs:
        return
    last = course.runs[-1]
    full = view.shipping.value == "full"
    done_at = next((r.effective_at for r in reversed(course.runs) if r.state == "done"), None)
    draft.rows.append(
        WorkItemRow(
            work_item=draft.id,
            key=now.key,
            title=now.title,
            url=now.url,
            kind=now.kind,
            team=now.team,
            goals=goals,
            subjects=view.subjects,
            created_at=now.created_at,
            state=last.state,
            reasons=last.reasons,
            state_since=last.effective_at,
            started_at=now.started_at,
            closed_at=now.closed_since,
            shipped_at=view.shipping.since if full else None,
            adopted_at=view.adopted_since if full else None,
            verified_at=view.verified_since if full and view.adopted_since else None,
            claimed_at=course.claimed_at,
            done_at=done_at if last.state == "done" else None,
            basically_done=basically_done,
            parent=now.parent,
            exempt=now.exempt_since is not None,
        )
    )
    left = 2**62
    rows: list[WorkItemStateRow] = []
    for n in range(len(course.runs) - 1, -1, -1):
        run = course.runs[n]
        ends = None if left == 2**62 else max(left, run.effective_at)
        rows.append(
            WorkItemStateRow(
                draft.id, n, run.state, run.reasons, run.effective_at, run.confirmed_at, ends
            )
        )
        left = min(left, run.effective_at)
    draft.rows += reversed(rows)
    draft.gone += [
        Gone(WorkItemStateRow, (draft.id, n)) for n in range(len(course.runs), said.runs)
    ]
