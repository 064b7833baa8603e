"""What the tracker says about a work item: its attributes, and its facet open or closed.

Facts are folded in the order of semantics 3.3. What was known at an instant rests on the facts
that had happened by then, so a fact that comes late in the order changes nothing before it.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pipeline.core.signals import Instant, Order, Signal, WorkItemChanged, WorkItemDeleted

Value = bool | str | tuple[str, ...] | dict[str, bool]
"""What a field may be set to."""


class TrackerFact(NamedTuple):
    """What one signal said: the fields that it set, by name; None: it was deleted."""

    order: Order
    said: dict[str, Value] | None

    @classmethod
    def of(cls, signal: Signal) -> "TrackerFact":
        data = signal.data
        if isinstance(data, WorkItemDeleted):
            return cls(signal.order, None)
        assert isinstance(data, WorkItemChanged)
        said: dict[str, Any] = {}
        for name in _PLAIN:
            value = getattr(data, name)
            if value is not None:
                said[name] = value
        for name in _LISTS:
            value = getattr(data, name)
            if value is not None:
                said[name] = tuple(value)
        if data.period is not None:
            said["period"] = (data.period.name, data.period.starts_on, data.period.ends_on)
        for name in data.cleared or ():
            if name in _EMPTY:
                said[name] = _EMPTY[name]
        if data.ready is not None:
            said["ready"] = data.ready
        if data.status is not None:
            said["status"] = data.status.category
        return cls(signal.order, said)


class Attributes(NamedTuple):
    """A work item as the tracker had it at `at`; `*_since` are the instants of the last change."""

    at: Instant
    created_at: Instant
    key: str = ""
    names: tuple[str, ...] = ()
    title: str = ""
    url: str = ""
    kind: str = "other"
    team: str = ""
    parent: str = ""
    goals: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    code: bool = True
    blocked: bool = False
    ready_since: dict[str, Instant] = {}  # noqa: RUF012 - never changed in place
    exempt_since: Instant | None = None
    category: str = "todo"
    status_by: tuple[str, str] | None = None
    """Source and id of the signal that gave it this category."""
    started_at: Instant | None = None
    closed_since: Instant | None = None
    reopened_at: Instant | None = None
    dropped_since: Instant | None = None
    deleted_at: Instant | None = None
    adoption: str = ""
    reason: str = ""
    period: tuple[str, ...] = ()
    """Name, first and last day of the period that it is planned for."""

    @property
    def non_code(self) -> bool:
        """Declared to have nothing to deploy (semantics 6.1); an epic never has."""
        return not self.code or self.kind == "epic"


def history(facts: Iterable[TrackerFact]) -> list[Attributes]:
    """The attributes after each instant at which a fact happened, oldest first."""
    known = sorted(facts, key=lambda fact: fact.order.at)
    if not known:
        return []
    plain = all(fact.order.sequence[0] == 0 for fact in known)
    created_at = known[0].order.at
    snapshots: list[Attributes] = []
    current: Attributes | None = None
    for i, fact in enumerate(known):
        last = i + 1 == len(known) or known[i + 1].order.at != fact.order.at
        if plain:
            # without sequences the order of the facts is the order of their times
            if i and known[i - 1].order.at == fact.order.at:
                continue
            group = [f for f in known[i:] if f.order.at == fact.order.at]
            for member in sorted(group, key=lambda f: f.order):
                current = _apply(current, member, created_at, member.order.at)
            assert current is not None
            snapshots.append(current)
        elif last:
            current = None
            for at, member in _in_order(known[: i + 1]):
                current = _apply(current, member, created_at, at)
            assert current is not None
            snapshots.append(current._replace(at=fact.order.at))
    return snapshots


def _in_order(facts: list[TrackerFact]) -> list[tuple[Instant, TrackerFact]]:
    """(order time, fact): the running maximum of the times along each source's sequence."""
    by_source: dict[str, list[TrackerFact]] = {}
    for fact in facts:
        by_source.setdefault(fact.order.source, []).append(fact)
    placed: list[tuple[Order, TrackerFact]] = []
    for source, members in by_source.items():
        latest = -(2**62)
        for fact in sorted(members, key=lambda f: (f.order.sequence, f.order.at, f.order.id)):
            if fact.order.sequence[0]:
                latest = max(latest, fact.order.at)
                order = Order(latest, source, fact.order.sequence, fact.order.id)
            else:
                order = fact.order
            placed.append((order, fact))
    placed.sort(key=lambda pair: pair[0])
    return [(order.at, fact) for order, fact in placed]


def _apply(
    before: Attributes | None, fact: TrackerFact, created_at: Instant, at: Instant
) -> Attributes:
    now = before or Attributes(at=at, created_at=created_at)
    said = fact.said
    if said is None:
        return now._replace(at=at, deleted_at=at if now.deleted_at is None else now.deleted_at)
    new: dict[str, Any] = {**said, "at": at}
    key = new.pop("key", None)
    if key and key != now.key:
        new["key"] = key
        new["names"] = tuple(dict.fromkeys((*now.names, key)))
    ticks = new.pop("ready", None)
    if ticks is not None:
        ready = dict(now.ready_since) if ticks else {}
        for entry, ticked in ticks.items():
            if not ticked:
                ready.pop(entry, None)
            else:
                ready.setdefault(entry, at)
        new["ready_since"] = ready
    _exempt(now, new, at)
    category = new.pop("status", None)
    if category is not None:
        _status(now, category, at, new)
        if "category" in new:
            new["status_by"] = (fact.order.source, fact.order.id)
    return now._replace(**new)


_PLAIN = (
    "key",
    "title",
    "url",
    "kind",
    "team",
    "parent",
    "blocked",
    "code",
    "adoption",
    "reason",
)
_LISTS = ("goals", "subjects", "labels")
_EMPTY: dict[str, Any] = {
    "title": "",
    "url": "",
    "kind": "other",
    "team": "",
    "parent": "",
    "blocked": False,
    "code": True,
    "adoption": "",
    "reason": "",
    "goals": (),
    "subjects": (),
    "labels": (),
    "ready": {},
    "period": (),
}


def _exempt(now: Attributes, new: dict[str, Any], at: Instant) -> None:
    """`adoption: none_expected` exempts only with a reason: it is the obvious loophole."""
    exempt = new.get("adoption", now.adoption) == "none_expected" and new.get(
        "reason", now.reason
    )
    if not exempt:
        new["exempt_since"] = None
    elif now.exempt_since is None:
        new["exempt_since"] = at


def _status(now: Attributes, category: str, at: Instant, new: dict[str, Any]) -> None:
    if category == now.category:
        return
    new["category"] = category
    if category == "doing" and now.started_at is None:
        new["started_at"] = at
    if category == "done":
        new["closed_since"] = at
    elif now.category == "done":
        new["closed_since"] = None
        if category != "dropped":
            new["reopened_at"] = at
    if category == "dropped":
        new["dropped_since"] = at
    elif now.category == "dropped":
        new["dropped_since"] = None
