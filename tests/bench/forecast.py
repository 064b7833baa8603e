"""How right forecasts are, and how fast: `python -m tests.bench forecast`.

The product's own functions are asked every week, with what was known then, and judged by what
came. Constants were chosen on the earlier half of each team's weeks and on other goals
(`tests/bench/tuning.py`); here are the later half and the goals that are left. These had been
looked at once before, which showed that intervals of goals were too narrow. Scores are divided by
the team's mean week or the goal's way, so that large ones do not count more.
"""

# ruff: noqa: T201 -- a benchmark prints

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.core import forecast
from pipeline.core.calendar import Week, WorkingCalendar
from pipeline.core.calibration import (
    INTERVAL,
    base_rate,
    brier,
    ends,
    inside,
    interval_score,
    skill,
)
from pipeline.core.definition import weekdays
from pipeline.core.forecast import Draws, Strand
from pipeline.core.goal_forecast import Forecast, Question, forecast_goal
from pipeline.core.rows import ForecastRow
from pipeline.core.team_forecast import forecast_team
from tests.bench import futures
from tests.bench.futures import Goal, Team

CALENDAR = WorkingCalendar("UTC", Week(weekdays(None), frozenset()))
SUNDAY = 20_002 - (20_002 + 3) % 7 + 6

METHODS = ("ours", "28 days repeat", "plain bootstrap")

Interval = tuple[float, float]


class Case(NamedTuple):
    """Intervals of all methods for one horizon, and what came."""

    horizon: int
    intervals: Sequence[Interval]
    outcome: float
    scale: float


class Chance(NamedTuple):
    p: float
    came: bool


# -- asking --------------------------------------------------------------------------------


def ask_team(team: Team, first: int, last: int, every: int = 1) -> Iterator[Case]:
    """Forecasts after week `first` up to week `last`, of which six more are known."""
    for week in range(first, min(last, len(team.finished) - 6), every):
        past = team.finished[:week]
        for row in forecast_team(team.name, SUNDAY + 7 * week, past):
            if row.low is None or row.high is None:
                continue
            weeks = row.horizon // 7
            draws = Draws(f"{team.name}/{week}/{weeks}")
            others = (
                forecast.repeated(past[-4:], weeks, draws),
                forecast.plain_bootstrap(past[-26:], weeks, draws),
            )
            intervals = [(row.low, row.high), *(_central(trials) for trials in others)]
            outcome = sum(team.finished[week : week + weeks])
            yield Case(row.horizon, intervals, outcome, float(np.mean(team.finished)))


def ask_goal(goal: Goal, every: int = 1) -> tuple[list[Case], list[Chance], list[Chance]]:
    """Weekly forecasts until it is hit or due; chances to be hit by its due date, and by P85."""
    known: dict[int, Forecast] = {}
    cases: list[Case] = []
    by_due: list[Chance] = []
    by_p85: list[Chance] = []
    hit = next((day for day, value in enumerate(goal.series) if value >= goal.target), 10**9)
    for day in range(6, min(len(goal.series), goal.due), 7):
        if hit <= day:
            break
        series = goal.series[: day + 1]
        start = SUNDAY - 6
        asked = Question(
            goal_id=goal.name,
            day=start + day,
            kind="adoption",
            series=series,
            baseline=goal.series[0],
            target=goal.target,
            due_on=start + goal.due,
            ceiling=goal.eligible,
        )
        found, rows, _ = forecast_goal(asked, CALENDAR, known.get)
        known[start + day] = found
        changes = np.diff(series[-29:]).tolist()
        for row in rows:
            if row.quantity == "value" and day + row.horizon < len(goal.series):
                cases.append(_case(goal, row, day, changes))
            if row.quantity == "days" and row.p_hit is not None and goal.due < len(goal.series):
                by_due.append(Chance(row.p_hit, hit <= goal.due))
            if (
                row.quantity == "days"
                and row.p85 is not None
                and day + row.p85 < len(goal.series)
            ):
                by_p85.append(Chance(0.85, hit <= day + row.p85))
    return cases, by_due, by_p85


def _case(goal: Goal, row: ForecastRow, day: int, changes: list[float]) -> Case:
    assert row.low is not None
    assert row.high is not None
    draws = Draws(f"{goal.name}/{day}/{row.horizon}")
    now = goal.series[day]
    others = (
        now + forecast.repeated(changes, row.horizon, draws),
        now + forecast.plain_bootstrap(changes, row.horizon, draws),
    )
    limited = [_central(np.clip(trials, 0, goal.eligible)) for trials in others]
    scale = abs(goal.target - goal.series[0])
    return Case(
        row.horizon, [(row.low, row.high), *limited], goal.series[day + row.horizon], scale
    )


def _central(trials: forecast.Numbers) -> Interval:
    low, high = forecast.quantiles(trials, ends(INTERVAL))
    assert low is not None
    assert high is not None
    return low, high


# -- judging -------------------------------------------------------------------------------


def say_intervals(name: str, cases: Iterable[Case]) -> None:
    by_horizon: defaultdict[int, list[Case]] = defaultdict(list)
    for case in cases:
        by_horizon[case.horizon].append(case)
    for horizon, some in sorted(by_horizon.items()):
        coverage, score = scores(some)
        parts = [
            f"{horizon:3} d  n {len(some):5}",
            *(f"{c:6.0%} {s:7.3f}" for c, s in zip(coverage, score, strict=True)),
            *(f"{skill(score[0], other) or 0.0:+6.2f}" for other in score[1:]),
        ]
        print(f"{name:24}", "  ".join(parts))


def scores(cases: Sequence[Case]) -> tuple[list[float], list[float]]:
    """Per method the coverage and the mean scaled interval score."""
    coverage, score = [], []
    for method in range(len(METHODS)):
        pairs = [(case.intervals[method], case) for case in cases]
        coverage.append(float(np.mean([inside(*i, case.outcome) for i, case in pairs])))
        score.append(
            float(np.mean([interval_score(*i, c.outcome) / c.scale for i, c in pairs]))
        )
    return coverage, score


def say_chances(name: str, chances: Sequence[Chance], by_p85: Sequence[Chance]) -> None:
    if not chances:
        return
    p, came = [c.p for c in chances], [c.came for c in chances]
    score, base = brier(p, came), base_rate(came)
    print(
        f"{name:24} P(hit)  n {len(p):5}  Brier {score:.3f}, base rate {base:.3f},"
        f" skill {skill(score, base) or 0.0:+.2f}, calibration error {_error(chances):.3f};"
        f" by P85 {np.mean([c.came for c in by_p85]):.0%} of {len(by_p85)}"
    )


def _error(chances: Sequence[Chance], bins: int = 10) -> float:
    """The mean distance of chance and share, over tenths of chances, each as large as it is."""
    tenths: defaultdict[int, list[Chance]] = defaultdict(list)
    for chance in chances:
        tenths[min(int(chance.p * bins), bins - 1)].append(chance)
    return sum(abs(sum(c.p - c.came for c in some)) for some in tenths.values()) / len(chances)


# -- speed ---------------------------------------------------------------------------------


def say_speed() -> None:
    """All forecasts of one Sunday: as many goals on adoption, on a reading and on work items."""
    asked = list(_thousand())
    taken: defaultdict[str, list[float]] = defaultdict(list)
    whole = time.process_time()
    for one in asked:
        began = time.process_time()
        forecast_goal(one, CALENDAR, lambda _: None)
        taken[one.kind].append(1e3 * (time.process_time() - began))
    whole = time.process_time() - whole
    trials = f"{forecast.USUAL.trials:,} trials each"
    print(f"{len(asked):,} goals, {trials}: {whole:.1f} s of processor time on one core")
    for kind, some in taken.items():
        print(
            f"  {kind:10} {len(some)} goals: median {np.median(some):.1f} ms,"
            f" 99 % within {np.quantile(some, 0.99):.1f} ms"
        )


def _thousand() -> Iterator[Question]:
    start, day = SUNDAY - 6, 62
    goals = [
        goal
        for goal in futures.simulated_goals(1_200, seed=5)
        if 0.25 * goal.target <= goal.series[day] < goal.target
    ]
    for n, goal in enumerate(goals[:667]):
        kind, ceiling = ("adoption", goal.eligible) if n % 2 else ("kpi", None)
        series = goal.series[: day + 1]
        yield Question(
            goal.name, start + day, kind, series, 0.0, goal.target, start + 91, ceiling
        )
    teams = futures.simulated_teams(37)
    for n in range(333):
        left = 10 + n % 50
        # every third goal waits for two teams
        owners = [teams[n % 37], teams[(n + 1) % 37]][: 1 + (n % 3 == 0)]
        strands = [Strand(team.finished[:26], left / len(owners)) for team in owners]
        series = [float(n) for n in range(day + 1)]
        target = float(day + left)
        yield Question(
            f"work {n}", start + day, "work", series, 0.0, target, start + 91, None, strands
        )


def main() -> None:
    print(
        f"{'interval of 85 %':24}",
        " " * 14,
        *(f"{m:>15}" for m in METHODS),
        " skill against each",
    )
    teams = futures.simulated_teams()
    say_intervals("simulated teams", (c for t in teams for c in ask_team(t, 65, 130, 4)))
    later = {
        team.name: list(ask_team(team, len(team.finished) // 2, len(team.finished)))
        for team in futures.real_teams()
    }
    for name, cases in later.items():
        say_intervals(name.rpartition("/")[2], cases)
    ietf = [case for name, cases in later.items() if name != "apache/kafka" for case in cases]
    say_intervals("all IETF repositories", ietf)
    for name, goals in (
        ("simulated goals", futures.simulated_goals(seed=2)),
        ("controller-runtime", futures.controller_runtime()[11:]),
        ("Go modules", futures.go_modules()[1::2]),
    ):
        asked = [ask_goal(goal) for goal in goals]
        say_intervals(name, (case for cases, _, _ in asked for case in cases))
        say_chances(
            name,
            [chance for _, chances, _ in asked for chance in chances],
            [chance for _, _, chances in asked for chance in chances],
        )
    say_speed()
