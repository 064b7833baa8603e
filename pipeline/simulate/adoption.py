"""Who takes a capability up, gives it up, comes back, and what they say about it."""

import math
from typing import NamedTuple

from pipeline.simulate.calendar import DAY, HOUR
from pipeline.simulate.organisation import (
    PINS,
    REPOSITORIES,
    SURVEY,
    TRIALS,
    USAGE,
    Record,
    accounts,
    others,
)
from pipeline.simulate.world import World


class Course(NamedTuple):
    """How the adoption of a subject goes."""

    takers: int
    """How many of the pool take it up."""
    middle: float
    """The day on which half of them have: adoption is S-shaped."""
    spread: float
    leaves: tuple[float, float] | None = None
    """The day on which a share of them gives it up."""
    returns: float | None = None
    """The day on which those come back."""
    answers: float = 0.9
    yes: float = 0.95
    stall: tuple[float, float] | None = None
    """Nobody starts between these days."""
    source: str = USAGE


COURSES = {
    "one-click-pay": Course(10, 25, 4),
    "search-facets": Course(48, 30, 6, stall=(38, 52)),
    "dark-mode": Course(64, 32, 7),
    "saved-carts": Course(52, 45, 8, answers=0.95),
    "bulk-export": Course(13, 25, 6),
    "sso": Course(30, 20, 4),
    "gift-cards": Course(0, 30, 5),
    "live-tracking": Course(36, 12, 2.5, leaves=(42, 0.7)),
    "smart-sort": Course(32, 10, 2, leaves=(32, 0.8), returns=74),
    "refer-friend": Course(28, 25, 5, yes=0.55, source=TRIALS),
    "macros": Course(8, 20, 4, answers=0.2),
    "event-bus": Course(20, 28, 5, answers=0, source=TRIALS),
    "feature-store": Course(7, 18, 4, answers=0, source=TRIALS),
    "runbooks": Course(9, 15, 3, yes=1),
    "quick-reorder": Course(30, 10, 2, leaves=(62, 0.8), answers=0.97),
    "address-book": Course(14, 8, 2, answers=0.97),
}


def pool(world: World, subject: str) -> list[str]:
    """Everybody who might use a subject."""
    record = next(one for one in world.organisation.subjects if one["id"] == subject)
    if record["unit"] == "team":
        return others(record["team"])
    if record["unit"] == "account":
        return accounts(80)
    if record["unit"] == "service":
        return [one["id"] for one in world.organisation.services[:24]]
    return [f"user-{number:03d}" for number in range(1, 91)]


def adopt(world: World) -> None:
    """Use of every subject over the whole time."""
    for subject, course in COURSES.items():
        everybody = pool(world, subject)
        pilot = next(
            one["team"] if one["unit"] == "team" else everybody[-1]
            for one in world.organisation.subjects
            if one["id"] == subject
        )
        # From the first day on there is something to count, be it nothing.
        _use(world, subject, pilot, world.start + 20 * HOUR, course.source)
        takers = world.rng.sample(everybody[:-1], course.takers)
        for adopter in takers:
            _career(world, subject, adopter, course)
        for adopter in world.rng.sample(everybody, len(everybody) // 6):
            if adopter not in takers:
                at = world.start + int(world.rng.uniform(1, world.days) * DAY)
                _use(world, subject, adopter, at, course.source)
    _decline(world)
    _pins(world)
    for subject, day, method in (("feature-store", 45, "kpi"), ("address-book", 9, "retired")):
        data = {"subject": subject, "verdict": "yes", "method": method}
        world.add(world.office(day), SURVEY, "adoption.verified", data)


def _use(world: World, subject: str, adopter: str, at: int, source: str) -> None:
    data: Record = {"subject": subject, "adopter": adopter, "action": "completed"}
    if world.rng.random() < 0.1:
        data |= {"count": world.rng.randint(1, 4)}
    world.add(at, source, "subject.used", data)


def _career(world: World, subject: str, adopter: str, course: Course) -> None:
    rng = world.rng
    chance = rng.uniform(0.03, 0.97)
    start = max(course.middle + course.spread * math.log(chance / (1 - chance)), 0.9)
    if course.stall and course.stall[0] < start < course.stall[1]:
        start = course.stall[1] + rng.uniform(0, 12)
    if start > 34 and rng.random() < 0.4:
        # A failed trial that must not bar the adopter forever.
        trial = world.start + int((start - rng.uniform(29.5, 33)) * DAY)
        _use(world, subject, adopter, trial, course.source)
    spells = [(start, float(world.days))]
    if course.leaves and rng.random() < course.leaves[1]:
        spells = [(start, course.leaves[0] + rng.uniform(-2, 3))]
        if course.returns:
            spells.append((course.returns + rng.uniform(0, 7), float(world.days)))
    elif rng.random() < 0.12:
        gone = start + rng.uniform(15, 40)
        spells = [(start, gone)]
        if rng.random() < 0.5:
            spells.append((gone + rng.uniform(32, 45), float(world.days)))
    for first, last in spells:
        _spell(world, subject, adopter, first, last, course.source)
    if rng.random() < course.answers:
        _answer(world, subject, adopter, start, course)


def _spell(
    world: World, subject: str, adopter: str, first: float, last: float, source: str
) -> None:
    rng = world.rng
    for offset in (0, 0.1, 1.2, 2.4, 3.1):
        if first + offset < last:
            _use(world, subject, adopter, world.start + int((first + offset) * DAY), source)
    day = int(first) + 4
    while day < last - 1:
        weekend = day % 7 > 4
        if rng.random() < (0.06 if weekend else 0.22):
            at = world.start + day * DAY + rng.randrange(DAY)
            _use(world, subject, adopter, at, source)
        day += 1


def _answer(world: World, subject: str, adopter: str, start: float, course: Course) -> None:
    rng = world.rng
    chance = rng.random()
    verdict = "yes" if chance < course.yes else "partly" if rng.random() < 0.2 else "no"
    data = {"subject": subject, "adopter": adopter, "verdict": verdict}
    data["method"] = world.pick(["attested", "survey"])
    at = world.office(start + rng.uniform(3, 10))
    world.add(at, SURVEY, "adoption.verified", data)
    if verdict != "yes" and rng.random() < 0.8:
        later = world.office(max(start + 20, 84 + rng.uniform(0, 12)))
        world.add(later, SURVEY, "adoption.verified", data | {"verdict": "yes"})


def _decline(world: World) -> None:
    """The old way is left, later than hoped and never by all."""
    for number in range(45):
        last = 20 + world.rng.uniform(0, 60) if number > 2 else float(world.days)
        first = 0.1 + world.rng.uniform(0, 0.8)
        _spell(world, "old-checkout", f"user-{number + 1:03d}", first, last, USAGE)


def _pins(world: World) -> None:
    rng = world.rng

    def pin(day: float, package: str, adopter: str, version: str | None) -> None:
        at = world.start + int(day * DAY)
        data = {"package": package, "adopter": adopter, "version": version}
        world.add(at, PINS, "subject.pinned", data)

    for number, repository in enumerate(REPOSITORIES):
        pin(rng.uniform(0.1, 0.9), "acme/sdk", repository, f"1.{number % 4}.0")
        day = 8 + rng.uniform(0, 50)
        if number % 5:
            if number % 7 == 0:
                pin(day - 3, "acme/sdk", repository, "2.0.0-rc.1")
            prefix = "v" if number % 4 == 0 else ""
            pin(day, "acme/sdk", repository, f"{prefix}2.{number % 3}.{number}")
        if number % 6 == 1:
            pin(day + 15, "acme/sdk", repository, "1.9.9")
            pin(day + rng.uniform(20, 35), "acme/sdk", repository, "2.3.0")
        if number % 9 == 4:
            pin(day + rng.uniform(10, 30), "acme/sdk", repository, None)
        if number % 2:
            pin(75 + rng.uniform(0, 35), "acme/sdk", repository, "3.0.1+build.7")
        if number % 11 == 5:
            pin(20, "acme/sdk", repository, "latest")
        pin(rng.uniform(0.1, 0.9), "acme/base-image", repository, "1.3.9")
        if number < 22:
            pin(6 + rng.uniform(0, 20), "acme/base-image", repository, f"1.{4 + number % 9}.0")
        if number < 14:
            pin(
                66 + rng.uniform(0, 6),
                "acme/base-image",
                repository,
                world.pick(["1.3.10", None]),
            )
        for package, when in (("sdk-2", day + 12), ("base-image", 30)):
            data = {"subject": package, "adopter": repository, "verdict": "yes"}
            if rng.random() < 0.95:
                world.add(world.office(when), SURVEY, "adoption.verified", data)
