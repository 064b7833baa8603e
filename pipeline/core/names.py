"""Names: each remembers whom it stands for, keeps what was said to it, and passes it on.

`key:` stands for the work item that carries a key (or an id), `package:` for the subjects that
are measured by what is pinned, `flag:` for the subjects behind a feature flag. What comes before
the owner is known waits here.
"""

from bisect import insort
from typing import NamedTuple
from zlib import crc32

from pipeline.core import links
from pipeline.core.book import Book
from pipeline.core.messages import (
    Called,
    Child,
    Evidence,
    Flag,
    Forwarded,
    Linked,
    LinkedChange,
    NamedByDeploy,
    Pins,
    Retracted,
    Step,
    Unlinked,
)
from pipeline.core.reaction import Draft
from pipeline.core.rows import Gone, LinkRow
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

Said = LinkedChange | NamedByDeploy | Linked | Child


class Claim(NamedTuple):
    order: tuple[Instant, str]
    work_item: str


class FlagFact(NamedTuple):
    order: Order
    value: str
    subject: str


def shard_of(adopter: str) -> int:
    return crc32(adopter.encode()) % SHARDS


# -- key: ----------------------------------------------------------------------------------


def react_key(draft: Draft, signal: Signal) -> None:
    """A link to this work item, made by hand or by a source (to a subject or a parent)."""
    data = signal.data
    if isinstance(data, LinkAsserted):
        evidence = Evidence(data.via, signal.at, None, data.confidence)
        other = data.to if draft.id == data.from_ else data.from_
        said = Linked(signal.id, other, data.rel, evidence)
        _keep(draft, f"link {signal.id}", said)
    elif isinstance(data, LinkRetracted):
        for origin in draft.get("origins") or []:
            said = draft.get(f"said/{origin}")
            if isinstance(said, Linked) and said.to in (data.from_, data.to):
                ended = Evidence(
                    said.evidence.via, said.evidence.at, signal.at, said.evidence.confidence
                )
                _keep(draft, origin, Linked(said.id, said.to, said.rel, ended))


def hear_key(
    draft: Draft, message: Called | LinkedChange | NamedByDeploy | Unlinked | Child | Retracted
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
        case Retracted():
            _drop(draft, f"link {message.signal.id}")


def _owner(draft: Draft) -> Claim | None:
    """Of those that claim a name the latest one has it."""
    claims: list[Claim] = draft.get("claims") or []
    return max(claims, key=lambda c: c.order) if claims else None


def _claim(draft: Draft, message: Called) -> None:
    before = _owner(draft)
    claims = [c for c in draft.get("claims") or [] if c.work_item != message.work_item]
    if not message.gone:
        claims.append(Claim(message.order, message.work_item))
    if not draft.put_if_new("claims", sorted(claims, key=lambda c: c.order)):
        return
    after = _owner(draft)
    if after == before:
        return
    for origin in draft.get("origins") or []:
        said: Said = draft.get(f"said/{origin}")
        if before is not None and (after is None or after.work_item != before.work_item):
            draft.send(f"item:{before.work_item}", Forwarded(draft.id, origin, 0, None))
        if after is not None:
            draft.send(
                f"item:{after.work_item}", Forwarded(draft.id, origin, after.order[0], said)
            )
        _show(draft, origin, said, after)


def _keep(draft: Draft, origin: str, said: Said) -> None:
    origins: list[str] = draft.get("origins") or []
    if origin not in origins:
        origins = list(origins)
        insort(origins, origin)
        draft.put("origins", origins)
    draft.put(f"said/{origin}", said)
    owner = _owner(draft)
    if owner is not None:
        draft.send(f"item:{owner.work_item}", Forwarded(draft.id, origin, owner.order[0], said))
    _show(draft, origin, said, owner)


def _drop(draft: Draft, origin: str) -> None:
    origins: list[str] = draft.get("origins") or []
    if origin not in origins:
        return
    draft.put("origins", [o for o in origins if o != origin])
    draft.put(f"said/{origin}", None)
    owner = _owner(draft)
    if owner is not None:
        draft.send(f"item:{owner.work_item}", Forwarded(draft.id, origin, 0, None))
    _show(draft, origin, None, owner)


def _show(draft: Draft, origin: str, said: Said | None, owner: Claim | None) -> None:
    """Keep the rows of the view `links` in step with what was said."""
    rows: list[LinkRow] = []
    to = owner.work_item if owner is not None else draft.id
    if isinstance(said, LinkedChange | NamedByDeploy):
        bulk = isinstance(said, LinkedChange) and said.bulk
        origin_id = said.change if isinstance(said, LinkedChange) else said.service
        for piece in said.evidence:
            if piece.until is None:
                sure = links.confidence(
                    said.evidence, max(e.at for e in said.evidence), bulk=bulk
                )
                rows.append(
                    LinkRow(
                        origin_id,
                        to,
                        piece.via,
                        "implements",
                        sure,
                        piece.at,
                        links.drives(sure),
                    )
                )
    elif isinstance(said, Linked) and said.evidence.until is None:
        c = links.confidence([said.evidence], said.evidence.at)
        rows.append(
            LinkRow(
                to, said.to, said.evidence.via, said.rel, c, said.evidence.at, links.drives(c)
            )
        )
    shown = draft.get(f"linkrows/{origin}") or []
    keys = [(row.from_, row.to, row.via) for row in rows]
    draft.gone += [Gone(LinkRow, tuple(key)) for key in shown if tuple(key) not in keys]
    draft.rows += rows
    draft.put_if_new(f"linkrows/{origin}", keys or None)


# -- package: ------------------------------------------------------------------------------


def react_package(draft: Draft, signal: Signal, book: Book, *, retract: bool = False) -> None:
    data = signal.data
    assert isinstance(data, SubjectPinned)
    known: list[tuple[Order, str | None]] = draft.get(f"pins/{data.adopter}") or []
    pins = [pin for pin in known if pin[0][1:] != signal.order[1:]]
    if not retract:
        insort(pins, (signal.order, data.version), key=lambda pin: pin[0])
    draft.put(f"pins/{data.adopter}", pins)
    bucket = f"adopters/{shard_of(data.adopter)}"
    adopters: list[str] = draft.get(bucket) or []
    if data.adopter not in adopters:
        draft.put(bucket, sorted([*adopters, data.adopter]))
    _pass_pins(draft, data.adopter, pins, book)


def redefine_package(draft: Draft, book: Book) -> None:
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
    for subject in sorted(subjects):
        draft.send(f"subject:{subject}", Flag(draft.id, steps))
