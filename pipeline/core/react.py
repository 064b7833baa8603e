"""The one place that decides: a signal or a message comes to an entity, and this is what follows.

`route` says which entities a signal goes to; `react` lets one of them take it in; `wake` lets it
judge when its time has come. All three are pure.
"""

from typing import Any

from pipeline.core import (
    goal,
    incident,
    names,
    repository,
    shard,
    source,
    subject,
    team,
    work_item,
)
from pipeline.core.book import Book
from pipeline.core.messages import (
    Called,
    Child,
    LinkedChange,
    Message,
    NamedByDeploy,
    Promised,
    Retracted,
    Unlinked,
)
from pipeline.core.reaction import Draft, Entity, Reaction
from pipeline.core.rows import DecisionRow, Gone
from pipeline.core.signals import (
    AdoptionVerified,
    ChangeMerged,
    CommitmentMade,
    DecisionRecorded,
    Defined,
    DeployFinished,
    FlagChanged,
    GoalWithdrawn,
    IncidentOpened,
    IncidentResolved,
    Instant,
    KpiMeasured,
    LinkAsserted,
    LinkRetracted,
    Signal,
    SourceSeen,
    SubjectPinned,
    SubjectUsed,
    Tick,
    WorkItemChanged,
    WorkItemDeleted,
)

KINDS = (
    "service",
    "repo",
    "shard",
    "subject",
    "flag",
    "package",
    "key",
    "item",
    "source",
    "incident",
    "team",
    "goal",
    "log",
)
"""Kinds of entities, in the order in which messages flow between them."""

RANK = {kind: rank for rank, kind in enumerate(KINDS)}
"""Entities settle in the order in which messages flow, so that each judges once."""


PARTS: dict[str, dict[str, Any]] = {
    "service": names.SERVICE_PARTS,
    "repo": repository.PARTS,
    "shard": shard.PARTS,
    "subject": subject.PARTS,
    "flag": names.FLAG_PARTS,
    "package": names.PACKAGE_PARTS,
    "key": names.KEY_PARTS,
    "item": work_item.PARTS,
    "team": team.PARTS,
    "goal": goal.PARTS,
    "source": source.PARTS,
    "incident": incident.PARTS,
    "log": {},
}
"""Kind of entity to the types of its parts, by their key or by what stands before its first `/`."""


def route(signal: Signal) -> list[str]:
    """The entities that a signal goes to, in order."""
    match signal.data:
        case SubjectUsed(count=0):
            return []  # no use happened; that is no first use either
        case SubjectUsed(subject=id, adopter=adopter):
            return [f"shard:{id}/{names.shard_of(adopter)}"]
        case AdoptionVerified(subject=id, adopter=who):
            return [f"subject:{id}" if who is None else f"shard:{id}/{names.shard_of(who)}"]
        case WorkItemChanged(work_item=id) | WorkItemDeleted(work_item=id):
            return [f"item:{id}"]
        case ChangeMerged(repository=id):
            return [f"repo:{id}"]
        case DeployFinished(repository=None, service=id):
            return [f"service:{id}"]
        case DeployFinished(repository=id):
            return [f"repo:{id}"]
        case LinkAsserted() | LinkRetracted() as link:
            return _route_link(link)
        case SubjectPinned(package=id):
            return [f"package:{id}"]
        case FlagChanged(flag=id):
            return [f"flag:{id}"]
        case KpiMeasured(goal=id) | GoalWithdrawn(goal=id):
            return [f"goal:{id}"]
        case DecisionRecorded():
            return [f"log:{signal.source}"]
        case CommitmentMade(team=id):
            return [f"team:{id}"]
        case IncidentOpened(incident=id) | IncidentResolved(incident=id):
            return [f"incident:{id}"]
        case SourceSeen() | Defined() | Tick():
            return []


def _route_link(link: LinkAsserted | LinkRetracted) -> list[str]:
    for end in (link.from_, link.to):
        if repository.is_change(end):
            return [f"repo:{repository.repository_of(end)}"]
    return [f"key:{link.from_}"]


def react(
    ref: str, state: Entity, what: Signal | Message | None, now: Instant, book: Book
) -> Reaction:
    """Take in a signal or a message, or judge (None) because the time asked for has come."""
    draft = Draft(ref, state, now)
    kind = ref.partition(":")[0]
    if what is None:
        _wake(kind, draft, book)
    elif isinstance(what, Signal):
        _react(kind, draft, what, book)
    else:
        _hear(kind, draft, what, book)
    return draft.reaction()


def _react(kind: str, draft: Draft, signal: Signal, book: Book) -> None:
    match kind:
        case "shard":
            shard.react(draft, signal, book)
        case "item":
            work_item.react(draft, signal)
        case "repo":
            repository.react(draft, signal, book)
        case "subject":
            subject.react(draft, signal)
        case "package":
            names.react_package(draft, signal, book)
        case "flag":
            names.react_flag(draft, signal, book)
        case "service":
            names.react_service(draft, signal, book)
        case "key":
            names.react_key(draft, signal)
        case "goal":
            goal.react(draft, signal, book)
        case "team":
            team.react(draft, signal)
        case "incident":
            incident.react(draft, signal, book)
        case "log":
            _decide(draft, signal)
        case _:
            raise TypeError(f"{draft.ref} takes no signals")


def _hear(kind: str, draft: Draft, message: Any, book: Book) -> None:
    match kind:
        case "shard":
            shard.hear(draft, message, book)
        case "subject":
            subject.hear(draft, message, book)
        case "item":
            work_item.hear(draft, message, book)
        case "repo":
            repository.hear(draft, message, book)
        case "key":
            assert isinstance(
                message,
                Called | LinkedChange | NamedByDeploy | Unlinked | Child | Promised | Retracted,
            )
            names.hear_key(draft, message)
        case "package" if isinstance(message, Retracted):
            names.react_package(draft, message.signal, book, retract=True)
        case "package":
            names.redefine_package(draft, book)
        case "flag" if isinstance(message, Retracted):
            names.react_flag(draft, message.signal, book, retract=True)
        case "flag":
            names.redefine_flag(draft, book)
        case "service" if isinstance(message, Retracted):
            names.react_service(draft, message.signal, book, retract=True)
        case "service":
            names.redefine_service(draft, book)
        case "goal":
            goal.hear(draft, message, book)
        case "team":
            team.hear(draft, message, book)
        case "source":
            source.hear(draft, message)
        case "incident":
            incident.hear(draft, message, book)
        case "log":
            data = message.signal.data
            draft.gone.append(
                Gone(DecisionRow, (data.about, message.signal.at, message.signal.id))
            )
        case _:
            raise TypeError(f"{draft.ref} hears no {type(message).__name__}")


def _wake(kind: str, draft: Draft, book: Book) -> None:
    match kind:
        case "shard":
            shard.wake(draft, book)
        case "subject":
            subject.wake(draft, book)
        case "item":
            work_item.wake(draft, book)
        case "repo":
            repository.wake(draft, book)
        case "team":
            team.wake(draft, book)
        case "goal":
            goal.wake(draft, book)
        case "source":
            source.wake(draft)
        case _:
            raise TypeError(f"{draft.ref} never asked to be woken")


def _decide(draft: Draft, signal: Signal) -> None:
    data = signal.data
    assert isinstance(data, DecisionRecorded)
    draft.rows.append(
        DecisionRow(
            about=data.about,
            at=signal.at,
            id=signal.id,
            decision=data.decision,
            by=data.by,
            reason=data.reason,
            owner=data.owner or "",
            next_step=data.next_step or "",
            status=data.status or "",
            until=data.until,
        )
    )
