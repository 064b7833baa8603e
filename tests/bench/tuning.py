"""Where the constants of forecasts come from: `python -m tests.bench.tuning`.

Only the earlier half of each team's weeks, simulated goals of another seed, the earlier release
lines of controller-runtime and every second line of the Go modules are looked at (those are not
earlier ones); `python -m tests.bench forecast` judges by what is left. Per value:
coverage, and the scaled interval score as a share of the plain bootstrap's.
"""

# ruff: noqa: T201 -- a benchmark prints

from collections.abc import Iterable
from unittest.mock import patch

from pipeline.core import forecast, goal_forecast
from tests.bench import futures
from tests.bench.forecast import Case, ask_goal, ask_team, scores

SIGMAS = (
    {1: 0.3, 3: 0.3, 6: 0.3, 13: 0.3},
    {1: 0.35, 3: 0.28, 6: 0.25, 13: 0.25},
    {1: 0.4, 3: 0.4, 6: 0.4, 13: 0.4},
)
MOST = (0.4, 0.45, 0.6)
WIDTHS = (
    {7: 1.0, 21: 1.0, 28: 1.0, 42: 1.0, 90: 1.0},
    {7: 1.15, 21: 1.25, 28: 1.3, 42: 1.3, 90: 1.3},
    {7: 1.3, 21: 1.5, 28: 1.6, 42: 1.6, 90: 1.6},
)


def main() -> None:
    real = futures.real_teams()
    teams = {
        "simulated": (futures.simulated_teams(), 6),
        "IETF": (real[:-1], 2),
        "Kafka": (real[-1:], 2),
    }
    for sigma in SIGMAS:
        for most in MOST:
            with (
                patch.object(forecast, "SIGMA", sigma),
                patch.object(forecast, "SIGMA_MOST", most),
            ):
                for name, (some, every) in teams.items():
                    cases = [
                        case
                        for team in some
                        for case in ask_team(team, 8, len(team.finished) // 2, every)
                    ]
                    _say(f"sigma {list(sigma.values())[:3]} at most {most}: {name}", cases)
    goals = {
        "simulated": futures.simulated_goals(120, seed=3),
        "controller-runtime": futures.controller_runtime()[:11],
        "Go modules": futures.go_modules()[::2],
    }
    for widths in WIDTHS:
        with patch.object(goal_forecast, "WIDTHS", widths):
            for name, found in goals.items():
                _say(
                    f"widths {list(widths.values())}: {name}",
                    (case for goal in found for case in ask_goal(goal)[0]),
                )


def _say(name: str, cases: Iterable[Case]) -> None:
    by_horizon: dict[int, list[Case]] = {}
    for case in cases:
        by_horizon.setdefault(case.horizon, []).append(case)
    parts = []
    for horizon, some in sorted(by_horizon.items()):
        coverage, score = scores(some)
        parts.append(f"{horizon} d {coverage[0]:.0%} {score[0] / score[2]:.3f}")
    print(f"{name:60}", "   ".join(parts))


if __name__ == "__main__":
    main()
