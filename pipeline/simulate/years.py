"""Two years of an organisation with 200 goals, for measurements of dashboards.

Goals come in families: a business goal, and nine goals below it of several kinds, which begin in
the same quarter and are due after two; those of every eighth family last all the time.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from pipeline.simulate.load import (
    DAYS,
    SERVICES,
    SUBJECTS,
    Load,
    Made,
    services,
    subject,
    write,
)
from pipeline.simulate.organisation import (
    DEPLOYS,
    FIRST_DAY,
    METRICS,
    SURVEY,
    TEAMS,
    TRACKER,
    Record,
    build,
)

SPAN, QUARTERS = 730, 8
GOALS, FAMILY = 200, 10
PERIOD = 28
"""Days of the periods to which teams commit."""

SHARES = (0.29, 0.10, 0.05, 0.53)
"""Six signals of each of 48,000 work items in a million, and as for a mixed load."""

BEGIN = FIRST_DAY + timedelta(days=DAYS - SPAN)
"""It ends on the day on which shorter loads end, so that nothing lies in the future."""

_ITEM = (
    ',"title":"Work %d","url":"https://jira.example/%d","kind":"%s","team":"%s"'
    ',"subjects":["subject-%d"],%s'
)
_FOR = '"goals":["goal-%d"]'
_LABEL = '"labels":["goal:goal-%d"]'
_PERIOD = ',"period":{"name":"%s","starts_on":"%s","ends_on":"%s"}'
_READING = '{"goal":"goal-%d","value":%.1f}}\n'
_OPENED = '{"incident":"pager:%d","service":"service-%d","severity":"high"%s}}\n'
_OVER = '{"incident":"pager:%d"}}\n'
_DECISION = (
    '{"about":"goal-%d","decision":"%s","by":"pm-%d","reason":"It waits for the audit","owner":'
    '"%s","next_step":"Ask again","status":"at_risk"}}\n'
)
_FAILED = '{"about":"argo:%d","decision":"failed","by":"sre","reason":"Slow pages"}}\n'
_BROKEN = '{"subject":"subject-%d","verdict":"perhaps"}}\n'

KINDS = ("feature", "feature", "feature", "bug", "chore", "support", "incident")


class Years(Load):
    """As a load of a quarter; work has periods and goals of its time, incidents and decisions."""

    incidents = 0

    def kinds(self) -> list[Made]:
        rare: list[Made] = [
            (0.001, DEPLOYS, "incident.opened", self._opened),
            (0.001, DEPLOYS, "incident.resolved", self._over),
            (0.0005, TRACKER, "decision.recorded", self._decided),
            (0.0002, TRACKER, "decision.recorded", self._failed),
            (0.0002, SURVEY, "adoption.verified", self._broken),
        ]
        return rare + super().kinds()

    def new(self, name: int, number: int) -> str:
        team = self.teams[name % len(self.teams)][0]
        goal = self._goal_of(number, range(1, FAMILY))
        for_ = _LABEL if _labelled(goal) else _FOR
        kind = KINDS[self.rng.randrange(len(KINDS))]
        said = _ITEM % (name, name, kind, team, name % SUBJECTS, for_ % goal)
        return said + (self._period(number) if self.rng.random() < 0.8 else "")

    def _period(self, number: int) -> str:
        # Half of what is created before a period was promised, the other half is added.
        index = int((number / self.signals * SPAN + PERIOD / 2) // PERIOD)
        first = BEGIN + timedelta(days=PERIOD * index)
        return _PERIOD % (f"Period {index:02d}", first, first + timedelta(days=PERIOD - 1))

    def _goal_of(self, number: int, members: range) -> int:
        """One of the goals that run then."""
        quarter = number * QUARTERS // self.signals
        families = [n for n in range(GOALS // FAMILY) if quarter in _runs(n)]
        return self.rng.choice(families) * FAMILY + self.rng.choice(members)

    def _reading(self, number: int) -> str:
        goal = self._goal_of(number, range(1, 4))
        runs = _runs(goal // FAMILY)
        passed = (number / self.signals * QUARTERS - runs.start) / len(runs)
        return _READING % (goal, 100 * passed * self.rng.uniform(0.4 + goal % 5 / 10, 1.2))

    def _opened(self, number: int) -> str:
        self.incidents += 1
        cause = f',"deploy":"argo:{number - 20}"' if self.incidents % 3 == 0 else ""
        return _OPENED % (self.incidents, number % SERVICES, cause)

    def _over(self, _: int) -> str:
        return _OVER % max(self.incidents - self.rng.randrange(3), 1)

    def _decided(self, number: int) -> str:
        goal = self._goal_of(number, range(FAMILY))
        said = self.rng.choice(("override", "accept", "escalate", "ack"))
        return _DECISION % (goal, said, goal, self.teams[goal % len(self.teams)][0])

    def _failed(self, number: int) -> str:
        return _FAILED % max(number - self.rng.randrange(40), 0)

    def _broken(self, number: int) -> str:
        return _BROKEN % (number % SUBJECTS)


def _labelled(goal: int) -> bool:
    return goal % FAMILY == 6


def _runs(family: int) -> range:
    """The quarters in which the goals of a family run; the last may lie ahead."""
    first = family % QUARTERS
    return range(first, QUARTERS + 1 if first == 0 else first + 2)


def years(path: Path, *, signals: int, seed: int = 1) -> Path:
    """Write so many signals of two years into a file; return the path of its definitions."""
    adopters = signals // 10
    teams = [(team, prefix) for team, (prefix, _, _) in TEAMS.items()]
    organisation = build(DAYS)
    organisation.name["epoch"] = date(BEGIN.year, 1, 1).isoformat()
    start = organisation.calendar.start(BEGIN.toordinal())
    work = Years(random.Random(f"{seed} years"), adopters, start, signals, teams, SHARES, SPAN)
    organisation.services = services(teams)
    organisation.subjects = [_subject(n, teams, adopters) for n in range(SUBJECTS)]
    organisation.goals = list(_goals(signals, teams))
    organisation.scenarios = [
        {"id": f"more-people-{goal}", "goal": f"goal-{goal}", "people": 9, "support": 0.1}
        for goal in (4, 75)
    ]
    return write(path, work, organisation)


def _subject(number: int, teams: list[tuple[str, str]], adopters: int) -> Record:
    record = subject(number, teams, adopters)
    record["measure"] = {"kind": "usage", "actions": 2, "days": 2, "within": 28, "active": 56}
    record["released_at"] = (BEGIN + timedelta(days=20 * number)).isoformat()
    if number % 2:
        record["eligible"] = {"count": adopters // SUBJECTS * 2}
    return record


def _goals(signals: int, teams: list[tuple[str, str]]) -> Iterator[Record]:
    for number in range(GOALS):
        family, member = divmod(number, FAMILY)
        runs = _runs(family)
        record: Record = {
            "id": f"goal-{number}",
            "title": f"Goal {number} of family {family}",
            "level": "business" if member == 0 else ("user", "product", "sprint")[number % 3],
            "owners": [teams[number % len(teams)][0]],
            "class": ("committed", "stretch")[number % 2],
            "metric": _metric(number, signals),
            "starts_on": (BEGIN + timedelta(days=runs.start * SPAN // QUARTERS)).isoformat(),
            "due_on": (BEGIN + timedelta(days=runs.stop * SPAN // QUARTERS)).isoformat(),
        }
        if member:
            record["parents"] = [f"goal-{family * FAMILY}"]
        if _labelled(number):
            record["work"] = {"labels": [f"goal:goal-{number}"]}
        yield record


def _metric(number: int, signals: int) -> Record:
    member = number % FAMILY
    if member == 0:
        return {"kind": "rollup", "baseline": 0, "target": 1}
    if member < 4:
        return {"kind": "kpi", "source": METRICS, "baseline": 0, "target": 100}
    if member < 7:
        at = ("closed", "shipped", "adopted")[member - 4]
        return {"kind": "work", "at": at, "baseline": 0, "target": max(signals // 5000, 5)}
    about = f"subject-{number % SUBJECTS}"
    # Some are asked for more adopters than there will be.
    target = max(signals // 2000 * (1 + number % 4), 2)
    return {"kind": "adoption", "subject": about, "baseline": 0, "target": target}
