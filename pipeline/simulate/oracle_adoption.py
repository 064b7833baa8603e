"""The oracle's view of adoption: adopter by adopter and day by day, the slow way."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.simulate.calendar import Calendar, day_number
from pipeline.simulate.oracle_live import Switch
from pipeline.simulate.organisation import Record
from pipeline.simulate.world import Fact

VALID_DAYS = 180


class Day(NamedTuple):
    """What is true of a subject on one day."""

    adopters: int
    eligible: int | None
    yes: int
    verified: bool


@dataclass(slots=True)
class Subject:
    """One subject: its definitions by the day they begin, and what became of it."""

    versions: list[tuple[int, Record]]
    calendar: Calendar
    days: dict[int, Day] = field(default_factory=dict)
    adopted: list[Switch] = field(default_factory=list)
    verified: list[Switch] = field(default_factory=list)

    def version(self, day: int) -> Record:
        """The definition in force on a day."""
        return [record for since, record in self.versions if since <= day][-1]


def versions(records: Sequence[Record]) -> list[tuple[int, Record]]:
    """Definitions with the day from which they hold; without one they always have."""
    dated = [(day_number(one["from"]) if "from" in one else 0, one) for one in records]
    return sorted(dated, key=lambda version: version[0])


def observe(
    subject: Subject, facts: Sequence[Fact], first: int, last: int, target: Record
) -> None:
    """Work out every day of a subject."""
    record = subject.versions[0][1]
    uses: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    pins: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
    answers: dict[str | None, list[tuple[int, str]]] = defaultdict(list)
    for fact in facts:
        data, day = fact.data, subject.calendar.day(fact.at)
        if fact.signal == "subject.pinned":
            if data["package"] == record["measure"].get("package"):
                pins[data["adopter"]].append((day, data["version"]))
        elif data["subject"] != record["id"]:
            continue
        elif fact.signal == "subject.used":
            uses[data["adopter"]][day] += data.get("count", 1)
        elif "adopter" in data or data["method"] in {"kpi", "retired"}:
            answers[data.get("adopter")].append((day, data["verdict"]))
    adopted = {
        adopter: _adopted_days(record["measure"], days, last) for adopter, days in uses.items()
    }
    for adopter, history in pins.items():
        adopted[adopter] = _pinned_days(record["measure"]["at_least"], history, last)
    for day in range(first, last + 1):
        subject.days[day] = _count(subject.version(day), day, adopted, answers)
    _judge(subject, target)


def _adopted_days(measure: Record, uses: dict[int, int], last: int) -> set[int]:
    """The days on which one adopter is activated and active."""
    needed, distinct, within = measure["actions"], measure["days"], measure["within"]
    days = sorted(uses)
    starts = [
        day for number, day in enumerate(days) if number == 0 or day - days[number - 1] > 28
    ]
    activated = last + 1
    for day in days:
        for start in starts:
            window = [use for use in days if start <= use <= day]
            actions = sum(min(uses[use], needed) for use in window)
            if (
                window
                and day - start < within
                and actions >= needed
                and len(window) >= distinct
            ):
                activated = min(activated, day)
    active = {day + ahead for day in days for ahead in range(measure["active"])}
    return {day for day in active if activated <= day <= last}


def _pinned_days(at_least: str, history: list[tuple[int, str | None]], last: int) -> set[int]:
    good: set[int] = set()
    for number, (day, version) in enumerate(history):
        until = history[number + 1][0] if number + 1 < len(history) else last + 1
        if version is not None and _at_least(version, at_least):
            good.update(range(day, until))
    return good


def _at_least(version: str, least: str) -> bool:
    """Semantic-version precedence, as far as the simulator's versions need it."""
    shape = r"v?(\d+)\.(\d+)\.(\d+)(-[^+]*)?(\+.*)?"
    read, wanted = re.fullmatch(shape, version), re.fullmatch(shape, least)
    if read is None or wanted is None:
        return False
    have, need = [tuple(map(int, match.groups()[:3])) for match in (read, wanted)]
    return have > need or (have == need and read.group(4) is None)


def _eligible(record: Record, adopter: str) -> bool:
    if record["unit"] == "team" and adopter == record["team"]:
        return False
    listed = record.get("eligible")
    return adopter in listed if isinstance(listed, list) else True


def _count(
    record: Record,
    day: int,
    adopted: dict[str, set[int]],
    answers: dict[str | None, list[tuple[int, str]]],
) -> Day:
    counted = [one for one, days in adopted.items() if day in days and _eligible(record, one)]
    verdicts = [_verdict(answers.get(adopter, []), day) for adopter in counted]
    yes, no = verdicts.count("yes"), verdicts.count("no")
    answered = len(verdicts) - verdicts.count(None)
    agreed = yes >= 3 and 10 * yes >= 6 * len(counted) and 10 * no < 2 * answered
    proved = _verdict(answers.get(None, []), day) == "yes"
    listed = record.get("eligible")
    eligible = None
    if isinstance(listed, list):
        eligible = sum(_eligible(record, one) for one in listed)
    elif isinstance(listed, dict):
        eligible = listed["count"]
    return Day(len(counted), eligible, yes, agreed or proved)


def _verdict(answers: list[tuple[int, str]], day: int) -> str | None:
    known = [verdict for when, verdict in answers if when <= day and day - when < VALID_DAYS]
    return known[-1] if known else None


def reached(day: Day, target: Record, share: float = 1.0) -> bool:
    """Whether the target, or a share of it, is met that day."""
    if "adopters" in target:
        return bool(day.adopters >= share * target["adopters"])
    return bool(day.eligible) and day.adopters / (day.eligible or 1) >= share * target["share"]


def _judge(subject: Subject, target: Record) -> None:
    """Met after three days at the target, lost after seven below nine tenths of it."""
    calendar = subject.calendar
    hold = target.get("hold_days", 3)
    met = verified = False
    run = 0
    for day, what in subject.days.items():
        good = not reached(what, target, 0.9) if met else reached(what, target)
        run = run + 1 if good else 0
        if run == (7 if met else hold):
            began = calendar.start(day - run + 1)
            met, run = not met, 0
            subject.adopted.append(Switch(calendar.close(day), began, met))
        if what.verified != verified:
            verified = what.verified
            turn = Switch(calendar.close(day), calendar.start(day), verified)
            subject.verified.append(turn)
