"""Whether a goal is on track: a fold over the closes of its working days (semantics 9.6).

Fixed bands call every second goal that is exactly on pace off track at some time, because what is
counted comes in lumps. So a goal must be behind its plan *and* further behind than chance would
explain, on three working days in a row; to recover it has to do a little better than it needs to.
"""

from math import erfc, exp, lgamma, log, log1p, sqrt
from statistics import fmean
from typing import NamedTuple

CONFIRM = 3
"""Closes in a row that make a status change."""

WARM_UP = 10
"""Working days without a judgement, at the start of a goal."""

FEWEST = 3.0
"""Units that the plan must expect before anything is judged."""

STRETCH = 0.7
"""A stretch goal is on track at this share of the way."""


class Close(NamedTuple):
    """How a goal stands at the close of a working day.

    `pace` is gained / expected; `tail` the chance to have gained no more than this if it went as
    planned; `p_hit` the newest chance to hit the target in time (None: no forecast).
    """

    pace: float
    tail: float
    p_hit: float | None = None


class Pulse(NamedTuple):
    """The status, and for how many closes in a row each condition to change it held."""

    level: str = "on_track"
    off: int = 0
    risky: int = 0
    better: int = 0
    fine: int = 0


STEADY = Pulse()


def beat(pulse: Pulse, close: Close) -> Pulse:
    """The status after one more close."""
    # exactly on pace the chance to hit in time is even: alone it would say so every other week
    unlikely = close.pace < 0.90 and close.p_hit is not None and close.p_hit < 0.50
    off = _run(pulse.off, close.pace < 0.75 and close.tail < 0.05)
    risky = _run(pulse.risky, (close.pace < 0.90 and close.tail < 0.20) or unlikely)
    better = _run(pulse.better, close.pace >= 0.80)
    fine = _run(pulse.fine, close.pace >= 0.95)
    level = pulse.level
    if off >= CONFIRM:
        level = "off_track"
    elif level == "off_track":
        if better >= CONFIRM:
            level = "on_track" if fine >= CONFIRM else "at_risk"
    elif level == "at_risk":
        if fine >= CONFIRM:
            level = "on_track"
    elif risky >= CONFIRM:
        level = "at_risk"
    return Pulse(level, off, risky, better, fine)


def _run(length: int, holds: bool) -> int:
    return length + 1 if holds else 0


# -- how likely so little is when all goes as planned ----------------------------------------


def poisson_tail(gain: float, mean: float) -> float:
    """P(X <= gain) of a Poisson count with this mean; of a part of a unit only what is whole counts."""
    if gain < 0:
        return 0.0
    if mean <= 0:
        return 1.0
    whole = int(gain + 1e-9)
    if whole >= mean + 10 * sqrt(mean) + 10:
        return 1.0
    return min(1.0, sum(exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(whole + 1)))


def binomial_tail(gain: float, n: int, share: float) -> float:
    """P(X <= gain) of n adopters of whom each comes with the chance `share`."""
    if gain < 0:
        return 0.0
    if share <= 0:
        return 1.0
    whole = int(gain + 1e-9)
    if whole >= n:
        return 1.0
    if share >= 1:
        return 0.0
    of = lgamma(n + 1)
    return min(
        1.0,
        sum(
            exp(
                of
                - lgamma(k + 1)
                - lgamma(n - k + 1)
                + k * log(share)
                + (n - k) * log1p(-share)
            )
            for k in range(whole + 1)
        ),
    )


def normal_tail(gain: float, expected: float, values: list[float]) -> float:
    """P(X <= gain) of a normal value around what is expected, as wide as `values` scatter.

    `values` are the last daily ones; they scatter around their own mean of 7 days. Values that do
    not scatter leave nothing to chance.
    """
    spread = _scatter(values)
    if spread <= 1e-12:
        return 1.0 if gain >= expected else 0.0
    return 0.5 * erfc((expected - gain) / (spread * sqrt(2)))


def _scatter(values: list[float]) -> float:
    if len(values) < 2:
        return 0.0
    residuals = [value - fmean(values[max(0, n - 3) : n + 4]) for n, value in enumerate(values)]
    return sqrt(fmean(residual * residual for residual in residuals))
