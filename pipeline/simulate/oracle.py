"""The truth about a simulation, worked out from its facts alone."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pipeline.simulate import oracle_adoption, oracle_items
from pipeline.simulate.calendar import day_text, rfc3339
from pipeline.simulate.oracle_adoption import Subject, versions
from pipeline.simulate.oracle_goals import Goal, silences
from pipeline.simulate.oracle_goals import World as GoalWorld
from pipeline.simulate.oracle_items import Claim, Life
from pipeline.simulate.oracle_live import Production
from pipeline.simulate.organisation import FIRST_DAY, Organisation, Record
from pipeline.simulate.world import Fact

USE = {"subject.used", "subject.pinned", "adoption.verified"}


def tell(
    organisation: Organisation,
    facts: Sequence[Fact],
    keys: dict[str, str],
    until: int,
    withheld: frozenset[str],
) -> dict[str, Any]:
    """The contents of truth.json."""
    facts = sorted((fact for fact in facts if fact.applies), key=lambda fact: fact.at)
    subjects = _subjects(organisation, facts, until)
    lives = _lives(organisation, facts, keys, subjects, until)
    goals = GoalWorld(_goals(organisation, facts), subjects, lives, _readings(facts), until)
    goals.measure()
    calendars = {
        team["id"]: organisation.team_calendar(team["id"]) for team in organisation.teams
    }
    claims = oracle_items.findings(lives, calendars, until)
    claims += goals.hits() + silences(facts, until)
    unseen = withheld | {name for name in goals.goals if goals.members(name) & withheld}
    return {
        "until": rfc3339(until),
        "work_items": {name: _spans(life) for name, life in lives.items()},
        "findings": [_finding(claim, claim.about not in unseen) for claim in claims],
        "goals": {
            name: {day_text(day): value for day, value in goal.values.items()}
            for name, goal in goals.goals.items()
        },
        "adopters": {
            name: {day_text(day): what.adopters for day, what in subject.days.items()}
            for name, subject in subjects.items()
        },
    }


def _spans(life: Life) -> list[Record]:
    return [
        {"state": state, "from": rfc3339(start), "to": None if end is None else rfc3339(end)}
        for state, start, end in life.timeline()
    ]


def _finding(claim: Claim, linked: bool) -> Record:
    return {
        "rule": claim.rule,
        "about": claim.about,
        "raised_at": rfc3339(claim.raised),
        "cleared_at": None if claim.cleared is None else rfc3339(claim.cleared),
        "linked": linked,
    }


def _subjects(
    organisation: Organisation, facts: Sequence[Fact], until: int
) -> dict[str, Subject]:
    defined = [fact.data for fact in facts if fact.signal == "subject.defined"]
    used = [fact for fact in facts if fact.signal in USE]
    subjects = {}
    for record in organisation.subjects:
        more = [data for data in defined if data["id"] == record["id"]]
        calendar = organisation.team_calendar(record["team"])
        subject = Subject(versions([record, *more]), calendar)
        target = record.get("target") or _goal_target(organisation, record["id"])
        first = calendar.day(min(fact.at for fact in facts if _about(fact, record)))
        oracle_adoption.observe(subject, used, first, calendar.day(until) - 1, target)
        for day in range(FIRST_DAY.toordinal(), first):
            subject.days.setdefault(day, oracle_adoption.Day(0, None, 0, verified=False))
        subjects[record["id"]] = subject
    return subjects


def _about(fact: Fact, record: Record) -> bool:
    data = fact.data
    if fact.signal == "subject.pinned":
        return bool(data["package"] == record["measure"].get("package"))
    return fact.signal == "subject.used" and bool(data["subject"] == record["id"])


def _goal_target(organisation: Organisation, subject: str) -> Record:
    """The target of the first goal measured on a subject, else one adopter."""
    for goal in sorted(organisation.goals, key=lambda goal: str(goal["id"])):
        metric = goal.get("metric", {})
        if metric.get("kind") == "adoption" and metric["subject"] == subject:
            return {metric["unit"]: metric["target"]}
    return {"adopters": 1}


def _lives(
    organisation: Organisation,
    facts: Sequence[Fact],
    keys: dict[str, str],
    subjects: dict[str, Subject],
    until: int,
) -> dict[str, Life]:
    production = Production({one["id"]: one for one in organisation.services})
    production.read(facts)
    ready = {team["id"]: team["ready"] for team in organisation.teams}
    return {
        name: oracle_items.live(story, production, subjects, ready[story.team], until)
        for name, story in oracle_items.read(facts, keys).items()
    }


def _goals(organisation: Organisation, facts: Sequence[Fact]) -> dict[str, Goal]:
    goals = {}
    for record in organisation.goals:
        name = record["id"]
        more = [
            fact.data
            for fact in facts
            if fact.signal == "goal.defined" and fact.data["id"] == name
        ]
        owners = record.get("owners", ())
        calendar = organisation.calendar
        if len(owners) == 1:
            calendar = organisation.team_calendar(owners[0])
        withdrawn = [
            fact.at
            for fact in facts
            if fact.signal == "goal.withdrawn" and fact.data["goal"] == name
        ]
        goals[name] = Goal(versions([record, *more]), calendar, min(withdrawn, default=None))
    return goals


def _readings(facts: Sequence[Fact]) -> dict[str, list[tuple[int, float]]]:
    readings: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for fact in facts:
        if fact.signal == "kpi.measured":
            readings[fact.data["goal"]].append((fact.at, fact.data["value"]))
    return readings
