"""What every goal was worth on every day, when it was hit, and which source fell silent."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.simulate.calendar import DAY, HOUR, Calendar, day_number
from pipeline.simulate.oracle_adoption import Subject
from pipeline.simulate.oracle_facets import names
from pipeline.simulate.oracle_items import Claim, Life
from pipeline.simulate.organisation import Record
from pipeline.simulate.world import Fact

LEVELS = {
    "shipped": {"shipped_not_adopted", "adopted_not_verified", "done"},
    "adopted": {"adopted_not_verified", "done"},
    "verified": {"done"},
}
"""The states in which a work item has reached a level."""


@dataclass(slots=True)
class Goal:
    """A goal by the versions of its definition."""

    versions: list[tuple[int, Record]]
    calendar: Calendar
    withdrawn: int | None = None
    values: dict[int, float | None] = field(default_factory=dict)
    known: dict[int, float | None] = field(default_factory=dict)
    """As it was known at the close of the day; differs where states are dated back."""

    def version(self, day: int) -> Record:
        """The definition in force on a day."""
        return [record for since, record in self.versions if since <= day][-1]


@dataclass(slots=True)
class World:
    """What goals are measured on."""

    goals: dict[str, Goal]
    subjects: dict[str, Subject]
    lives: dict[str, Life]
    readings: dict[str, list[tuple[int, float]]]
    until: int

    def measure(self) -> None:
        """Fill in every goal, the ones that are rolled up last."""
        for rolled in (False, True):
            for name, goal in self.goals.items():
                metric = goal.version(day_number("2026-01-05")).get("metric", {})
                if "target" in metric and (metric["kind"] == "rollup") == rolled:
                    self._fill(name, goal)

    def _fill(self, name: str, goal: Goal) -> None:
        first = day_number(goal.versions[0][1]["starts_on"])
        calendar = goal.calendar
        members = self._members(name, goal)
        for day in range(first, calendar.day(self.until)):
            close = calendar.close(day)
            if goal.withdrawn is not None and close > goal.withdrawn:
                break
            record = goal.version(day)
            kind = record["metric"]["kind"]
            if kind == "work":
                level = LEVELS[record["metric"].get("at", "verified")]
                goal.values[day] = sum(_at(life, close) in level for life in members)
                goal.known[day] = sum(_known(life, close) in level for life in members)
            elif kind == "rollup":
                goal.values[day] = self._roll_up(name, day, "values")
                goal.known[day] = self._roll_up(name, day, "known")
            else:
                goal.values[day] = goal.known[day] = self._value(name, record, day, close)

    def _members(self, name: str, goal: Goal) -> list[Life]:
        definitions = {name: goal.versions[-1][1]}
        return [
            life
            for life in self.lives.values()
            if name in names(life.story, "goals", self.until, definitions)
        ]

    def members(self, name: str) -> set[str]:
        """The work items a goal counts, itself or through its children."""
        goal = self.goals[name]
        kind = goal.versions[0][1].get("metric", {}).get("kind")
        if kind == "work":
            return {life.story.id for life in self._members(name, goal)}
        if kind == "rollup":
            return {item for child, _ in self._children(name) for item in self.members(child)}
        return set()

    def _children(self, name: str) -> list[tuple[str, float]]:
        return [
            (child, edge["weight"])
            for child, goal in self.goals.items()
            for edge in goal.versions[0][1].get("parents", ())
            if edge["id"] == name
        ]

    def _value(self, name: str, record: Record, day: int, close: int) -> float | None:
        metric = record["metric"]
        match metric["kind"]:
            case "adoption" | "migrate":
                what = self.subjects[metric["subject"]].days[day]
                if metric.get("unit") == "share":
                    return what.adopters / what.eligible if what.eligible else None
                return what.adopters
            case "kpi" | "milestone":
                known = [value for at, value in self.readings[name] if at < close]
                return known[-1] if known else None
        return None

    def _roll_up(self, name: str, day: int, series: str) -> float | None:
        total = known = gained = 0.0
        for child, weight in self._children(name):
            total += weight
            value = getattr(self.goals[child], series).get(day)
            if value is None:
                continue
            metric = self.goals[child].version(day)["metric"]
            span = metric["target"] - metric["baseline"]
            known += weight
            gained += weight * min(max((value - metric["baseline"]) / span, 0), 1)
        return gained / known if 2 * known >= total else None

    def hits(self) -> list[Claim]:
        """Every stretch of time in which a goal counted as hit."""
        claims = []
        for name, goal in self.goals.items():
            raised: int | None = None
            run = 0
            for day, value in goal.known.items():
                record = goal.version(day)
                adoption = record["metric"]["kind"] in {"adoption", "migrate"}
                needed = (7 if raised is not None else 3) if adoption else 1
                turn = self._turns(record, day, value, hit=raised is not None)
                run = run + 1 if turn else 0
                if run < needed:
                    continue
                run, close = 0, goal.calendar.close(day)
                if raised is not None:
                    claims.append(Claim("goal_hit", name, raised, close))
                raised = close if raised is None else None
            if raised is not None:
                claims.append(Claim("goal_hit", name, raised, None))
        return claims

    def _turns(self, record: Record, day: int, value: float | None, *, hit: bool) -> bool:
        """Whether this day speaks for a hit or, once there is one, against it."""
        metric = record["metric"]
        adoption = metric["kind"] in {"adoption", "migrate"}
        target, rises = metric["target"], metric["target"] > metric["baseline"]
        if value is None:
            return False
        if hit:
            kept = target * ((0.9 if rises else 1 / 0.9) if adoption else 1)
            return bool(value < kept if rises else value > kept)
        met = value >= target if rises else value <= target
        if met and "verified" in metric:
            what = self.subjects[metric["subject"]].days[day]
            met = what.adopters > 0 and what.yes / what.adopters >= metric["verified"]
        return bool(met)


def _at(life: Life, at: int) -> str | None:
    """State by effective time, just before an instant."""
    for state, start, end in life.timeline():
        if start < at and (end is None or end >= at):
            return state
    return None


def _known(life: Life, at: int) -> str | None:
    """State as it was confirmed by an instant."""
    runs = [run for run in life.runs if run.confirmed <= at]
    return runs[-1].state if runs else None


def silences(facts: Sequence[Fact], until: int) -> list[Claim]:
    """When a source had been quiet for three times its usual gap."""
    heard: dict[str, list[int]] = defaultdict(list)
    for fact in facts:
        heard[fact.source].append(fact.at)
    claims = []
    for source, times in heard.items():
        hours = sorted({at // HOUR for at in times})
        for number, last in enumerate(times):
            after = times[number + 1] if number + 1 < len(times) else None
            if after is not None and after - last < 3 * HOUR:
                continue
            raised = _patience(hours, last)
            if raised is not None and raised < (until if after is None else after):
                claims.append(Claim("source_stale", source, raised, after))
    return claims


def _patience(hours: Sequence[int], last: int) -> int | None:
    """Until when a source may be quiet after its last signal."""
    gaps = sorted(
        hour - before
        for before, hour in pairwise(hours)
        if hour <= last // HOUR and hour * HOUR > last - 28 * DAY
    )
    if len(gaps) < 20:
        return None
    usual = gaps[-(-95 * len(gaps) // 100) - 1]
    return last + 3 * usual * HOUR
