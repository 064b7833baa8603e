"""A repository: who is told which of its changes is live where.

Facts are taken in one by one (see `changes` and `deploys`); what they touch is judged when the
repository wakes. Since when a change is live in a service is worked out in `live`.
"""

from typing import Any, NamedTuple

from pipeline.core import changes, deploys, links
from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS
from pipeline.core.live import (
    BOTTOM,
    EMPTY_TARGET,
    TOP,
    Change,
    Target,
    live_log,
    merges,
    named_log,
    retired,
    reverts_of,
)
from pipeline.core.messages import (
    Deployed,
    Evidence,
    LinkedChange,
    Live,
    NamedByDeploy,
    Redefined,
    Retracted,
    Unlinked,
)
from pipeline.core.reaction import Draft
from pipeline.core.rows import ChangeShippedRow, Gone
from pipeline.core.signals import (
    ChangeMerged,
    DeployFinished,
    Instant,
    LinkAsserted,
    LinkRetracted,
    Signal,
)


class Asserted(NamedTuple):
    """Links to a change that somebody stated: (work item name, evidence)."""

    by_signal: dict[str, tuple[str, Evidence]]
    retracted: dict[str, tuple[str, str, Instant]]
    """Signal id to (name, via, at); via `manual` ends every kind of evidence."""


class Told(NamedTuple):
    """Which work item names were told of a change, and which services its rows name."""

    names: list[str]
    services: list[str]


FAILS_WITHIN_MS = 7 * DAY_MS
"""A revert that is merged later says nothing about the deploy (semantics 12)."""

PARTS: dict[str, Any] = changes.PARTS | deploys.PARTS | {"asserted/": Asserted, "told/": Told}


def react(draft: Draft, signal: Signal, book: Book) -> None:
    """Take in a change, a deploy or a link to a change; judge what it touched when woken."""
    match signal.data:
        case ChangeMerged() as change:
            deploys.settle(draft, changes.merge(draft, signal, change), book)
        case DeployFinished() as deploy:
            deploys.take(draft, signal, deploy, book)
        case LinkAsserted() | LinkRetracted() as link:
            _link(draft, signal, link)
        case _:
            raise TypeError(f"a repository does not take {type(signal.data).__name__}")


def hear(draft: Draft, message: Redefined | Retracted | Deployed, book: Book) -> None:
    match message:
        case Retracted():
            _retract(draft, message.signal, book)
        case Deployed():
            react(draft, message.signal, book)
        case Redefined():
            for service in draft.get("services") or []:
                deploys.redeploy(draft, service, book)
            changes.touch(draft, changes=draft.get("aside") or [], ranges=[(BOTTOM, TOP)])


def _link(draft: Draft, signal: Signal, data: LinkAsserted | LinkRetracted) -> None:
    change, name = data.from_, data.to
    if not is_change(change):
        change, name = name, change
    known: Asserted = draft.get(f"asserted/{change}") or Asserted({}, {})
    id = f"{signal.source} {signal.id}"
    if isinstance(data, LinkAsserted):
        evidence = Evidence(data.via, signal.at, None, data.confidence)
        known = known._replace(by_signal={**known.by_signal, id: (name, evidence)})
    else:
        known = known._replace(retracted={**known.retracted, id: (name, data.via, signal.at)})
    draft.put(f"asserted/{change}", known)
    changes.put_aside(draft, change)
    changes.touch(draft, changes=[change])


def _retract(draft: Draft, signal: Signal, book: Book) -> None:
    """Undo what a superseded copy of a signal had said."""
    match signal.data:
        case ChangeMerged() as change:
            deploys.settle(draft, changes.retract(draft, signal, change), book)
        case DeployFinished() as deploy:
            deploys.retract(draft, signal, deploy, book)
        case LinkAsserted() | LinkRetracted() as link:
            id = link.from_ if is_change(link.from_) else link.to
            known: Asserted = draft.get(f"asserted/{id}") or Asserted({}, {})
            own = f"{signal.source} {signal.id}"
            left = Asserted(
                {k: v for k, v in known.by_signal.items() if k != own},
                {k: v for k, v in known.retracted.items() if k != own},
            )
            draft.put(f"asserted/{id}", left)
            changes.touch(draft, changes=[id])


def is_change(reference: str) -> bool:
    """Whether a reference names a change: repository!number or repository@sha."""
    return "!" in reference or ("@" in reference and "/" in reference)


def repository_of(change: str) -> str:
    return change.partition("!")[0] if "!" in change else change.rpartition("@")[0]


# -- judging -----------------------------------------------------------------------------


def wake(draft: Draft, book: Book) -> None:
    """Tell the work items and the store about every change and deploy that was touched."""
    touched = changes.touched(draft)
    projects = book.known_projects()
    for id in touched.changes:
        _tell(draft, id, book, projects)
    for service, name in touched.names:
        _tell_named(draft, service, name)


def _tell(draft: Draft, id: str, book: Book, projects: frozenset[str]) -> None:
    known = merges(draft, id)
    merged_at = known[0].order.at if known else None
    paths = known[0].paths if known else None
    asserted: Asserted | None = draft.get(f"asserted/{id}")
    # what a change must reach was decided when it was merged (for the first time)
    services = book.services_of(draft.id, merged_at)
    logs = {s.id: live_log(draft, id, s) for s in services if s.matches(paths)}
    told: Told = draft.get(f"told/{id}") or Told([], [])
    targets: list[str] = []
    if merged_at is not None:
        targets = sorted(logs)
        draft.rows += [_shipped(draft, known, service, logs[service]) for service in targets]
    for s in services:
        if s.until is not None and s.id in logs:
            logs[s.id] = retired(logs[s.id], book.organisation_zone.start(s.until))
    draft.gone += [
        Gone(ChangeShippedRow, (id, service_id))
        for service_id in told.services
        if service_id not in targets
    ]
    by_name = _evidence(known, asserted, projects)
    for name in told.names:
        if name not in by_name:
            draft.send(f"key:{name}", Unlinked(id))
    for name, evidence in by_name.items():
        draft.send(
            f"key:{name}",
            LinkedChange(
                id,
                draft.id,
                merged_at,
                evidence,
                logs,
                bool(services),
                next((m.order.at for m in known if _is_bulk(m)), None),
                not known or known[0].reverts is None,
                _undone_at(draft, id),
            ),
        )
    draft.put_if_new(f"told/{id}", Told(sorted(by_name), targets))


def _shipped(
    draft: Draft, known: list[Change], service: str, log: list[Live]
) -> ChangeShippedRow:
    """When a change reached production, by which deploy, and whether it was soon taken back."""
    id = known[0].change
    on = next((n for n, step in enumerate(log) if step.on), None)
    shipped_at = deploy = reverted_at = None
    if on is not None:
        shipped_at = log[on].effective_at
        deploy = deploys.at(draft, service, shipped_at)
        until = shipped_at + FAILS_WITHIN_MS
        if known[0].reverts is None:  # to take back a revert is to land its change again
            reverts = (at for at in _undone_at(draft, id) if shipped_at <= at <= until)
            reverted_at = next(reverts, None)
    return ChangeShippedRow(
        change=id,
        service=service,
        repository=draft.id,
        merged_at=known[0].order.at,
        shipped_at=shipped_at,
        first_commit_at=next(
            (m.first_commit_at for m in known if m.first_commit_at is not None), None
        ),
        source=known[0].order.source,
        deploy=deploy or "",
        reverted_at=reverted_at,
        removed_at=None if on is None or on + 1 == len(log) else log[on + 1].effective_at,
    )


def _is_bulk(merge: Change) -> bool:
    return len({key for key, _, _ in merge.named}) > links.MOST_KEYS


def _undone_at(draft: Draft, id: str) -> tuple[Instant, ...]:
    return tuple(sorted(m.order.at for found in reverts_of(draft, id).values() for m in found))


def _evidence(
    known: list[Change], asserted: Asserted | None, projects: frozenset[str]
) -> dict[str, list[Evidence]]:
    """Per work item name: why it belongs to the change, with retractions applied."""
    by_name: dict[str, list[Evidence]] = {}
    for merge in known:
        for key, via, in_text in merge.named:
            if not in_text or links.project_of(key) in projects:
                by_name.setdefault(key, []).append(Evidence(via, merge.order.at))
    if asserted is not None:
        for _, (name, evidence) in sorted(
            asserted.by_signal.items(), key=lambda v: (v[1][0], v[1][1].at, v[0])
        ):
            by_name.setdefault(name, []).append(evidence)
        for name, via, at in sorted(asserted.retracted.values(), key=lambda v: v[2]):
            if name not in by_name:
                continue
            by_name[name] = [
                e._replace(until=at)
                if e.until is None and e.at <= at and via in (e.via, "manual")
                else e
                for e in by_name[name]
            ]
    return by_name


def _tell_named(draft: Draft, service: str, name: str) -> None:
    target: Target = draft.get(f"target/{service}") or EMPTY_TARGET
    listed = target.named.get(name, [])
    if not listed:
        draft.send(f"key:{name}", Unlinked(f"{draft.id}#{service}"))
        return
    evidence = [Evidence("native", target.deploys[listed[0]].order.at)]
    log = named_log(target, name)
    draft.send(f"key:{name}", NamedByDeploy(service, draft.id, evidence, log))
