"""The book: every definition that judgements rest on, effective-dated, read-only for entities.

A record is known by kind and id and has versions, each in force `from` a day on (none: from the
beginning). Two facts about the same version: the newer one in the order of facts wins.
"""

import datetime as dt
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from pipeline.core.calendar import Week, WorkingCalendar, Zone, day_number, to_instant, zone
from pipeline.core.definition import (
    ALWAYS,
    GRACE,
    PARSERS,
    Forecasting,
    Goal,
    Grace,
    Service,
    Subject,
    Target,
    Team,
    weekdays,
)
from pipeline.core.rows import Day
from pipeline.core.signals import Defined, Instant, Order


@dataclass(slots=True)
class _Version:
    order: Order
    record: dict[str, Any]
    parsed: Any
    removed: bool = False


@dataclass(slots=True)
class Book:
    """All definitions; `now` is the instant whose versions `team`, `service`... answer with."""

    today: Day = ALWAYS
    _versions: dict[tuple[str, str], dict[Day, _Version]] = field(default_factory=dict)
    _facts: dict[tuple[str, str, Day], list[_Version]] = field(default_factory=dict)
    _ever: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    _cache: dict[Any, Any] = field(default_factory=dict)

    def add(self, fact: Defined, order: Order) -> bool:
        """Take in one definition; False when a newer fact about the same version is known.

        Raises ValueError, TypeError or KeyError when the record cannot be read.
        """
        start = fact.record.get("from")
        day = day_number(str(start)) if start else ALWAYS
        version = _Version(order, {}, None, removed=True)
        if not fact.removed:
            version = self._read(fact, order)
            self._ever.setdefault((fact.kind, fact.id), []).append(version.parsed)
        facts = self._facts.setdefault((fact.kind, fact.id, day), [])
        insort(facts, version, key=lambda known: known.order)
        self._versions.setdefault((fact.kind, fact.id), {})[day] = facts[-1]
        self._cache.clear()
        return facts[-1].order == order

    def remove(self, fact: Defined, order: Order) -> None:
        """Forget one definition; an older one about the same version holds again."""
        for (kind, id, day), facts in self._facts.items():
            if (kind, id) != (fact.kind, fact.id):
                continue
            facts[:] = [known for known in facts if known.order != order]
            versions = self._versions[kind, id]
            if facts:
                versions[day] = facts[-1]
            else:
                versions.pop(day, None)
        if not self._versions.get((fact.kind, fact.id)):
            self._versions.pop((fact.kind, fact.id), None)
        self._cache.clear()

    @staticmethod
    def _read(fact: Defined, order: Order) -> _Version:
        parser = PARSERS.get(fact.kind)
        record = {**fact.record, "id": fact.id}
        if fact.kind == "organisation":
            weekdays(record.get("working_days"))
            zone(record.get("timezone") or "UTC")
        return _Version(order, record, parser(record) if parser else record)

    def _held(self, kind: str, id: str) -> dict[Day, _Version]:
        """The versions of a record that hold.

        One that was removed beside others never was. Where all were removed, the record holds
        as it was until that day; of kinds without a history, nothing is left.
        """
        key = ("held", kind, id)
        if key not in self._cache:
            versions = self._versions.get((kind, id), {})
            held = {day: v for day, v in versions.items() if not v.removed}
            if versions and not held and kind in PARSERS:
                last = max(v.order.at for v in versions.values())
                ended = self.organisation_zone.day(last)
                held = {
                    day: replace(said, parsed=replace(said.parsed, until=ended))
                    for day, version in versions.items()
                    for said in self._facts[kind, id, day]
                    if version.order.at == last and not said.removed
                }
            self._cache[key] = held
        found: dict[Day, _Version] = self._cache[key]
        return found

    def advance(self, now: Instant) -> set[tuple[str, str]]:
        """Let the organisation's day of `now` be today; say which records changed version."""
        day = self.organisation_zone.day(now)
        if day == self.today:
            return set()
        changed = {
            (kind, id)
            for kind, id in self._versions
            if any(self.today < turn <= day for turn in self._turns(kind, id))
        }
        self.today = max(day, self.today)
        if changed:
            self._cache.clear()
        return changed

    def _turns(self, kind: str, id: str) -> Iterator[Day]:
        """The days on which another version of a record begins to hold, or the last one ends."""
        for start, version in self._held(kind, id).items():
            if start > ALWAYS:
                yield start
            if (until := getattr(version.parsed, "until", None)) is not None:
                yield until

    def ids(self, kind: str) -> list[str]:
        return sorted(
            id for known, id in self._versions if known == kind and self._held(kind, id)
        )

    def _at(self, kind: str, id: str, day: Day) -> Any:
        """The version in force on the day; before the first one, the first."""
        versions = self._held(kind, id)
        if not versions:
            return None
        best = max((start for start in versions if start <= day), default=None)
        return versions[min(versions) if best is None else best].parsed

    def _now(self, kind: str, id: str) -> Any:
        key = (kind, id)
        if key not in self._cache:
            self._cache[key] = self._at(kind, id, self.today)
        return self._cache[key]

    def team(self, id: str) -> Team | None:
        found: Team | None = self._now("team", id)
        return found

    def service(self, id: str) -> Service | None:
        found: Service | None = self._now("service", id)
        return found

    def subject(self, id: str) -> Subject | None:
        found: Subject | None = self._now("subject", id)
        return found

    def goal(self, id: str) -> Goal | None:
        found: Goal | None = self._now("goal", id)
        return found

    def goal_on(self, id: str, day: Day) -> Goal | None:
        found: Goal | None = self._at("goal", id, day)
        return found

    def subject_on(self, id: str, day: Day) -> Subject | None:
        found: Subject | None = self._at("subject", id, day)
        return found

    def ever(self, kind: str, id: str) -> list[Any]:
        """Everything that a record was ever said to be, also what no longer holds."""
        return self._ever.get((kind, id), [])

    def versions(self, kind: str, id: str) -> list[tuple[Day, Any, Order]]:
        """All versions of a record, oldest first: (from, parsed, order of the fact)."""
        versions = self._held(kind, id)
        return [(day, versions[day].parsed, versions[day].order) for day in sorted(versions)]

    def _all(self, kind: str) -> list[Any]:
        key = ("all", kind)
        if key not in self._cache:
            self._cache[key] = [self._now(kind, id) for id in self.ids(kind)]
        found: list[Any] = self._cache[key]
        return found

    def turns(self, kind: str) -> list[Day]:
        """The days on which the versions that hold change, of any record of a kind."""
        key = ("turns", kind)
        if key not in self._cache:
            days = {day for id in self.ids(kind) for day in self._turns(kind, id)}
            self._cache[key] = sorted(days)
        found: list[Day] = self._cache[key]
        return found

    def turning(self, *kinds: str) -> list[Instant]:
        """When the versions that hold change."""
        days = {day for kind in kinds for day in self.turns(kind)}
        return [self.organisation_zone.start(day) for day in sorted(days)]

    def _in_force(self, kind: str, at: Instant | None) -> tuple[int, dict[str, Any]]:
        """The versions in force at an instant by id, and the number of the period it falls in.

        Without an instant those of today, with what has ended.
        """
        turns = self.turns(kind)
        day = self.today if at is None or not turns else self.organisation_zone.day(at)
        n = -1 if at is None else bisect_right(turns, day)
        key = ("in force", kind, n)
        if key not in self._cache:
            versions = {id: self._at(kind, id, day) for id in self.ids(kind)}
            self._cache[key] = {
                id: v
                for id, v in versions.items()
                if at is None or v.until is None or day < v.until
            }
        found: dict[str, Any] = self._cache[key]
        return n, found

    def service_at(self, id: str, at: Instant) -> Service | None:
        return self._in_force("service", at)[1].get(id)

    def team_at(self, id: str, at: Instant) -> Team | None:
        return self._in_force("team", at)[1].get(id)

    def services_of(self, repository: str, at: Instant | None = None) -> list[Service]:
        """The services built from a repository, by the versions in force (None: of today)."""
        n, services = self._in_force("service", at)
        key = ("services of", repository, n)
        if key not in self._cache:
            found = [s for s in services.values() if s.repository == repository]
            self._cache[key] = found
        built: list[Service] = self._cache[key]
        return built

    def subjects(self) -> list[Subject]:
        return self._all("subject")

    def goals(self) -> list[Goal]:
        return self._all("goal")

    def subjects_of_package(self, package: str) -> list[Subject]:
        return self._index("package", package)

    def subjects_of_flag(self, flag: str) -> list[Subject]:
        return self._index("flag", flag)

    def goals_on_subject(self, subject: str) -> list[Goal]:
        """Goals that are measured on a subject by some version of theirs."""
        return self._index("measured", subject)

    def children_on(self, goal: str, day: Day) -> list[Goal]:
        """The goals that count for a goal on a day, by the versions in force then."""
        n = bisect_right(self.turns("goal"), day)
        key = ("children", n)
        if key not in self._cache:
            index: dict[str, list[Goal]] = {}
            for id in self.ids("goal"):
                child: Goal = self._at("goal", id, day)
                for parent in {parent.id for parent in child.parents}:
                    if id not in self._above(parent, day):
                        index.setdefault(parent, []).append(child)
            self._cache[key] = index
        found: list[Goal] = self._cache[key].get(goal, [])
        return found

    def parents_of(self, goal: str) -> list[str]:
        """The goals that a goal counts for on some day."""
        versions: list[Goal] = [version for _, version, _ in self.versions("goal", goal)]
        return sorted(
            {parent.id for version in versions for parent in version.parents} - {goal}
        )

    def _above(self, goal: str, day: Day) -> set[str]:
        """A goal and all that it counts for on a day, directly or not."""
        n = bisect_right(self.turns("goal"), day)
        key = ("above", n, goal)
        if key not in self._cache:
            found: set[str] = set()
            todo = [goal]
            while todo:
                id = todo.pop()
                if id not in found:
                    found.add(id)
                    known = self.goal_on(id, day)
                    todo += [parent.id for parent in known.parents] if known else []
            self._cache[key] = found
        above: set[str] = self._cache[key]
        return above

    def _index(self, kind: str, key: str) -> list[Any]:
        index = self._cache.get(("index", kind))
        if index is None:
            index = {}
            pairs: list[tuple[str, Any]]
            if kind == "package":
                pairs = [
                    (s.measure.package, s)
                    for s in self.subjects()
                    if s.measure.kind == "pinned"
                ]
            elif kind == "flag":
                pairs = [(flag, s) for s in self.subjects() for flag in s.flags]
            else:
                pairs = [
                    (subject, goal)
                    for goal in self.goals()
                    for subject in {
                        version.metric.subject
                        for _, version, _ in self.versions("goal", goal.id)
                        if version.metric is not None
                    }
                ]
            for name, item in pairs:
                index.setdefault(name, []).append(item)
            self._cache["index", kind] = index
        found: list[Any] = index.get(key, [])
        return found

    def selected(
        self,
        kind: str,
        names: list[str],
        labels: list[str],
        parents: list[str],
        at: Instant | None = None,
    ) -> set[str]:
        """Ids of the goals (or subjects) whose `work` selects a work item at an instant."""
        n, items = self._in_force(kind, at)
        index = self._cache.get(("selectors", kind, n))
        if index is None:
            tables: tuple[dict[str, list[str]], ...] = ({}, {}, {})
            index = tables
            for item in items.values():
                for table, values in zip(
                    index,
                    (item.work.labels, item.work.epics, item.work.work_items),
                    strict=True,
                ):
                    for value in values:
                        table.setdefault(value, []).append(item.id)
            self._cache["selectors", kind, n] = index
        found: set[str] = set()
        for table, values in zip(index, (labels, parents, names), strict=True):
            if table:
                for value in values:
                    found.update(table.get(value, ()))
        return found

    def target_of(self, subject: Subject, day: Day | None = None) -> Target:
        """The subject's own target, else that of the first goal measured on it, else one."""
        if subject.target is not None:
            return subject.target
        for goal in self.goals_on_subject(subject.id):
            in_force = goal if day is None else (self.goal_on(goal.id, day) or goal)
            metric = in_force.metric
            if metric is None or metric.subject != subject.id:
                continue
            if metric.kind == "adoption" and metric.target is not None:
                return Target(metric.target, metric.unit == "share")
        return Target(1.0, False)

    def launch_of(self, id: str) -> Instant | None:
        """When a subject is announced to be released, or was; a day begins in its zone."""
        return self._launch(id, self.subject(id))

    def launches(self, subjects: Iterable[str]) -> list[tuple[Instant, Instant | None]]:
        """Since when (of the days of the organisation) the last of their launches is which."""
        key = ("launches", frozenset(subjects))
        if key not in self._cache:
            known = [id for id in key[1] if self._held("subject", id)]
            days = {day for id in known for day in self._turns("subject", id)}
            made: list[tuple[Instant, Instant | None]] = []
            for day in (ALWAYS, *sorted(days)):
                stated = [self._launch(id, self.subject_on(id, day)) for id in known]
                launch = max((at for at in stated if at is not None), default=None)
                since = -(2**62) if day == ALWAYS else self.organisation_zone.start(day)
                made.append((since, launch))
            self._cache[key] = made
        found: list[tuple[Instant, Instant | None]] = self._cache[key]
        return found

    def _launch(self, id: str, subject: Subject | None) -> Instant | None:
        if subject is None or not subject.released_at:
            return None
        if len(subject.released_at) > len("2026-03-31"):
            return to_instant(dt.datetime.fromisoformat(subject.released_at))
        return self.calendar("subject", id).zone.start(day_number(subject.released_at))

    def grace(self, stage: str) -> Grace:
        default = GRACE[stage]
        rules = self._now("rules", "rules") or {}
        stated = (rules.get("basically_done") or {}).get(stage)
        if not isinstance(stated, dict):
            return default
        return Grace(
            int(stated.get("default", default.default)),
            int(stated.get("min", default.min)),
            int(stated.get("max", default.max)),
        )

    def rule(self, name: str, key: str, default: float) -> float:
        """A number of a rule, where the organisation states another one."""
        rules = self._now("rules", "rules") or {}
        stated = (rules.get(name) or {}).get(key)
        return float(stated) if isinstance(stated, int | float) else default

    def words(self, rule: str, key: str) -> list[str]:
        """A list of words of a rule, where the organisation states one."""
        rules = self._now("rules", "rules") or {}
        stated = (rules.get(rule) or {}).get(key)
        return [str(word) for word in stated] if isinstance(stated, list) else []

    @property
    def forecasting(self) -> Forecasting:
        """How forecasts are made."""
        usual = Forecasting()
        return Forecasting(
            trials=int(self.rule("forecast", "trials", usual.trials)),
            least_weeks=int(self.rule("forecast", "least_weeks", usual.least_weeks)),
            least_finishes=int(self.rule("forecast", "least_finishes", usual.least_finishes)),
            least_days=int(self.rule("forecast", "least_days", usual.least_days)),
            least_progress=self.rule("forecast", "least_progress", usual.least_progress),
            interval=self.rule("forecast", "interval", usual.interval),
        )

    def scenarios(self, goal: str) -> list[dict[str, Any]]:
        """What is asked about a goal: what if it had other people, or less support."""
        return [record for record in self._all("scenario") if record.get("goal") == goal]

    def asking(self, team: str) -> list[str]:
        """Goals of a team about which there are scenarios."""
        named = {str(record.get("goal")) for record in self._all("scenario")}
        goals = [self.goal(id) for id in sorted(named)]
        return [goal.id for goal in goals if goal is not None and team in goal.owners]

    def known_projects(self) -> frozenset[str]:
        """Projects whose keys (`PAY-42`) may be believed where they stand in text."""
        found: frozenset[str] | None = self._cache.get("projects")
        if found is None:
            names: set[str] = set()
            for source in self._all("source"):
                names.update(source.get("projects") or ())
            found = self._cache["projects"] = frozenset(names)
        return found

    @property
    def organisation(self) -> dict[str, Any]:
        key = ("organisation",)
        if key not in self._cache:
            ids = self.ids("organisation")
            self._cache[key] = self._now("organisation", ids[0]) if ids else {}
        found: dict[str, Any] = self._cache[key]
        return found

    @property
    def organisation_zone(self) -> Zone:
        return zone(self.organisation.get("timezone") or "UTC")

    def calendar(self, kind: str, id: str) -> WorkingCalendar:
        """The working calendar of a team, goal or subject.

        Where it is silent, its team speaks, then the organisation (semantics 3.9).
        """
        key = ("calendar", kind, id)
        if key not in self._cache:
            self._cache[key] = self._calendar(kind, id)
        found: WorkingCalendar = self._cache[key]
        return found

    def _calendar(self, kind: str, id: str) -> WorkingCalendar:
        """A day works by the versions in force on it; the zone is that of today."""
        chain = self._chain(kind, id, self.today)
        turns = {
            turn
            for version in (*self._held(kind, id).values(), None)
            for known in self._speakers(kind, id, version.record if version else {})
            for turn in self._turns(*known)
        }
        weeks = [(day, self._week(kind, id, day)) for day in (ALWAYS, *sorted(turns))]
        return WorkingCalendar(
            _first(chain, "timezone") or "UTC", Week(*weeks[0][1]), self._later(weeks)
        )

    @staticmethod
    def _later(
        weeks: list[tuple[Day, tuple[frozenset[int], frozenset[Day]]]],
    ) -> list[tuple[Day, Week]]:
        """The weeks that differ from those before them."""
        return [
            (day, Week(*week)) for (_, before), (day, week) in pairwise(weeks) if week != before
        ]

    def _week(self, kind: str, id: str, day: Day) -> tuple[frozenset[int], frozenset[Day]]:
        """Working weekdays and holidays, by what is in force on a day."""
        chain = self._chain(kind, id, day)
        holidays = _first(chain, "holidays") or ()
        return (
            weekdays(_first(chain, "working_days")),
            frozenset(day_number(str(holiday)) for holiday in holidays),
        )

    def _chain(self, kind: str, id: str, day: Day) -> list[dict[str, Any]]:
        """Who may speak about a calendar, as they are on a day: the first that does is heard."""
        own = self._record(kind, id, day)
        speakers = self._speakers(kind, id, own)
        return [self._record(*speaker, day) for speaker in speakers]

    def _speakers(self, kind: str, id: str, own: dict[str, Any]) -> list[tuple[str, str]]:
        found = [(kind, id)]
        if kind == "goal" and len(own.get("owners") or ()) == 1:
            found.append(("team", own["owners"][0]))
        if kind == "subject" and own.get("team"):
            found.append(("team", own["team"]))
        return [*found, *(("organisation", known) for known in self.ids("organisation")[:1])]

    def _record(self, kind: str, id: str, day: Day) -> dict[str, Any]:
        """A record as it is written, of the version in force; before the first one, the first."""
        versions = self._held(kind, id)
        if not versions:
            return {}
        best = max((start for start in versions if start <= day), default=None)
        return versions[min(versions) if best is None else best].record


def _first(chain: list[dict[str, Any]], name: str) -> Any:
    return next((record[name] for record in chain if record.get(name) is not None), None)
