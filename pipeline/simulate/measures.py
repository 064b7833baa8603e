"""Readings, definitions, heartbeats and the rest of what an organisation reports."""

import copy
import math
from datetime import timedelta

from pipeline.simulate.calendar import DAY, HOUR, MINUTE
from pipeline.simulate.organisation import (
    CATALOGUE,
    CODE,
    DEPLOYS,
    FIRST_DAY,
    FLAGS,
    METRICS,
    PINS,
    SURVEY,
    TEAMS,
    TRACKER,
    TRIALS,
    USAGE,
    Record,
    accounts,
)
from pipeline.simulate.world import World

OUTAGES = [(TRIALS, 51.3, 53.6), (METRICS, 33.2, 36.1), (TRIALS, 80.1, 80.9), (PINS, 61, 64)]
"""Days between which a source reports nothing at all."""

DEAD_FROM = {FLAGS: 100.4}
"""The day from which a source never reports again."""


def measure(world: World) -> None:
    """Everything beside work and use."""
    _readings(world)
    _definitions(world)
    _plans(world)
    _decisions(world)
    _heartbeats(world)
    world.facts[:] = [fact for fact in world.facts if not _silent(world, fact.source, fact.at)]


def _silent(world: World, source: str, at: int) -> bool:
    day = (at - world.start) / DAY
    if any(name == source and first < day < last for name, first, last in OUTAGES):
        return True
    return day > DEAD_FROM.get(source, math.inf)


def _readings(world: World) -> None:
    rng = world.rng

    def read(day: int, goal: str, value: float, **more: float) -> None:
        at = world.start + day * DAY + 6 * HOUR + rng.randrange(HOUR)
        data = {"goal": goal, "value": value} | more
        world.add(at, METRICS, "kpi.measured", data)

    for day in range(world.days):
        read(day, "cut-costs", round(4.8 - 0.011 * day + rng.gauss(0, 0.03), 3))
        if day > 2:
            slow = 60 if 76 <= day <= 86 else 0
            quick = max(480 - 3.4 * day, 285)
            read(day, "faster-search", round(quick + slow + rng.gauss(0, 3), 1))
        if day % 7 == 4:
            asked = rng.randint(180, 240)
            happy = round(asked * min(0.62 + 0.0016 * day, 0.77))
            read(day, "happy-users", happy / asked, numerator=happy, denominator=asked)
        if day % 5 == 1:
            read(day, "given-up", 10 + day // 10)
        if day in {30, 60, 88}:
            read(day, "launch-abroad", float(day == 88))


def _date(days: int) -> str:
    return (FIRST_DAY + timedelta(days=days)).isoformat()


def _copy(records: list[Record], name: str) -> Record:
    return copy.deepcopy(next(record for record in records if record["id"] == name))


def _definitions(world: World) -> None:
    carts = _copy(world.organisation.subjects, "saved-carts")
    carts |= {"eligible": accounts(80), "from": _date(60), "revision": 2}
    world.add(world.office(57), CATALOGUE, "subject.defined", carts)
    fewer = _copy(world.organisation.goals, "facets-used")
    fewer["metric"]["target"] = 28
    fewer |= {"from": _date(70), "revision": 2}
    world.add(world.office(67), CATALOGUE, "goal.defined", fewer)
    more = _copy(world.organisation.goals, "cut-costs")
    more["metric"]["target"] = 3.5
    more |= {"from": _date(84), "revision": 2}
    world.add(world.office(80), CATALOGUE, "goal.defined", more)
    given_up = {"goal": "given-up", "reason": "nobody needs it"}
    world.add(world.office(60), CATALOGUE, "goal.withdrawn", given_up)


def _plans(world: World) -> None:
    """What teams promise every other week, and what interrupts them."""
    rng = world.rng
    for number, first in enumerate(range(0, world.days, 14)):
        period = {"name": f"Sprint {number + 1}", "starts_on": _date(first)}
        period["ends_on"] = _date(first + 13)
        for team in ("payments", "search", "platform"):
            at = world.start + first * DAY + 10 * HOUR + rng.randrange(HOUR)
            mine = f"{TEAMS[team][0]}-"
            known = {
                fact.data["key"]
                for fact in world.facts
                if fact.signal == "work_item.changed"
                and fact.at < at
                and fact.at > at - 21 * DAY
                and fact.data["key"].startswith(mine)
            }
            data = {"team": team, "period": period, "work_items": sorted(known)[:8]}
            world.add(at, TRACKER, "commitment.made", data)
    for number in range(world.days // 10):
        at = world.office(rng.uniform(0, world.days))
        service = rng.choice(world.organisation.services)
        data = {"incident": f"pager:{number}", "service": service["id"], "severity": "high"}
        data["team"] = service["team"]
        world.add(at, DEPLOYS, "incident.opened", data)
        over = at + rng.randrange(5 * MINUTE, 9 * HOUR)
        world.add(over, DEPLOYS, "incident.resolved", {"incident": f"pager:{number}"})


def _decisions(world: World) -> None:
    """What people decided about goals, and what they do next; no number moves by it."""
    for day, about, said in (
        (
            41,
            "leave-old-checkout",
            {
                "decision": "accept",
                "by": "pm-checkout",
                "reason": "large shops move after their peak season",
                "until": "2026-03-15T00:00:00Z",
            },
        ),
        (
            78,
            "tracking-kept",
            {
                "decision": "escalate",
                "by": "pm-logistics",
                "reason": "those who tried it left within two weeks",
                "owner": "team logistics",
                "next_step": "call the five who left first",
            },
        ),
        (
            82,
            "faster-search",
            {
                "decision": "override",
                "by": "pm-search",
                "status": "at_risk",
                "reason": "the index is rebuilt next week",
                "next_step": "measure again after the rebuild",
            },
        ),
    ):
        if day < world.days:
            data = {"about": about} | said
            world.add(world.office(day), TRACKER, "decision.recorded", data)


def _heartbeats(world: World) -> None:
    for source in (TRACKER, CODE, DEPLOYS, USAGE, TRIALS, PINS, SURVEY, METRICS, FLAGS):
        for at in range(world.start, world.end, 4 * HOUR):
            beat = at + world.rng.randrange(20 * MINUTE)
            world.add(beat, source, "source.seen", {"source": source})


def too_late(world: World) -> None:
    """Facts that arrive after more than 35 days: kept by the pipeline, never counted."""
    for number in range(12):
        at = world.start + int(world.rng.uniform(3, 60) * DAY)
        arrives_at = at + int(world.rng.uniform(35.5, 50) * DAY)
        if arrives_at >= world.end:
            continue
        data: Record = {"subject": "gift-cards", "adopter": f"user-{number + 1:03d}"}
        data |= {"action": "completed", "count": 5}
        signal, source = "subject.used", USAGE
        if number % 6 == 5:
            signal, source = "adoption.verified", SURVEY
            data = {"subject": "sso", "adopter": accounts(80)[number], "verdict": "no"}
        world.add(at, source, signal, data, arrives_at=arrives_at, applies=False)
    for item in world.stories["exempt"][:2]:
        at = world.start + 40 * DAY + world.rng.randrange(DAY)
        done: Record = {"work_item": item, "status": {"name": "Doing", "category": "doing"}}
        done["blocked"] = True
        arrives_at = at + 36 * DAY
        if arrives_at < world.end:
            world.add(
                at, TRACKER, "work_item.changed", done, arrives_at=arrives_at, applies=False
            )
