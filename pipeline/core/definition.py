"""What is defined: teams, services, subjects and goals, read from the records of the contract."""

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pipeline.core.calendar import day_number
from pipeline.core.rows import Day

CONFIG = "config"
"""The source of what stands in the configuration; it has no clock and is never stale."""

ALWAYS: Day = -1_000_000
"""The `from` of a record that names none: in force from the beginning."""


@dataclass(frozen=True, slots=True)
class Grace:
    """Working days a work item may rest in a state before it is called basically done."""

    default: int
    min: int
    max: int


GRACE = {
    "close_to_ship": Grace(3, 1, 10),
    "ship_to_adopt": Grace(10, 5, 30),
    "adopt_to_verify": Grace(10, 5, 20),
}
"""Defaults of semantics 6.4, in working days."""


@dataclass(frozen=True, slots=True)
class Forecasting:
    """How forecasts are made, and how much must be known for one (semantics 9.7 and 11.3)."""

    trials: int = 10_000
    least_weeks: int = 8
    """Weeks of finished work that a throughput rests on."""
    least_finishes: int = 10
    """Work items finished in these weeks."""
    least_days: int = 21
    """Days with data of a goal."""
    least_progress: float = 0.25
    """Share of its way that a goal has gone."""
    interval: float = 0.85
    """Share of outcomes that the central interval shall hold."""


@dataclass(frozen=True, slots=True)
class Work:
    """Which work items a goal or a subject selects."""

    labels: frozenset[str] = frozenset()
    epics: frozenset[str] = frozenset()
    work_items: frozenset[str] = frozenset()

    def selects(self, names: list[str], labels: list[str], parents: list[str]) -> bool:
        return (
            not self.labels.isdisjoint(labels)
            or not self.epics.isdisjoint(parents)
            or not self.work_items.isdisjoint(names)
        )


@dataclass(frozen=True, slots=True)
class Team:
    id: str
    title: str
    people: float | None
    ready: tuple[str, ...]
    until: Day | None = None
    """The first day on which it is no longer in force (None: it still is)."""


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    repository: str
    team: str
    environments: dict[str, str]
    paths: tuple[str, ...]
    subjects: tuple[str, ...]
    library: bool
    until: Day | None = None

    def matches(self, paths: list[str] | None) -> bool:
        """Whether a change that touched these paths concerns the service (None: unknown)."""
        if paths is None or "**" in self.paths:
            return True
        return any(_matches(path, glob) for path in paths for glob in self.paths)

    def tier(self, name: str, stated: str | None) -> str:
        if stated:
            return stated
        if name in self.environments:
            return self.environments[name]
        return "production" if name in ("production", "prod") else name


def _matches(path: str, glob: str) -> bool:
    if glob.endswith("/**"):
        return path.startswith(glob[:-2]) or path == glob[:-3]
    return fnmatch.fnmatchcase(path, glob)


@dataclass(frozen=True, slots=True)
class Measure:
    """How adoption is told from use: counts of days and actions, or a pinned version."""

    kind: str
    actions: int = 3
    days: int = 2
    within: int = 14
    active: int = 28
    package: str = ""
    at_least: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    value: float
    share: bool
    hold_days: int = 3


@dataclass(frozen=True, slots=True)
class VerificationRule:
    """When an adoption counts as verified (semantics 8.4); `valid` in days."""

    share: float = 0.6
    yes: int = 3
    refuted: float = 0.2
    valid: int = 180


@dataclass(frozen=True, slots=True)
class Subject:
    id: str
    title: str
    team: str
    unit: str
    measure: Measure
    target: Target | None
    verification: VerificationRule
    work: Work
    flags: tuple[str, ...]
    eligible_count: int | None
    eligible: tuple[str, ...] | None
    released_at: str | None
    until: Day | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    id: str
    weight: float
    required: bool


@dataclass(frozen=True, slots=True)
class Metric:
    """What a goal is measured by; `lacks` of the goal says what is missing in it."""

    kind: str
    subject: str = ""
    unit: str = "adopters"
    source: str = ""
    baseline: float | None = None
    target: float | None = None
    verified: float | None = None
    at: str = "verified"
    count: bool = False
    band: tuple[float, float] | None = None
    periods: int | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    id: str
    title: str
    level: str
    parents: tuple[Parent, ...]
    owners: tuple[str, ...]
    pm: str
    class_: str
    metric: Metric | None
    plan: Any
    starts_on: Day | None
    due_on: Day | None
    work: Work
    lacks: tuple[str, ...]
    by: str = ""
    until: Day | None = None


def _work(record: dict[str, Any]) -> Work:
    work = record.get("work") or {}
    return Work(
        frozenset(work.get("labels") or ()),
        frozenset(work.get("epics") or ()),
        frozenset(work.get("work_items") or ()),
    )


def _team(record: dict[str, Any]) -> Team:
    return Team(
        record["id"],
        record.get("title") or record["id"],
        record.get("people"),
        tuple(record.get("ready") or ()),
    )


def _service(record: dict[str, Any]) -> Service:
    return Service(
        record["id"],
        record.get("repository") or "",
        record.get("team") or "",
        dict(record.get("environments") or {}),
        tuple(record.get("paths") or ("**",)),
        tuple(record.get("subjects") or ()),
        bool(record.get("releases")),
    )


def _target(record: dict[str, Any] | None) -> Target | None:
    if not record:
        return None
    hold = int(record.get("hold_days") or 3)
    if record.get("share") is not None:
        return Target(float(record["share"]), True, hold)
    if record.get("adopters") is not None:
        return Target(float(record["adopters"]), False, hold)
    return None


def _subject(record: dict[str, Any]) -> Subject:
    measure = dict(record.get("measure") or {})
    fields = {k: v for k, v in measure.items() if k in Measure.__dataclass_fields__}
    fields.setdefault("kind", "usage")
    rule = {
        k: v
        for k, v in (record.get("verification") or {}).items()
        if k in VerificationRule.__dataclass_fields__
    }
    eligible = record.get("eligible")
    return Subject(
        record["id"],
        record.get("title") or record["id"],
        record.get("team") or "",
        record.get("unit") or "",
        Measure(**fields),
        _target(record.get("target")),
        VerificationRule(**rule),
        _work(record),
        tuple(record.get("flags") or ()),
        int(eligible["count"]) if isinstance(eligible, dict) and "count" in eligible else None,
        tuple(eligible) if isinstance(eligible, list) else None,
        record.get("released_at"),
    )


def _metric(record: dict[str, Any] | None) -> Metric | None:
    if not record:
        return None
    fields = {k: v for k, v in record.items() if k in Metric.__dataclass_fields__}
    for name in ("baseline", "target", "verified"):
        if fields.get(name) is not None:
            fields[name] = float(fields[name])
    band = fields.get("band")
    if band is not None:
        fields["band"] = (float(band[0]), float(band[1]))
    if fields.get("kind") == "migrate":
        fields.setdefault("target", 0.0)
    if fields.get("kind") == "milestone":
        fields.setdefault("baseline", 0.0)
        fields.setdefault("target", 1.0)
    if fields.get("kind") in ("rollup", "sustain"):
        fields.setdefault("baseline", 0.0)
        fields.setdefault("target", 1.0)
    return Metric(**fields)


def _goal(record: dict[str, Any]) -> Goal:
    metric = _metric(record.get("metric"))
    starts = record.get("starts_on")
    due = record.get("due_on")
    goal = Goal(
        record["id"],
        record.get("title") or record["id"],
        record.get("level") or "",
        tuple(_parent(parent) for parent in record.get("parents") or ()),
        tuple(sorted(record.get("owners") or ())),
        record.get("pm") or "",
        record.get("class") or "committed",
        metric,
        record.get("plan"),
        day_number(starts) if starts else None,
        day_number(due) if due else None,
        _work(record),
        (),
        record.get("by") or "",
    )
    return replace(goal, lacks=tuple(_lacks(goal)))


def _parent(parent: Any) -> Parent:
    if isinstance(parent, str):
        return Parent(parent, 1.0, False)
    return Parent(
        parent["id"], float(parent.get("weight", 1.0)), bool(parent.get("required", False))
    )


def _lacks(goal: Goal) -> Iterator[str]:
    """What a measurable goal needs and this one lacks (semantics 9.1)."""
    if goal.level == "vision":
        return
    metric = goal.metric
    if not goal.owners:
        yield "owners"
    if goal.starts_on is None:
        yield "starts_on"
    if goal.due_on is None:
        yield "due_on"
    if goal.starts_on is not None and goal.due_on is not None and goal.due_on < goal.starts_on:
        yield "due_on is before starts_on"
    if metric is None:
        yield "metric"
        return
    if metric.baseline is None:
        yield "metric.baseline"
    if metric.target is None:
        yield "metric.target"
    if metric.baseline is not None and metric.baseline == metric.target:
        yield "metric.target equals metric.baseline"
    if metric.kind in ("adoption", "migrate") and not metric.subject:
        yield "metric.subject"


def measurable(goal: Goal) -> bool:
    """Whether a goal can have a number at all."""
    return goal.level != "vision" and not goal.lacks and goal.starts_on is not None


_WEEKDAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}


def weekdays(value: Any) -> frozenset[int]:
    if value is None:
        return frozenset(range(5))
    if isinstance(value, str):
        days: set[int] = set()
        for part in value.lower().replace(" ", "").split(","):
            first, _, last = part.partition("-")
            start, end = _WEEKDAYS[first[:3]], _WEEKDAYS[(last or first)[:3]]
            days.update((start + i) % 7 for i in range((end - start) % 7 + 1))
        return frozenset(days)
    return frozenset(
        day if isinstance(day, int) else _WEEKDAYS[day.lower()[:3]] for day in value
    )


PARSERS = {"team": _team, "service": _service, "subject": _subject, "goal": _goal}
"""Kind of record to what reads it; the other kinds stay as they are written."""
