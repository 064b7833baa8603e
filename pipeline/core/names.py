"""Names: each remembers whom it stands for, keeps what was said to it, and passes it on.

`key:` stands for the work item that carries a key (or an id), `package:` for the subjects that
are measured by what is pinned, `flag:` for the subjects behind a feature flag. What comes before
the owner is known waits here.
"""

from bisect import insort
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, NamedTuple
from zlib import crc32

from pipeline.core import links
from pipeline.core.book import Book
from pipeline.core.messages import (
    Called,
    Child,
    Deployed,
    Evidence,
    Flag,
    Forwarded,
    Linked,
    LinkedChange,
    NamedByDeploy,
    Pins,
    Promised,
    Retracted,
    SaidBy,
    Step,
    Unlinked,
)
from pipeline.core.reaction import Draft
from pipeline.core.rows import Gone, LinkRow, NameRow
from pipeline.core.signals import (
    FlagChanged,
    Instant,
    LinkAsserted,
    LinkRetracted,
    Order,
    Signal,
    SubjectPinned,
)

SHARDS = 16
"""Shards of a subject, fixed for good: state is stored under their numbers (design.md)."""

Said = LinkedChange | NamedByDeploy | Linked | Child | Promised


class Claim(NamedTuple):
    order: tuple[Instant, str]
    work_item: str


class FlagFact(NamedTuple):
    order: Order
    value: str
    subject: str


class Passed(NamedTuple):
    """A deploy of a service, and the repository that heard of it."""

    signal: Signal
    repository: str


KEY_PARTS: dict[str, Any] = {
    "claims": list[Claim],
    "links": dict[str, Signal],
    "origins": list[str],
    "said/": Said,
    "shown": list[tuple[str, str, str, str]],
}
SERVICE_PARTS: dict[str, Any] = {"deploys": list[Passed]}
PACKAGE_PARTS: dict[str, Any] = {
    "adopters/": list[str],
    "pins/": list[tuple[Order, str | None]],
    "sources": dict[str, int],
}
FLAG_PARTS: dict[str, Any] = {"flags": list[FlagFact], "told": list[str]}


def shard_of(adopter: str) -> int:
    return crc32(adopter.encode()) % SHARDS


def partition_of(ref: str, partitions: int) -> int:
    """The partition of an entity: one rule for every topic, program and language.

    It never changes, as what is stored under it would be looked for elsewhere.
    """
    return crc32(ref.encode()) % partitions


# -- key: ----------------------------------------------------------------------------------


def react_key(draft: Draft, signal: Signal, *, retract: bool = False) -> None:
    """A link to this work item, made by hand or by a source (to a subject or a parent)."""
    id = f"link {signal.source} {signal.id}"
    facts: dict[str, Signal] = {k: v for k, v in (draft.get("links") or {}).items() if k != id}
    if not retract:
        facts[id] = signal
    draft.put("links", facts)
    for origin in [id, *facts]:
        link = facts.get(origin)
        if link is not None and isinstance(link.data, LinkAsserted):
            said = _linked(origin, link, link.data, facts.values())
            if said != draft.get(f"said/{origin}"):
                _keep(draft, origin, said)
        else:
            _drop(draft, origin)
    _show(draft)


def _linked(id: str, link: Signal, data: LinkAsserted, facts: Iterable[Signal]) -> Linked:
    """A link, until it is retracted; a retraction by hand ends every kind of evidence."""
    ends = [
        fact.at
        for fact in facts
        if isinstance(fact.data, LinkRetracted)
        and fact.data.to == data.to
        and fact.data.via in (data.via, "manual")
        and fact.at >= link.at
    ]
    until = min(ends, default=None)
    return Linked(id, data.to, data.rel, Evidence(data.via, link.at, until, data.confidence))


def hear_key(
    draft: Draft,
    message: Called | LinkedChange | NamedByDeploy | Unlinked | Child | Promised | Retracted,
) -> None:
    match message:
        case Called():
            _claim(draft, message)
        case LinkedChange():
            _keep(draft, message.change, message)
        case NamedByDeploy():
            _keep(draft, f"{message.repository}#{message.service}", message)
        case Unlinked():
            _drop(draft, message.origin)
        case Child():
            _keep(draft, f"child {message.work_item}", message)
        case Promised():
            _keep(draft, f"team {message.team}", message)
        case Retracted():
            react_key(draft, message.signal, retract=True)
    _show(draft)


class Tenure(NamedTuple):
    """From when until when a name stands for a work item (None: still)."""

    since: Instant
    until: Instant | None


def _tenures(claims: list[Claim]) -> dict[str, Tenure]:
    """Who has the name when: each from its claim on, until the next one claims it."""
    ends: list[Instant | None] = [claim.order[0] for claim in claims[1:]]
    return {
        claim.work_item: Tenure(claim.order[0], end) for claim, end in zip_longest(claims, ends)
    }


def _during(said: Said, tenure: Tenure) -> Said | None:
    """What was said under a name, as it counts for whom the name stood for in that time.

    Evidence ends with the tenure, and so does being a parent or promised.
    """
    end = tenure.until
    if end is None:
        return said
    if isinstance(said, Child | Promised):
        return said._replace(until=end)

    def until(piece: Evidence) -> Evidence:
        return piece._replace(until=end if piece.until is None else min(piece.until, end))

    if isinstance(said, Linked):
        held = until(said.evidence)
        return said._replace(evidence=held) if _holds(held, tenure) else None
    pieces = [held for held in map(until, said.evidence) if _holds(held, tenure)]
    return said._replace(evidence=pieces) if pieces else None


def _holds(piece: Evidence, tenure: Tenure) -> bool:
    return piece.until is None or max(piece.at, tenure.since) < piece.until


def _forward(draft: Draft, origin: str, said: Said, claims: list[Claim]) -> None:
    """Pass on what was said to everybody whom the name stood for at a time."""
    for work_item, tenure in _tenures(claims).items():
        message = _during(said, tenure)
        draft.send(f"item:{work_item}", Forwarded(draft.id, origin, tenure.since, message))


def _claim(draft: Draft, message: Called) -> None:
    known: list[Claim] = draft.get("claims") or []
    claims = [c for c in known if c.work_item != message.work_item]
    if not message.gone:
        insort(claims, Claim(message.order, message.work_item), key=lambda c: c.order)
    if not draft.put_if_new("claims", claims):
        return
    before, after = _tenures(known), _tenures(claims)
    origins: list[str] = draft.get("origins") or []
    for work_item in sorted(before.keys() | after.keys()):
        tenure = after.get(work_item)
        if tenure == before.get(work_item):
            continue
        for origin in origins:
            passed = None if tenure is None else _during(draft.get(f"said/{origin}"), tenure)
            since = 0 if tenure is None else tenure.since
            draft.send(f"item:{work_item}", Forwarded(draft.id, origin, since, passed))


def _keep(draft: Draft, origin: str, said: Said) -> None:
    origins: list[str] = draft.get("origins") or []
    if origin not in origins:
        origins = list(origins)
        insort(origins, origin)
        draft.put("origins", origins)
    draft.put(f"said/{origin}", said)
    _forward(draft, origin, said, draft.get("claims") or [])


def _drop(draft: Draft, origin: str) -> None:
    origins: list[str] = draft.get("origins") or []
    if origin not in origins:
        return
    draft.put("origins", [o for o in origins if o != origin])
    draft.put(f"said/{origin}", None)
    for claim in draft.get("claims") or []:
        draft.send(f"item:{claim.work_item}", Forwarded(draft.id, origin, 0, None))


def _show(draft: Draft) -> None:
    """Rows of the view `links` while nobody has this name; else its owner shows them.

    Once all that a signal changes is kept: what is shown and gone at once would stay.
    """
    rows: list[LinkRow] = []
    if not draft.get("claims"):
        said = [draft.get(f"said/{origin}") for origin in draft.get("origins") or []]
        rows = links.rows(draft.id, said, "name")
    keys = [row[:4] for row in rows]
    shown: list[tuple[str, str, str, str]] = draft.get("shown") or []
    draft.gone += [Gone(LinkRow, key) for key in shown if key not in keys]
    draft.rows += rows
    draft.put_if_new("shown", keys or None)


# -- service: ------------------------------------------------------------------------------


def react_service(draft: Draft, signal: Signal, book: Book, *, retract: bool = False) -> None:
    """A deploy that does not say of which repository: the service knows it."""
    known: list[Passed] = draft.get("deploys") or []
    same = [one for one in known if one.signal.order[1:] == signal.order[1:]]
    deploys = [one for one in known if one not in same]
    if retract:
        for one in same:
            draft.send(f"repo:{one.repository}", Retracted(one.signal))
    else:
        repository = _repository_at(draft.id, signal.at, book)
        insort(deploys, Passed(signal, repository), key=lambda one: one.signal.order)
        draft.send(f"repo:{repository}", Deployed(signal))
    draft.put("deploys", deploys)


def _repository_at(service: str, at: Instant, book: Book) -> str:
    """Where a service is built; one that nobody defines stands for itself."""
    known = book.service_at(service, at)
    return (known.repository if known is not None else "") or service


def redefine_service(draft: Draft, book: Book) -> None:
    """Deploys are told to the repository that the service had then; it may be another one now.

    It is known whose service it is if that team is defined.
    """
    known = book.service(draft.id)
    if known is not None:
        owned = book.team(known.team) is not None
        draft.rows.append(NameRow("service", draft.id, "", known=owned))
    else:
        draft.gone.append(Gone(NameRow, ("service", draft.id, "")))
    deploys: list[Passed] = []
    for signal, before in draft.get("deploys") or []:
        repository = _repository_at(draft.id, signal.at, book)
        if repository != before:
            draft.send(f"repo:{before}", Retracted(signal))
            draft.send(f"repo:{repository}", Deployed(signal))
        deploys.append(Passed(signal, repository))
    draft.put_if_new("deploys", deploys)


# -- package: ------------------------------------------------------------------------------


def react_package(draft: Draft, signal: Signal, book: Book, *, retract: bool = False) -> None:
    data = signal.data
    assert isinstance(data, SubjectPinned)
    known: list[tuple[Order, str | None]] = draft.get(f"pins/{data.adopter}") or []
    pins = [pin for pin in known if pin[0][1:] != signal.order[1:]]
    if not retract:
        insort(pins, (signal.order, data.version), key=lambda pin: pin[0])
    draft.put(f"pins/{data.adopter}", pins)
    if draft.tally("sources", signal.source, len(pins) - len(known)):
        _tell_sources(draft, book)
    bucket = f"adopters/{shard_of(data.adopter)}"
    adopters: list[str] = draft.get(bucket) or []
    if data.adopter not in adopters:
        draft.put(bucket, sorted([*adopters, data.adopter]))
    _pass_pins(draft, data.adopter, pins, book)


def _tell_sources(draft: Draft, book: Book) -> None:
    for subject in book.subjects_of_package(draft.id):
        message = SaidBy(draft.id, sorted(draft.get("sources") or {}))
        draft.send(f"subject:{subject.id}", message)


def redefine_package(draft: Draft, book: Book) -> None:
    _tell_sources(draft, book)
    for shard in range(SHARDS):
        for adopter in draft.get(f"adopters/{shard}") or []:
            _pass_pins(draft, adopter, draft.get(f"pins/{adopter}") or [], book)


def _pass_pins(
    draft: Draft, adopter: str, pins: list[tuple[Order, str | None]], book: Book
) -> None:
    log = [(order.at, version) for order, version in pins]
    for subject in book.subjects_of_package(draft.id):
        draft.send(f"shard:{subject.id}/{shard_of(adopter)}", Pins(adopter, log))


# -- flag: ---------------------------------------------------------------------------------


def react_flag(draft: Draft, signal: Signal, book: Book, *, retract: bool = False) -> None:
    data = signal.data
    assert isinstance(data, FlagChanged)
    name = data.environment.name
    if (data.environment.tier or name) not in ("production", "prod"):
        return
    rollout = 100.0 if data.rollout is None else data.rollout
    value = "none" if not data.on or rollout <= 0 else "full" if rollout >= 100 else "partial"
    facts: list[FlagFact] = [
        f for f in draft.get("flags") or [] if f.order[1:] != signal.order[1:]
    ]
    if not retract:
        insort(facts, FlagFact(signal.order, value, data.subject or ""), key=lambda f: f.order)
    draft.put("flags", facts)
    redefine_flag(draft, book)


def redefine_flag(draft: Draft, book: Book) -> None:
    facts: list[FlagFact] = draft.get("flags") or []
    steps = [Step(f.order.at, f.order.at, f.value) for f in facts]
    subjects = {s.id for s in book.subjects_of_flag(draft.id)} | {
        f.subject for f in facts if f.subject
    }
    told: list[str] = draft.get("told") or []
    for subject in sorted(subjects | set(told)):
        draft.send(f"subject:{subject}", Flag(draft.id, steps if subject in subjects else []))
    draft.put_if_new("told", sorted(subjects))
