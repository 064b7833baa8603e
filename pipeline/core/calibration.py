"""How right forecasts were: scores of intervals and chances, smaller is better (9.8, 11.4)."""

import math
from collections.abc import Sequence

INTERVAL = 0.85
"""The share of outcomes that an interval holds, unless the organisation wants another one."""

_STEP = 0.25
_NARROWEST, _WIDEST = 0.5, 4.0


def ends(interval: float) -> tuple[float, float]:
    """The quantiles at the ends of a central interval; it misses as often on each side."""
    missed = (1.0 - interval) / 2
    return missed, 1.0 - missed


def inside(low: float, high: float, outcome: float) -> bool:
    return low - 1e-9 <= outcome <= high + 1e-9


def interval_score(
    low: float, high: float, outcome: float, interval: float = INTERVAL
) -> float:
    """Width of the interval, and a fine for how far it missed."""
    missed = max(low - outcome, outcome - high, 0.0)
    return high - low + 2.0 / (1.0 - interval) * missed


def pinball(quantile: float, q: float, outcome: float) -> float:
    """What a quantile costs: being below it costs q, above it 1 - q per unit."""
    return max(q * (outcome - quantile), (q - 1.0) * (outcome - quantile))


def brier(chances: Sequence[float], outcomes: Sequence[bool]) -> float | None:
    """The mean square of chance less outcome."""
    if not chances:
        return None
    return math.fsum((p - y) ** 2 for p, y in zip(chances, outcomes, strict=True)) / len(
        chances
    )


def skill(score: float | None, reference: float | None) -> float | None:
    """How much of the reference's score is saved; nothing can be saved of 0."""
    if score is None or not reference:
        return None
    return 1.0 - score / reference


def base_rate(outcomes: Sequence[bool]) -> float | None:
    """The Brier score of who always says how often it happens."""
    if not outcomes:
        return None
    rate = sum(outcomes) / len(outcomes)
    return rate * (1.0 - rate)


def adapted(width: float, *, hit: bool, interval: float = INTERVAL) -> float:
    """The width of the next interval: more after a miss, a little less after a hit.

    In the long run as many are missed as shall be, whatever the series does (adaptive conformal
    prediction; Gibbs and Candès 2021).
    """
    wider = width * math.exp(_STEP * ((0.0 if hit else 1.0) - (1.0 - interval)))
    return min(max(wider, _NARROWEST), _WIDEST)
