"""Whether a goal has stopped to move: no net gain in a window in which some was to be expected.

How long the window must be follows from the plan, so that a goal on pace is rarely called
stalled although somebody looks every day (semantics 10.1).
"""

from collections.abc import Iterable
from itertools import islice
from math import ceil, log, sqrt
from typing import NamedTuple

FALSE_STALLS = 0.10
"""Stalls that a goal exactly on pace may be said to have in its period."""

SHORTEST, LONGEST = 5, 20
"""Bounds of the window, in working days."""

CONTINUOUS = 10
"""The window of a value that is not counted, in working days."""

CERTAIN = 0.8416
"""Quantile of the normal distribution for one-sided 80 %."""

FEWEST_POINTS = 3
"""Of two readings the second is the higher one by chance every other time."""

HELD = 2
"""Days in a row with a net gain that end a stall."""


class Stall(NamedTuple):
    """The fold: the rule that is open (empty: it moves), and for how many days it gained again.

    `base` is the value that counts as not exceeded, `gained` the last day on which it rose.
    """

    rule: str = ""
    moving: int = 0
    gained: int | None = None


MOVING = Stall()


def window(expected: Iterable[float], units: float) -> int | None:
    """The shortest window in which the plan expects enough that a gain of none means something.

    `expected` says what the plan wants gained in the last 1, 2, ... working days, `units` what it
    wants in all. None: it would be too long, or there is none; then no alert can be justified.
    """
    if units <= 0:
        return None
    enough = log(units / FALSE_STALLS)
    for days, gain in enumerate(islice(expected, LONGEST), 1):
        if gain >= enough - 1e-9:
            return max(days, SHORTEST)
    return None


def rises(points: list[tuple[int, float]]) -> bool:
    """Whether the slope of (day, value) after Theil and Sen is above 0 at one-sided 80 %.

    The lower bound is the slope at the rank that Kendall's statistic gives (Sen 1968).
    """
    slopes = sorted(
        (b - a) / (later - day)
        for n, (day, a) in enumerate(points)
        for later, b in points[n + 1 :]
        if later > day
    )
    if not slopes:
        return False
    n = len(points)
    scatter = CERTAIN * sqrt(n * (n - 1) * (2 * n + 5) / 18)
    rank = max(0, ceil((len(slopes) - scatter) / 2) - 1)
    return slopes[rank] > 0
