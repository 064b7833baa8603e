"""The deploys of a repository: what is said about each, and what it moves in production.

A successful deploy to production has a place in its target, the others stand beside it. Each is
judged by the version of its service that was in force when it happened.
"""

from bisect import bisect_left, insort
from typing import Any

from pipeline.core.book import Book
from pipeline.core.changes import touch
from pipeline.core.definition import Service
from pipeline.core.live import BOTTOM, EMPTY_TARGET, Deploy, Target, merge_of, place
from pipeline.core.messages import Released
from pipeline.core.reaction import Draft
from pipeline.core.rows import DeployRow, Gone
from pipeline.core.signals import DeployFinished, Instant, Order, Signal

PARTS: dict[str, Any] = {
    "awaits/": list[tuple[str, str]],
    "beside/": list[str],
    "carried/": list[str],
    "deploy/": list[Signal],
    "services": list[str],
    "target/": Target,
}


def take(draft: Draft, signal: Signal, data: DeployFinished, book: Book) -> None:
    """Of what is said about a deploy the newest holds."""
    known: list[Signal] = draft.get(f"deploy/{data.deploy}") or []
    facts = [f for f in known if f.order[1:] != signal.order[1:]]
    insort(facts, signal, key=lambda f: f.order)
    draft.put(f"deploy/{data.deploy}", facts)
    if facts[-1] is signal:
        if known:
            _take_out(draft, known[-1], book)
        _put_in(draft, signal, book)


def retract(draft: Draft, signal: Signal, data: DeployFinished, book: Book) -> None:
    """Undo what a superseded copy had said."""
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
            draft.gone.append(Gone(DeployRow, (data.deploy, draft.id)))


def _put_in(draft: Draft, signal: Signal, book: Book) -> None:
    """Show a deploy; a successful one to production has a place in its target."""
    data = signal.data
    assert isinstance(data, DeployFinished)
    services = draft.get("services") or []
    if data.service not in services:
        draft.put("services", sorted([*services, data.service]))
    deploy = _show(draft, signal, book)
    if deploy is None:
        beside: list[str] = draft.get(f"beside/{data.service}") or []
        draft.put(f"beside/{data.service}", sorted({*beside, data.deploy}))
        return
    target: Target = draft.get(f"target/{data.service}") or EMPTY_TARGET
    deploys = list(target.deploys)
    insort(deploys, deploy, key=lambda d: d.order)
    _place(draft, data.service, deploys, book)


def _take_out(draft: Draft, signal: Signal, book: Book) -> None:
    data = signal.data
    assert isinstance(data, DeployFinished)
    target: Target = draft.get(f"target/{data.service}") or EMPTY_TARGET
    deploys = [d for d in target.deploys if d.deploy != data.deploy]
    if len(deploys) != len(target.deploys):
        _place(draft, data.service, deploys, book)
    else:
        beside = [d for d in draft.get(f"beside/{data.service}") or [] if d != data.deploy]
        draft.put(f"beside/{data.service}", beside or None)


def redeploy(draft: Draft, service: str, book: Book) -> None:
    """The versions of the service are others now: judge all of its deploys by them."""
    target: Target = draft.get(f"target/{service}") or EMPTY_TARGET
    deploys: list[Deploy] = []
    beside: list[str] = []
    draft.put(f"target/{service}", EMPTY_TARGET)
    for id in [*(d.deploy for d in target.deploys), *(draft.get(f"beside/{service}") or [])]:
        deploy = _show(draft, draft.get(f"deploy/{id}")[-1], book)
        if deploy is None:
            beside.append(id)
        else:
            deploys.append(deploy)
    draft.put_if_new(f"beside/{service}", sorted(beside) or None)
    gone = set(target.named)
    _place(draft, service, sorted(deploys, key=lambda d: d.order), book)
    touch(draft, changes=list(target.explicit), names=[(service, n) for n in sorted(gone)])


def _show(
    draft: Draft, signal: Signal, book: Book, rolled_back_at: Instant | None = None
) -> Deploy | None:
    """The row of a deploy, and the deploy itself where it moved production."""
    data = signal.data
    assert isinstance(data, DeployFinished)
    service = book.service_at(data.service, signal.at)
    tier = _tier(service, data)
    unknown = bool(data.sha) and merge_of(draft, data.sha or "", signal.at) is None
    calendar = book.calendar("team", service.team if service else "")
    day = calendar.zone.day(signal.at)
    sunday = day + 6 - (day + 3) % 7
    draft.rows.append(
        DeployRow(
            deploy=data.deploy,
            repository=draft.id,
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
            changeset_unknown=unknown,
            cause=data.cause or "",
            source=signal.source,
            week=sunday - 6,
            working_days=[
                calendar.count(end - 27, end) for end in range(sunday, sunday + 28, 7)
            ],
            rolled_back_at=rolled_back_at,
            day=day,
            working_days_90=[
                calendar.count(end - 89, end) for end in range(sunday, sunday + 91, 7)
            ],
        )
    )
    if data.sha:
        awaits: list[tuple[str, str]] = draft.get(f"awaits/{data.sha}") or []
        one = (data.service, data.deploy)
        if one not in awaits:
            draft.put(f"awaits/{data.sha}", sorted([*awaits, one]))
    if data.outcome != "success" or tier != "production" or data.kind == "config":
        return None
    return Deploy(
        signal.order,
        data.deploy,
        data.kind,
        data.sha,
        data.version,
        data.changes or [],
        data.work_items or [],
        service is not None and service.library,
        list(service.subjects) if service else [],
    )


def _place(draft: Draft, id: str, deploys: list[Deploy], book: Book) -> None:
    """Put the deploys of a target in place, and tell the subjects that they carry."""
    _replace_target(draft, id, deploys, book)
    carried: dict[str, list[tuple[Instant, str]]] = {}
    for deploy in deploys:
        for subject in deploy.subjects if deploy.kind == "deploy" else ():
            log = carried.setdefault(subject, [])
            if len(log) < _MOST_RELEASES:
                log.append((deploy.order.at, deploy.version or ""))
    for subject in {*carried, *(draft.get(f"carried/{id}") or ())}:
        draft.send(f"subject:{subject}", Released(draft.id, id, carried.get(subject, [])))
    draft.put_if_new(f"carried/{id}", sorted(carried) or None)


_MOST_RELEASES = 400
"""A subject only wants the first deploy that carries it; the earliest ones are enough."""


def _tier(service: Service | None, data: DeployFinished) -> str:
    if service is not None:
        return service.tier(data.environment.name, data.environment.tier)
    name = data.environment.name
    return data.environment.tier or ("production" if name in ("production", "prod") else name)


def at(draft: Draft, service: str, instant: Instant) -> str | None:
    """The deploy that moved production of a service at an instant."""
    target: Target = draft.get(f"target/{service}") or EMPTY_TARGET
    n = bisect_left(target.deploys, instant, key=lambda d: d.order.at)
    found = n < len(target.deploys) and target.deploys[n].order.at == instant
    return target.deploys[n].deploy if found else None


def settle(draft: Draft, shas: list[str], book: Book) -> None:
    """Deploys of a sha that was unknown until now stand where its change is."""
    awaits: dict[tuple[str, str], None] = {}
    for sha in shas:
        awaits.update(dict.fromkeys(draft.get(f"awaits/{sha}") or ()))
    back: dict[str, Instant] = {}
    for service in dict.fromkeys(service for service, _ in awaits):
        target: Target = draft.get(f"target/{service}") or EMPTY_TARGET
        back |= _rolled_back(_replace_target(draft, service, target.deploys, book))
    for _, id in awaits:
        facts: list[Signal] = draft.get(f"deploy/{id}") or []
        if facts:
            _show(draft, facts[-1], book, back.get(id))


def _rolled_back(target: Target) -> dict[str, Instant]:
    """When a rollback took back the deploy that it found in production.

    What it took back below that one had been replaced before, and may have been sound.
    """
    found = {rollback: i for i, rollback in sorted(target.undone.items())}
    return {
        target.deploys[i].deploy: target.deploys[rollback].order.at
        for rollback, i in found.items()
    }


def _took_back(target: Target) -> list[tuple[Order, Order]]:
    """The deploys that were taken back and the rollbacks that did, whatever their places are."""
    deploys = target.deploys
    return [(deploys[i].order, deploys[by].order) for i, by in target.undone.items()]


def _replace_target(draft: Draft, service: str, deploys: list[Deploy], book: Book) -> Target:
    """Put the deploys of a target in place and mark every change whose liveness may differ."""
    old: Target = draft.get(f"target/{service}") or EMPTY_TARGET
    # one more deploy is the rule: where those before it stand is known
    more = len(deploys) == len(old.deploys) + 1 and deploys[:-1] == old.deploys
    known = old if more and not old.undone else None
    new = place(draft, deploys, known)
    draft.put(f"target/{service}", new)
    same = 0 if known is None else len(old.deploys)
    while (
        same < min(len(old.deploys), len(deploys))
        and old.deploys[same] == deploys[same]
        and old.positions[same] == new.positions[same]
    ):
        same += 1
    base = new.positions[same - 1] if same else BOTTOM
    stands = [base, *old.positions[same:], *new.positions[same:]]
    low, high = min(stands), max(stands)
    changed = {
        *(set(new.explicit) ^ set(old.explicit)),
        *(c for c in new.explicit if new.explicit[c] != old.explicit.get(c)),
    }
    took_back = _took_back(new) != _took_back(old)
    if took_back:
        changed |= set(new.explicit)
    names = (
        {*new.named, *old.named}
        if took_back
        else {n for n in {*new.named, *old.named} if new.named.get(n) != old.named.get(n)}
    )
    touch(
        draft,
        changes=sorted(changed),
        ranges=[(low, high)] if low < high else [],
        names=[(service, name) for name in sorted(names)],
    )
    if took_back:
        then, now = _rolled_back(old), _rolled_back(new)
        for deploy in deploys:
            if then.get(deploy.deploy) != now.get(deploy.deploy):
                said: list[Signal] = draft.get(f"deploy/{deploy.deploy}")
                _show(draft, said[-1], book, now.get(deploy.deploy))
    return new
