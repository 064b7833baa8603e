"""The worked examples of the semantics, within what 10,000 trials can tell."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.core import calibration
from pipeline.core.forecast import Draws, Strand, quantiles, share_within, throughput
from pipeline.core.goal_forecast import scale_of

EXAMPLES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "examples.yaml").read_text("utf-8")
)
ERROR = 0.02
"""Of a chance: four standard errors of 10,000 trials."""


@pytest.mark.parametrize("seed", ["one", "two", "three"])
@pytest.mark.parametrize("example", EXAMPLES["throughput"], ids=lambda e: e["claim"][:30])
def test_weeks_until_all_is_done(example: dict[str, Any], seed: str) -> None:
    """What the claim of the example says, whatever the seed."""
    work = [Strand(example["finished"], example["remaining"])]
    found = throughput(work, Draws(seed), sigma=lambda _: example["sigma"])
    assert found is not None
    p50, p85 = (-(-days // 7) for days in quantiles(found.days, (0.5, 0.85)) if days)
    assert p85 == example["p85"]
    assert p50 == example.get("p50", p50)
    within = example["within"]
    chance = share_within(found.days, 7 * within["weeks"])
    assert chance == pytest.approx(within["chance"], abs=ERROR)


def test_what_support_costs() -> None:
    """Six people, two of them on support: with 10 % support a third more is finished per week."""
    example = EXAMPLES["scenario"]
    scale = scale_of(example["people"], example["support"], None, example["then_support"])
    assert scale == pytest.approx(example["scale"], abs=0.005)
    assert scale is not None
    for factor, weeks in zip((1.0, scale), example["weeks"], strict=True):
        work = [Strand(example["finished"], example["remaining"])]
        found = throughput(work, Draws("g"), scale=factor, sigma=lambda _: 0.0)
        assert found is not None
        assert quantiles(found.days / 7, (0.5,))[0] == pytest.approx(weeks, abs=0.25)


def test_scores() -> None:
    """An interval that missed by 7, and five chances."""
    one = EXAMPLES["interval_score"]
    score = calibration.interval_score(one["low"], one["high"], one["outcome"])
    assert score == pytest.approx(one["score"], abs=0.05)
    five = EXAMPLES["brier"]
    brier = calibration.brier(five["chances"], five["outcomes"])
    base = calibration.base_rate(five["outcomes"])
    assert brier == pytest.approx(five["score"])
    assert base == pytest.approx(five["base_rate"])
    assert calibration.skill(brier, base) == pytest.approx(five["skill"], abs=0.005)


def test_nothing_to_score_is_unknown() -> None:
    """No forecasts have no score, and of a reference that is never wrong nothing can be saved."""
    assert calibration.brier([], []) is None
    assert calibration.base_rate([]) is None
    assert calibration.skill(0.1, calibration.base_rate([True, True])) is None


def test_an_interval_widens_after_a_miss_and_narrows_slowly() -> None:
    """As many misses as there shall be leave it as wide as it was."""
    assert calibration.adapted(1.0, hit=False) > 1.2
    assert calibration.adapted(4.0, hit=False) == 4.0
    width = 1.0
    for hit in [True] * 17 + [False] * 3:
        width = calibration.adapted(width, hit=hit)
    assert width == pytest.approx(1.0)
