"""A repository: its changes, its deploys and links, and who is told which change is live where.

Facts are taken in one by one; what they touch is judged when the repository wakes. Where a
service stands and since when a change is live in it is worked out in `live`.
"""

from bisect import bisect_left, bisect_right, insort
from typing import Any, NamedTuple

from pipeline.core import links
from pipeline.core.book import Book
from pipeline.core.definition import Service
from pipeline.core.live import (
    BOTTOM,
    EMPTY_TARGET,
    TOP,
    Change,
    Deploy,
    Position,
    Target,
    called,
    live_log,
    merges,
    named_log,
    place,
    retired,
    reverts_of,
)
from pipeline.core.messages import (
    Deployed,
    Evidence,
    LinkedChange,
    NamedByDeploy,
    Redefined,
    Released,
    Retracted,
    Unlinked,
)
from pipeline.core.reaction import Draft
from pipeline.core.rows import ChangeShippedRow, DeployRow, Gone
from pipeline.core.signals import (
    ChangeMerged,
    DeployFinished,
    Instant,
    LinkAsserted,
    LinkRetracted,
    Order,
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


class Todo(NamedTuple):
    """What has to be judged again: single changes, and all changes within ranges."""

    changes: list[str]
    ranges: list[tuple[Position, Position]]
    names: list[tuple[str, str]]
    """(service, work item name) that deploys list."""


PARTS: dict[str, Any] = {
    "aside": list[str],
    "asserted/": Asserted,
    "awaits/": list[str],
    "beside/": list[str],
    "carried/": list[str],
    "change/": list[Change],
    "deploy/": list[Signal],
    "facts/": list[Change],
    "index/": list[Position],
    "library/": bool,
    "months": list[int],
    "reverted/": list[str],
    "reverts_shas": bool,
    "services": list[str],
    "sha/": list[tuple[Order, str]],
    "target/": Target,
    "todo": Todo,
    "told/": Told,
}


def _month(at: Instant) -> int:
    return at // (30 * 86_400_000)


def react(draft: Draft, signal: Signal, book: Book) -> None:
    """Take in a change, a deploy or a link to a change; judge what it touched when woken."""
    match signal.data:
        case ChangeMerged():
            _merge(draft, signal, signal.data)
        case DeployFinished():
            _deploy(draft, signal, signal.data, book)
        case LinkAsserted() | LinkRetracted():
            _link(draft, signal, signal.data)
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
                _redeploy(draft, service, book)
            _touch(draft, changes=draft.get("aside") or [], ranges=[(BOTTOM, TOP)])


# -- taking facts in ---------------------------------------------------------------------


def _touch(
    draft: Draft,
    *,
    changes: list[str] | None = None,
    ranges: list[tuple[Position, Position]] | None = None,
    names: list[tuple[str, str]] | None = None,
) -> None:
    todo: Todo = draft.get("todo") or Todo([], [], [])
    draft.put(
        "todo",
        Todo(
            todo.changes + (changes or []),
            todo.ranges + (ranges or []),
            todo.names + (names or []),
        ),
    )
    draft.wake()


def _merge(draft: Draft, signal: Signal, data: ChangeMerged) -> None:
    given = data.work_items is not None
    change = Change(
        signal.order,
        data.change,
        data.shas,
        data.default_branch is not False,
        data.paths,
        data.reverts,
        data.first_commit_at,
        [(key, via, not given) for key, via in links.named(data)],
    )
    facts = [f for f in _facts(draft, change.change) if f.order[1:] != change.order[1:]]
    insort(facts, change, key=lambda f: f.order)
    _hold(draft, change.change, facts)


def _facts(draft: Draft, id: str) -> list[Change]:
    """All that is said about a change; a part of its own where that is more than what holds."""
    return draft.get(f"facts/{id}") or merges(draft, id)


def _hold(draft: Draft, id: str, facts: list[Change]) -> None:
    """Of what is said about one merge (by its time) the newest holds; put it into every index."""
    known = merges(draft, id)
    now = list({fact.order.at: fact for fact in facts}.values())
    draft.put_if_new(f"facts/{id}", facts if facts != now else None)
    if now == known:
        return
    _touch(draft, changes=_undone_by(draft, id))
    for merge in known:
        _forget(draft, merge)
    draft.put(f"change/{id}", now or None)
    for merge in now:
        _remember(draft, merge)
    _settle_shas(draft, list(dict.fromkeys(sha for m in (*known, *now) for sha in m.shas)))
    _touch(draft, changes=[id])


def _remember(draft: Draft, change: Change) -> None:
    for sha in change.shas:
        listed = draft.get(f"sha/{sha}") or []
        draft.put(f"sha/{sha}", sorted([*listed, (change.order, change.change)]))
    if not change.on_default:
        _put_aside(draft, change.change)
    else:
        month = _month(change.order.at)
        index = list(draft.get(f"index/{month}") or [])
        insort(index, change.position)
        draft.put(f"index/{month}", index)
        months = draft.get("months") or []
        if month not in months:
            draft.put("months", sorted([*months, month]))
    if change.reverts:
        by = draft.get(f"reverted/{change.reverts}") or []
        draft.put(f"reverted/{change.reverts}", sorted({*by, change.change}))
        if "@" in change.reverts:
            draft.put_if_new("reverts_shas", value=True)


def _put_aside(draft: Draft, id: str) -> None:
    """Remember a change that has no place on the default branch, to judge it again."""
    aside: list[str] = draft.get("aside") or []
    if id not in aside:
        draft.put("aside", sorted([*aside, id]))


def _settle_shas(draft: Draft, shas: list[str]) -> None:
    """Deploys of a sha that was unknown until now stand where its change is."""
    for sha in shas:
        for service in draft.get(f"awaits/{sha}") or []:
            target: Target = draft.get(f"target/{service}") or EMPTY_TARGET
            _replace_target(
                draft, service, target.deploys, bool(draft.get(f"library/{service}"))
            )


def _forget(draft: Draft, change: Change) -> None:
    """Take a merge of a change out of every index, before another fact replaces it."""
    for sha in change.shas:
        listed = [own for own in draft.get(f"sha/{sha}") or [] if own[0] != change.order]
        draft.put(f"sha/{sha}", listed or None)
    if change.on_default:
        month = _month(change.order.at)
        index = [p for p in draft.get(f"index/{month}") or [] if p != change.position]
        draft.put(f"index/{month}", index)
    if change.reverts:
        by = [b for b in draft.get(f"reverted/{change.reverts}") or [] if b != change.change]
        draft.put(f"reverted/{change.reverts}", by or None)


def _deploy(draft: Draft, signal: Signal, data: DeployFinished, book: Book) -> None:
    known: list[Signal] = draft.get(f"deploy/{data.deploy}") or []
    facts = [f for f in known if f.order[1:] != signal.order[1:]]
    insort(facts, signal, key=lambda f: f.order)
    draft.put(f"deploy/{data.deploy}", facts)
    if facts[-1] is signal:
        if known:
            _take_out(draft, known[-1], book)
        _put_in(draft, signal, book)


def _put_in(draft: Draft, signal: Signal, book: Book) -> None:
    """Show a deploy; a successful one to production has a place in its target."""
    data = signal.data
    assert isinstance(data, DeployFinished)
    services = draft.get("services") or []
    if data.service not in services:
        draft.put("services", sorted([*services, data.service]))
    service = book.service(data.service)
    draft.put_if_new(f"library/{data.service}", bool(service and service.library))
    deploy = _show(draft, signal, service)
    if deploy is None:
        beside: list[str] = draft.get(f"beside/{data.service}") or []
        draft.put(f"beside/{data.service}", sorted({*beside, data.deploy}))
        return
    target: Target = draft.get(f"target/{data.service}") or EMPTY_TARGET
    deploys = list(target.deploys)
    insort(deploys, deploy, key=lambda d: d.order)
    _place(draft, data.service, deploys, service)


def _take_out(draft: Draft, signal: Signal, book: Book) -> None:
    data = signal.data
    assert isinstance(data, DeployFinished)
    target: Target = draft.get(f"target/{data.service}") or EMPTY_TARGET
    deploys = [d for d in target.deploys if d.deploy != data.deploy]
    if len(deploys) != len(target.deploys):
        _place(draft, data.service, deploys, book.service(data.service))
    else:
        beside = [d for d in draft.get(f"beside/{data.service}") or [] if d != data.deploy]
        draft.put(f"beside/{data.service}", beside or None)


def _redeploy(draft: Draft, service: str, book: Book) -> None:
    """The service is another one now: judge all of its deploys by that."""
    target: Target = draft.get(f"target/{service}") or EMPTY_TARGET
    definition = book.service(service)
    deploys: list[Deploy] = []
    beside: list[str] = []
    for id in [*(d.deploy for d in target.deploys), *(draft.get(f"beside/{service}") or [])]:
        deploy = _show(draft, draft.get(f"deploy/{id}")[-1], definition)
        if deploy is None:
            beside.append(id)
        else:
            deploys.append(deploy)
    draft.put_if_new(f"beside/{service}", sorted(beside) or None)
    draft.put_if_new(f"library/{service}", bool(definition and definition.library))
    draft.put(f"target/{service}", EMPTY_TARGET)
    gone = set(target.named)
    _place(draft, service, sorted(deploys, key=lambda d: d.order), definition)
    _touch(draft, changes=list(target.explicit), names=[(service, n) for n in sorted(gone)])


def _show(draft: Draft, signal: Signal, service: Service | None) -> Deploy | None:
    """The row of a deploy, and the deploy itself where it moved production."""
    data = signal.data
    assert isinstance(data, DeployFinished)
    tier = _tier(service, data)
    draft.rows.append(_deploy_row(signal, data, service, tier))
    if data.outcome != "success" or tier != "production" or data.kind == "config":
        return None
    if data.sha:
        awaits = draft.get(f"awaits/{data.sha}") or []
        if data.service not in awaits:
            draft.put(f"awaits/{data.sha}", sorted([*awaits, data.service]))
    return Deploy(
        signal.order,
        data.deploy,
        data.kind,
        data.sha,
        data.version,
        data.changes or [],
        data.work_items or [],
    )


def _place(draft: Draft, id: str, deploys: list[Deploy], service: Service | None) -> None:
    """Put the deploys of a target in place, and tell the subjects that it carries."""
    _replace_target(draft, id, deploys, bool(draft.get(f"library/{id}")))
    log = [(d.order.at, d.version or "") for d in deploys if d.kind == "deploy"]
    subjects = list(service.subjects) if service else []
    for subject in subjects:
        draft.send(f"subject:{subject}", Released(draft.id, id, log[:_MOST_RELEASES]))
    for subject in draft.get(f"carried/{id}") or []:
        if subject not in subjects:
            draft.send(f"subject:{subject}", Released(draft.id, id, []))
    draft.put_if_new(f"carried/{id}", subjects or None)


_MOST_RELEASES = 400
"""A subject only wants the first deploy that carries it; the earliest ones are enough."""


def _tier(service: Service | None, data: DeployFinished) -> str:
    if service is not None:
        return service.tier(data.environment.name, data.environment.tier)
    name = data.environment.name
    return data.environment.tier or ("production" if name in ("production", "prod") else name)


def _deploy_row(
    signal: Signal, data: DeployFinished, service: Service | None, tier: str
) -> DeployRow:
    return DeployRow(
        deploy=data.deploy,
        service=data.service,
        environment=data.environment.name,
        tier=tier,
        sha=data.sha or "",
        version=data.version or "",
        outcome=data.outcome,
        kind=data.kind,
        finished_at=signal.at,
        changes=sorted(data.changes or []),
        work_items=sorted(data.work_items or []),
        team=service.team if service else "",
        changeset_unknown=False,
        cause=data.cause or "",
    )


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
    _put_aside(draft, change)
    _touch(draft, changes=[change])


def _retract(draft: Draft, signal: Signal, book: Book) -> None:
    """Undo what a superseded copy of a signal had said."""
    data = signal.data
    if isinstance(data, ChangeMerged):
        left = [f for f in _facts(draft, data.change) if f.order != signal.order]
        _hold(draft, data.change, left)
    elif isinstance(data, DeployFinished):
        said: list[Signal] = draft.get(f"deploy/{data.deploy}") or []
        others = [f for f in said if f.order != signal.order]
        if others == said:
            return
        draft.put(f"deploy/{data.deploy}", others or None)
        if said[-1].order == signal.order:
            _take_out(draft, said[-1], book)
            if others:
                _put_in(draft, others[-1], book)
            else:
                draft.gone.append(Gone(DeployRow, (data.deploy,)))
    elif isinstance(data, LinkAsserted | LinkRetracted):
        change = data.from_ if is_change(data.from_) else data.to
        asserted: Asserted = draft.get(f"asserted/{change}") or Asserted({}, {})
        id = f"{signal.source} {signal.id}"
        draft.put(
            f"asserted/{change}",
            Asserted(
                {k: v for k, v in asserted.by_signal.items() if k != id},
                {k: v for k, v in asserted.retracted.items() if k != id},
            ),
        )
        _touch(draft, changes=[change])


def is_change(reference: str) -> bool:
    """Whether a reference names a change: repository!number or repository@sha."""
    return "!" in reference or ("@" in reference and "/" in reference)


def repository_of(change: str) -> str:
    return change.partition("!")[0] if "!" in change else change.rpartition("@")[0]


# -- where targets stand ----------------------------------------------------------------


def _replace_target(draft: Draft, service: str, deploys: list[Deploy], library: bool) -> None:
    """Put the deploys of a target in place and mark every change whose liveness may differ."""
    old: Target = draft.get(f"target/{service}") or EMPTY_TARGET
    if len(deploys) == len(old.deploys) + 1 and deploys[:-1] == old.deploys and not old.undone:
        new = place(draft, deploys, library, old)
    else:
        new = place(draft, deploys, library, None)
    draft.put(f"target/{service}", new)
    low, high = TOP, BOTTOM
    before, after = [BOTTOM, *old.positions], [BOTTOM, *new.positions]
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    for stands in (before[same - 1 :], after[same - 1 :]):
        low, high = min([low, *stands]), max([high, *stands])
    changed = {
        *(set(new.explicit) ^ set(old.explicit)),
        *(c for c in new.explicit if new.explicit[c] != old.explicit.get(c)),
    }
    if new.undone != old.undone:
        changed |= set(new.explicit)
    names = (
        {*new.named, *old.named}
        if new.undone != old.undone
        else {n for n in {*new.named, *old.named} if new.named.get(n) != old.named.get(n)}
    )
    _touch(
        draft,
        changes=sorted(changed),
        ranges=[(low, high)] if low < high else [],
        names=[(service, name) for name in sorted(names)],
    )


# -- judging -----------------------------------------------------------------------------


def wake(draft: Draft, book: Book) -> None:
    """Tell the work items and the store about every change and deploy that was touched."""
    todo: Todo | None = draft.get("todo")
    if todo is None:
        return
    draft.put("todo", None)
    changes = dict.fromkeys(todo.changes)
    for low, high in _merged(todo.ranges):
        changes.update(dict.fromkeys(_between(draft, low, high)))
    projects = book.known_projects()
    for id in list(changes):
        changes.update(dict.fromkeys(_undone_by(draft, id)))
    for id in changes:
        _tell(draft, id, book, projects)
    for service_id, name in dict.fromkeys(todo.names):
        _tell_named(draft, service_id, name)


def _undone_by(draft: Draft, id: str) -> list[str]:
    """The change that a change reverts, the one that this one reverted, and so on."""
    found: dict[str, None] = {}
    left = [id]
    while left:
        for merge in merges(draft, left.pop()):
            for other in called(draft, merge.reverts) if merge.reverts else ():
                if other not in found:
                    found[other] = None
                    left.append(other)
    return list(found)


def _merged(ranges: list[tuple[Position, Position]]) -> list[tuple[Position, Position]]:
    merged: list[tuple[Position, Position]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _between(draft: Draft, low: Position, high: Position) -> list[str]:
    """Changes above `low`, up to and with `high`."""
    found: list[str] = []
    months = draft.get("months") or []
    first = bisect_left(months, _month(low[0]))
    last = bisect_right(months, _month(high[0]))
    for month in months[first:last]:
        index = draft.get(f"index/{month}") or []
        found += [p[-1] for p in index[bisect_right(index, low) : bisect_right(index, high)]]
    return found


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
        began = next((m.first_commit_at for m in known if m.first_commit_at is not None), None)
        for service in targets:
            first = next((s.effective_at for s in logs[service] if s.on), None)
            draft.rows.append(ChangeShippedRow(id, service, draft.id, merged_at, first, began))
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
