"""Whether kinds of work are better drawn one by one: `python -m tests.bench strata`.

Semantics 11.3 wants throughput by kind of work item. Here the same weeks are forecast pooled, as
the product does, and by kind, each drawn from its own weeks where these suffice, the others
together. A team is asked what it finishes; a goal when it is through and what it gains: six mean
weeks of work are left, of each kind as much as of all that is open, and any finished item counts,
as it does for goals on work items (where nothing says what is open, as of the last 13 weeks).
Simulated teams have features, bugs and support, with a shared
level and one of their own; in IETF repositories kinds are issues, editorial issues and pull
requests, in Apache Kafka commits that name an issue, minor ones, and others.
"""

# ruff: noqa: T201 -- a benchmark prints

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.core import forecast
from pipeline.core.calibration import INTERVAL, ends, inside, interval_score
from pipeline.core.forecast import Draws, Strand
from pipeline.core.team_forecast import WEEKS
from tests.bench.futures import CORPORA, DAY
from tests.history import convert_ietf
from tests.history.lines import instant, jsonl

AHEAD = 13
"""Weeks of which the outcome must be known."""

Kinds = dict[str, list[int]]
"""Per kind what came in each week."""


class Team(NamedTuple):
    name: str
    finished: Kinds
    opened: Kinds


class Case(NamedTuple):
    """Two intervals, what came, and the mean week, by which scores are divided."""

    pooled: tuple[float, float]
    by_kind: tuple[float, float]
    outcome: float
    scale: float


def simulated(number: int = 40, weeks: int = 130, seed: int = 11) -> Iterator[Team]:
    rng = np.random.default_rng(seed)
    for n in range(number):
        levels = {kind: rng.uniform(0.5, 4.0) for kind in ("feature", "bug", "support")}
        finished: Kinds = {kind: [] for kind in levels}
        for _ in range(weeks):
            shared = rng.gamma(6.0, 1 / 6) * (0.3 if rng.random() < 1 / 12 else 1.0)
            shift = np.exp(rng.normal(0, 0.4)) if rng.random() < 1 / 80 else 1.0
            for kind, some in finished.items():
                own = np.exp(rng.normal(0, 0.5)) if rng.random() < 1 / 80 else 1.0
                level = levels[kind] * np.exp(rng.normal(0, 0.02)) * shift * own
                levels[kind] = min(max(level, 0.2), 12.0)
                some.append(int(rng.poisson(levels[kind] * shared * rng.gamma(8.0, 1 / 8))))
        more = {kind: rng.poisson(0.3, weeks) for kind in finished}
        opened = {k: [int(n) for n in np.add(some, more[k])] for k, some in finished.items()}
        yield Team(f"team {n}", finished, opened)


def real() -> Iterator[Team]:
    for repository in convert_ietf.REPOSITORIES:
        closed: defaultdict[str, list[int]] = defaultdict(list)
        opened: defaultdict[str, list[int]] = defaultdict(list)
        for record in jsonl(convert_ietf.folder(CORPORA, repository) / "archive.jsonl"):
            editorial = any("editorial" in label.lower() for label in record["labels"])
            kind = "editorial" if editorial and record["kind"] == "issue" else record["kind"]
            opened[kind].append(instant(record["created_at"]) // DAY)
            if record.get("closed_at"):
                closed[kind].append(instant(record["closed_at"]) // DAY)
        yield _team(repository, closed, opened)
    commits: defaultdict[str, list[int]] = defaultdict(list)
    lines = (CORPORA / "apache-kafka-git" / "commits.tsv").read_text("utf-8").splitlines()
    for line in lines[1:]:
        _, parents, _, at, subject = line.split("\t", 4)
        if " " not in parents:
            word = subject.upper().partition("-" if subject[:6].upper() == "KAFKA-" else ":")[0]
            kind = word if word in ("KAFKA", "MINOR") else "other"
            commits[kind].append(instant(at) // DAY)
    yield _team("apache/kafka", commits, commits)


def _team(name: str, closed: dict[str, list[int]], opened: dict[str, list[int]]) -> Team:
    """Whole weeks from the first day to the last one on which something was finished."""
    first = min(min(days) for days in opened.values()) + 3
    last = max(max(days) for days in closed.values()) + 3

    def weekly(days: list[int]) -> list[int]:
        weeks = [(day + 3) // 7 - first // 7 for day in days if day + 3 <= last]
        return [int(n) for n in np.bincount(weeks, minlength=last // 7 - first // 7 + 1)[:-1]]

    return Team(
        name,
        {kind: weekly(days) for kind, days in closed.items()},
        {kind: weekly(opened[kind]) for kind in closed},
    )


def strands(finished: Kinds, left: dict[str, float]) -> list[Strand] | None:
    """One for each kind with history enough, one for the others; None if these have too little."""
    own = [k for k in sorted(finished) if forecast.enough(finished[k])]
    others = [k for k in sorted(finished) if k not in own]
    found = [Strand(finished[k], left[k]) for k in own]
    if others:
        rest = _whole({k: finished[k] for k in others})
        found.append(Strand(rest, sum(left[k] for k in others)))
    enough = len(found) > 1 and all(forecast.enough(strand.finished) for strand in found)
    return found if enough else None


def _whole(kinds: Kinds) -> list[int]:
    return [sum(some) for some in zip(*kinds.values(), strict=True)]


def ask(team: Team, first: int, every: int) -> Iterator[tuple[str, Case]]:
    whole = _whole(team.finished)
    scale = float(np.mean(whole))
    horizons = [7 * weeks for weeks in WEEKS]
    for week in range(first, len(whole) - AHEAD, every):
        past = {kind: some[:week] for kind, some in team.finished.items()}
        open_ = {k: max(sum(team.opened[k][:week]) - sum(past[k]), 0) for k in past}
        if not any(open_.values()):
            open_ = {k: sum(some[-13:]) + 1 for k, some in past.items()}
        left = 6 * float(np.mean(whole[:week][-26:]))
        share = {k: left * n / sum(open_.values()) for k, n in open_.items()}
        kinds = strands(past, share)
        if kinds is None or not forecast.enough(whole[:week]):
            continue
        came = np.cumsum(whole[week:])
        name = f"{team.name}/{week}"
        pooled = forecast.finished_within(whole[:week], WEEKS, Draws(name))
        parts = [
            forecast.finished_within(strand.finished, WEEKS, Draws(f"{name}/{n}"))
            for n, strand in enumerate(kinds)
        ]
        assert pooled is not None
        for weeks in WEEKS:
            summed = sum(part[weeks] for part in parts if part is not None)
            case = Case(_central(pooled[weeks]), _central(summed), came[weeks - 1], scale)
            yield f"team, {7 * weeks} d", case
        one = forecast.throughput([Strand(whole[:week], left)], Draws(name), horizons=horizons)
        many = forecast.throughput(kinds, Draws(name), horizons=horizons)
        assert one is not None
        assert many is not None
        for days in horizons:
            outcome = min(float(came[days // 7 - 1]), left)
            intervals = _central(one.gains[days]), _central(many.gains[days])
            yield f"goal, {days} d", Case(*intervals, outcome, scale)
        if came[-1] >= left:
            through = 7.0 * float(np.argmax(came >= left)) + 3.5
            most = 7.0 * forecast.NEVER_WEEKS
            dates = (np.minimum(some.days, most) for some in (one, many))
            low_high = [_central(some) for some in dates]
            yield "goal, date", Case(low_high[0], low_high[1], through, 42.0)


def _central(trials: forecast.Numbers) -> tuple[float, float]:
    low, high = forecast.quantiles(trials, ends(INTERVAL))
    assert low is not None
    assert high is not None
    return low, high


def say(name: str, teams: Sequence[Team], every: int, *, later: bool) -> None:
    cases: defaultdict[str, list[Case]] = defaultdict(list)
    for team in teams:
        weeks = len(next(iter(team.finished.values())))
        for about, case in ask(team, weeks // 2 if later else 40, every):
            cases[about].append(case)
    for about, some in cases.items():
        said = []
        for method in ("pooled", "by_kind"):
            pairs = [(getattr(case, method), case) for case in some]
            held = np.mean([inside(*ends_, case.outcome) for ends_, case in pairs])
            score = np.mean([interval_score(*e, c.outcome) / c.scale for e, c in pairs])
            said.append(f"{held:4.0%} {score:7.3f}")
        print(f"{name:10} {about:12} n {len(some):4}   pooled {said[0]}   by kind {said[1]}")


def main() -> None:
    print("interval of 85 %: coverage, and interval score per mean week (smaller is better)")
    say("simulated", list(simulated()), 6, later=False)
    say("real", list(real()), 2, later=True)
