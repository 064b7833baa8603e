"""Teams and goals whose future is known: simulated ones, and those of the real histories."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.core.rows import Day
from tests.history import convert_ietf
from tests.history.lines import comma, instant, jsonl
from tests.history.maths import precedence

CORPORA = Path(os.environ.get("SIGNALS_CORPORA", "../shared/corpora"))
DAY = 86_400_000


class Team(NamedTuple):
    name: str
    finished: list[int]
    """Per week."""


class Goal(NamedTuple):
    """A goal on adoption: adopters per day from the day it began on."""

    name: str
    series: list[float]
    target: float
    due: int
    """Days after it began."""
    eligible: float


# -- simulated -----------------------------------------------------------------------------


def simulated_teams(number: int = 60, weeks: int = 130, seed: int = 1) -> list[Team]:
    """Counts that vary more than chance alone, around a level that drifts, and shifts now and then.

    A week in twelve is a holiday for most; a level shifts about twice in three years.
    """
    rng = np.random.default_rng(seed)
    teams = []
    for n in range(number):
        level = rng.uniform(1.5, 9.0)
        finished = []
        for _ in range(weeks):
            level *= np.exp(rng.normal(0, 0.02))
            if rng.random() < 1 / 50:
                level *= np.exp(rng.normal(0, 0.4))
            level = min(max(level, 0.8), 20.0)
            mean = level * (0.3 if rng.random() < 1 / 12 else 1.0)
            finished.append(int(rng.poisson(mean * rng.gamma(4.0, 0.25))))
        teams.append(Team(f"team {n}", finished))
    return teams


def simulated_goals(number: int = 300, seed: int = 1, days: int = 190) -> list[Goal]:
    """Adoption of 91 days by its plan, faster or slower, some of it at a pace that turns on the way.

    Adopters join on working days and a few leave again; targets are 12, 40 and 200.
    """
    rng = np.random.default_rng(seed)
    goals = []
    for n in range(number):
        target = (12, 40, 200)[n % 3]
        eligible = float(np.ceil(target * rng.uniform(1.1, 2.5)))
        pace = np.exp(rng.normal(0.1, 0.35))
        turn = int(rng.uniform(20, 91)) if rng.random() < 0.4 else days
        after = float(np.exp(rng.normal(-0.2, 0.6)))
        u = np.arange(days + 1) / 91
        top = eligible * rng.uniform(0.7, 1.0)
        if n % 2:
            height = min(top, 1.15 * target * pace)
            speed, middle = rng.uniform(6, 12), rng.uniform(0.4, 0.7) / pace**0.5
            curve = height / (1 + np.exp(-speed * (u - middle)))
        else:
            curve = np.minimum(target * pace * u, top)
        rate = np.diff(curve)
        rate[turn:] *= after
        works = (np.arange(days) % 7) < 5
        value, series = 0.0, []
        for day in range(days):
            joins = rng.poisson(rate[day] * 1.4) if works[day] else 0
            leaves = rng.binomial(int(value), 0.0008)
            value = min(max(value + joins - leaves, 0.0), eligible)
            series.append(value)
        goals.append(Goal(f"goal {n}", series, float(target), 91, eligible))
    return goals


# -- real ----------------------------------------------------------------------------------


def real_teams() -> list[Team]:
    """Issues closed per week in five IETF repositories; work items first fixed, of Apache Kafka."""
    teams = []
    for repository in convert_ietf.REPOSITORIES:
        archive = jsonl(convert_ietf.folder(CORPORA, repository) / "archive.jsonl")
        closed = [
            instant(record["closed_at"]) // DAY
            for record in archive
            if record["kind"] == "issue" and record["state"] == "CLOSED"
        ]
        teams.append(Team(repository, _weekly(closed)))
    fixed = comma(CORPORA / "apache-kafka-git" / "key_release.csv")
    teams.append(
        Team("apache/kafka", _weekly([instant(r["commit_time"]) // DAY for r in fixed]))
    )
    return teams


def _weekly(days: list[Day]) -> list[int]:
    """From the first week to the last one that is whole; weeks begin on Monday."""
    weeks = np.bincount((np.asarray(days) + 3) // 7 - (min(days) + 3) // 7)
    return [int(n) for n in weeks[:-1]]


def controller_runtime() -> list[Goal]:
    """Every line of releases: 80 % of the consumers on it, or above, in 180 days."""
    folder = CORPORA / "library-adoption" / "controller-runtime"
    pins = [
        (instant(r["at"]) // DAY, r["consumer"], r["version"])
        for r in sorted(comma(folder / "adoption.csv"), key=lambda r: int(r["seq"]))
    ]
    lines = [
        (r["version"], instant(r["time"]) // DAY)
        for r in comma(folder / "releases.csv")
        if r["version"].endswith(".0") and r["prerelease"] == "false"
    ]
    # a consumer whose last commit is old is seen as it was then
    ends = max(instant(r["at"]) // DAY for r in comma(folder / "adoption.csv"))
    return list(_lines("controller-runtime", pins, lines, ends, share=0.8))


def go_modules() -> list[Goal]:
    """Every line of ten Go modules that five consumers require: 70 % of them, in 180 days."""
    by_module: dict[str, list[tuple[Day, str, str]]] = defaultdict(list)
    for r in comma(CORPORA / "go-dependency-adoption" / "adoption.csv"):
        at = instant(r["commit_time"]) // DAY
        by_module[r["dependency"]].append((at, f"{r['consumer']}/{r['gomod']}", r["version"]))
    found = []
    for module, pins in sorted(by_module.items()):
        pins.sort()
        first: dict[tuple[int, ...], Day] = {}
        for at, _, version in pins:
            if version and "-0." not in version:
                first.setdefault(_line(version), at)
        lines = [(f"{a}.{b}.0", at) for (a, b), at in sorted(first.items())]
        found += _lines(module, pins, lines, max(at for at, _, _ in pins), share=0.7)
    return found


def _line(version: str) -> tuple[int, ...]:
    return precedence(version)[0][:2]


def _lines(
    name: str,
    pins: list[tuple[Day, str, str]],
    lines: list[tuple[str, Day]],
    end: Day,
    share: float,
    days: int = 365,
) -> Iterator[Goal]:
    """Per line who is on it or above on each day after its release, of those who are there then."""
    for version, released in lines:
        last: dict[str, str] = {}
        series: list[float] = []
        coming = sorted(pins, key=lambda pin: pin[0])
        position, eligible = 0, 0
        for day in range(released, min(released + days, end)):
            while position < len(coming) and coming[position][0] <= day:
                _, consumer, pinned = coming[position]
                last[consumer] = pinned
                position += 1
            there = [v for v in last.values() if v]
            if day == released:
                eligible = len(there)
            series.append(float(sum(_line(v) >= _line(version) for v in there)))
        target = float(np.ceil(share * eligible))
        if eligible >= 5 and len(series) > 60 and series[0] < target:
            yield Goal(f"{name} {version}", series, target, 180, float(max(eligible, *series)))
