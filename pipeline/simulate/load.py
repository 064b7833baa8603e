"""A large workload for measurements: plausible signals, written as fast as possible."""

import gzip
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import IO, Literal, cast

from pipeline.simulate.calendar import DAY, rfc3339
from pipeline.simulate.organisation import (
    CODE,
    DEPLOYS,
    FIRST_DAY,
    METRICS,
    SURVEY,
    TEAMS,
    TRACKER,
    USAGE,
    Organisation,
    Record,
    build,
)

Mix = Literal["mixed", "tracker", "adoption"]
Made = tuple[float, str, str, Callable[[int], str]]
"""A kind of signal: its share, its source, its type, and how its data are made."""

SHARES: dict[Mix, tuple[float, float, float, float]] = {
    "mixed": (0.25, 0.10, 0.05, 0.58),
    "tracker": (0.70, 0.10, 0.05, 0.13),
    "adoption": (0.01, 0.005, 0.005, 0.97),
}
"""Of work items, changes, deploys and uses; the rest is answers and readings."""

DAYS = 90
SUBJECTS, GOALS, SERVICES = 20, 20, 40

_HEAD = (
    '{"specversion":"1.0","id":"%d","source":"%s","type":"delivery.%s.v1","time":"%s","data":'
)
_WORK = '{"work_item":"jira:%d","key":"%s-%d","status":{"name":"%s","category":"%s"}%s}}\n'
_NEW = (
    ',"title":"Work %d","kind":"feature","team":"%s","subjects":["subject-%d"],'
    '"goals":["goal-%d"]'
)
_MERGE = (
    '{"change":"acme/service-%d!%d","repository":"acme/service-%d","shas":["%040x"],'
    '"default_branch":true,"work_items":[{"key":"%s-%d","via":"title"}]}}\n'
)
_DEPLOY = (
    '{"deploy":"argo:%d","service":"service-%d","environment":{"name":"production",'
    '"tier":"production"},"repository":"acme/service-%d","sha":"%040x","outcome":"success",'
    '"kind":"deploy"}}\n'
)
_USE = '{"subject":"subject-%d","adopter":"user-%07d"}}\n'
_ANSWER = '{"subject":"subject-%d","adopter":"user-%07d","verdict":"%s","method":"survey"}}\n'
_READING = '{"goal":"goal-%d","value":%d}}\n'

STAGES = [
    ("To Do", "todo"),
    ("In Progress", "doing"),
    ("Review", "doing"),
    ("Waiting", "waiting"),
    ("Testing", "doing"),
    ("Done", "done"),
]
"""The way of every item over the board."""


@dataclass
class Load:
    """Where everything stands while the lines are made."""

    rng: random.Random
    adopters: int
    start: int
    signals: int
    teams: list[tuple[str, str]]
    shares: tuple[float, float, float, float]
    days: int = DAYS
    open: list[list[int]] = field(default_factory=list)
    items: int = 0
    changes: int = 0
    heads: dict[int, int] = field(default_factory=dict)

    def kinds(self) -> list[Made]:
        """What happens how often."""
        work, merge, deploy, use = self.shares
        rest = 1 - sum(self.shares)
        return [
            (use, USAGE, "subject.used", self._use),
            (work, TRACKER, "work_item.changed", self._work),
            (merge, CODE, "change.merged", self._merge),
            (deploy, DEPLOYS, "deploy.finished", self._deploy),
            (rest * 0.8, SURVEY, "adoption.verified", self._answer),
            (1.0, METRICS, "kpi.measured", self._reading),
        ]

    def lines(self) -> Iterator[str]:
        """Every line, in the order of time."""
        made = self.kinds()
        limits = accumulate(share for share, *_ in made)
        kinds = [(limit, *kind[1:]) for limit, kind in zip(limits, made, strict=True)]
        chance = self.rng.random
        for number in range(self.signals):
            dice = chance()
            for limit, source, signal, make in kinds:
                if dice < limit:
                    yield _HEAD % (number, source, signal, rfc3339(self.at(number))) + make(
                        number
                    )
                    break

    def at(self, number: int) -> int:
        """When a signal happens: they are as far apart as each other."""
        return self.start + int(number * (self.days * DAY / self.signals))

    def new(self, name: int, _: int) -> str:
        """What the first signal of a work item says beside its state."""
        team = self.teams[name % len(self.teams)][0]
        return _NEW % (name, team, name % SUBJECTS, name % GOALS)

    def _adopter(self, number: int) -> int:
        """Adopters come one after the other, and use most in their first weeks."""
        reached = max(self.adopters * number // self.signals, 20)
        recent = int(self.rng.expovariate(1) * self.adopters / 12)
        return max(reached - recent, self.rng.randrange(min(reached, 1000)))

    def _use(self, number: int) -> str:
        adopter = self._adopter(number)
        return _USE % (adopter % SUBJECTS, adopter)

    def _work(self, number: int) -> str:
        if len(self.open) < 400 or self.rng.random() < 0.1:
            self.items += 1
            self.open.append([self.items, 0])
            place = len(self.open) - 1
        else:
            place = self.rng.randrange(len(self.open))
        item = self.open[place]
        name, stage = item
        prefix = self.teams[name % len(self.teams)][1]
        more = "" if stage else self.new(name, number)
        item[1] = stage + 1
        if item[1] == len(STAGES):
            self.open[place] = self.open[-1]
            self.open.pop()
        return _WORK % (name, prefix, name, *STAGES[stage], more)

    def _merge(self, _: int) -> str:
        name = self.open[self.rng.randrange(len(self.open))][0] if self.open else 1
        service = name % SERVICES
        self.changes += 1
        sha = self.heads[service] = (self.changes * 0x9E3779B97F4A7C15) % (1 << 160)
        prefix = self.teams[name % len(self.teams)][1]
        return _MERGE % (service, self.changes, service, sha, prefix, name)

    def _deploy(self, number: int) -> str:
        service = self.rng.randrange(SERVICES)
        return _DEPLOY % (number, service, service, self.heads.get(service, 1))

    def _answer(self, number: int) -> str:
        adopter = self._adopter(number)
        verdict = "yes" if self.rng.random() < 0.85 else "no"
        return _ANSWER % (adopter % SUBJECTS, adopter, verdict)

    def _reading(self, number: int) -> str:
        return _READING % (15 + self.rng.randrange(5), 100 * number // self.signals)


def load(path: Path, *, signals: int, mix: Mix, adopters: int, seed: int = 1) -> Path:
    """Write so many signals into a file, and definitions beside it, whose path is returned."""
    organisation = build(DAYS)
    organisation.scenarios = []
    start = organisation.calendar.start(FIRST_DAY.toordinal())
    teams = [(team, prefix) for team, (prefix, _, _) in TEAMS.items()]
    work = Load(random.Random(f"{seed} load"), adopters, start, signals, teams, SHARES[mix])
    organisation.services = services(teams)
    organisation.subjects = [subject(n, teams, adopters) for n in range(SUBJECTS)]
    organisation.goals = [_goal(n, teams, adopters) for n in range(GOALS)]
    organisation.scenarios = []
    return write(path, work, organisation)


def write(path: Path, work: Load, organisation: Organisation) -> Path:
    """Write the signals into a file, and the definitions beside it, whose path is returned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open(path) as file:
        file.writelines(work.lines())
    config = path.with_name(path.name.split(".")[0] + ".yaml")
    config.write_text(organisation.write(), encoding="utf-8")
    return config


def services(teams: list[tuple[str, str]]) -> list[Record]:
    return [
        {
            "id": f"service-{n}",
            "repository": f"acme/service-{n}",
            "team": teams[n % len(teams)][0],
        }
        for n in range(SERVICES)
    ]


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return cast("IO[str]", gzip.open(path, "wt", encoding="ascii", compresslevel=1))
    return path.open("w", encoding="ascii", buffering=1 << 20)


def subject(number: int, teams: list[tuple[str, str]], adopters: int) -> Record:
    return {
        "id": f"subject-{number}",
        "team": teams[number % len(teams)][0],
        "unit": "user",
        "measure": {"kind": "usage", "actions": 3, "days": 2, "within": 14, "active": 28},
        "target": {"adopters": max(adopters // SUBJECTS // 20, 1)},
    }


def _goal(number: int, teams: list[tuple[str, str]], adopters: int) -> Record:
    metric: Record = {"kind": "adoption", "subject": f"subject-{number}", "unit": "adopters"}
    target = max(adopters // SUBJECTS // 10, 1)
    if number >= 15:
        metric, target = {"kind": "kpi", "source": METRICS}, 100
    elif number >= 12:
        metric, target = {"kind": "work"}, 50
    return {
        "id": f"goal-{number}",
        "level": ("business", "user", "product", "sprint")[number % 4],
        "owners": [teams[number % len(teams)][0]],
        "metric": metric | {"baseline": 0, "target": target},
        "starts_on": "2026-01-05",
        "due_on": "2026-03-31",
    }
