"""What may come: trials of the future, drawn from what was known on a day (semantics 9.7, 11.3).

Three ways to look ahead - weeks of a team again, blocks of days again, an S-curve - each give an
`Outlook`: per trial the days until the target is met, and the gain at each horizon. All draws
come from one stored seed through uniform numbers alone, so the same facts give the same rows.
"""

import math
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from pipeline.core.definition import Forecasting

Numbers = np.ndarray[Any, np.dtype[np.float64]]

USUAL = Forecasting()
NEVER_WEEKS = 104
"""What is not met within two years is never met, as far as a forecast can say."""

WEEKS = range(8, 27)
"""Weeks of history that throughput rests on: the most, and the fewest to learn a spread from."""
DAYS_BACK = 28
BLOCK = 7
STEP = 6
"""Weeks that are drawn at a time, for the trials that are not through."""

SIGMA = {1: 0.35, 3: 0.28, 6: 0.25, 13: 0.25}
"""Weeks ahead, and how much the logarithm of a team's level may have shifted by then.

Chosen near the best of a few by scaled interval score on the earlier half of simulated teams, five
IETF repositories and Apache Kafka, and so are the next two; `python -m tests.bench forecast` judges
the later half.
"""

SIGMA_MOST = 0.45
PRIOR = 8
"""The organisation's sigma counts as much as so many forecasts of the team's own past."""

Spread = Callable[[int], float]
"""Weeks ahead to sigma."""


class Strand(NamedTuple):
    """Work of one team and kind: finished and added per week, the newest last, and what is left."""

    finished: Sequence[int]
    remaining: float
    added: Sequence[int] = ()


class Outlook(NamedTuple):
    """Per trial the days until the target is met (infinite: never), and the gain per horizon."""

    days: Numbers
    gains: dict[int, Numbers]


class Draws:
    """Random numbers of one seed; made of uniform ones, which no release of numpy changes."""

    def __init__(self, seed: str) -> None:
        number = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest())
        self._generator = np.random.Generator(np.random.PCG64(number))

    def uniform(self, *shape: int) -> Numbers:
        return self._generator.random(shape)

    def exponential(self, *shape: int) -> Numbers:
        return -np.log1p(-self.uniform(*shape))

    def normal(self, *shape: int) -> Numbers:
        radius = np.sqrt(2.0 * self.exponential(*shape))
        return radius * np.cos(2.0 * math.pi * self.uniform(*shape))


# -- weeks of a team, drawn again (11.3) ---------------------------------------------------


def rests_on(finished: Sequence[int]) -> tuple[int, int]:
    """The weeks that count, and what was finished in them."""
    recent = finished[-WEEKS[-1] :]
    return len(recent), sum(recent)


def enough(finished: Sequence[int], rules: Forecasting = USUAL) -> bool:
    """Whether there is history for a forecast (11.3)."""
    weeks, number = rests_on(finished)
    return weeks >= rules.least_weeks and number >= rules.least_finishes


def between(at: float, known: Sequence[tuple[int, float]]) -> float:
    """A value between those at known places; beyond them that of the nearest."""
    places, values = zip(*known, strict=True)
    return float(np.interp(at, places, values))


def spread(finished: Sequence[int]) -> Spread:
    """How much the level of a team may shift, by how much it did in its past (11.3).

    A mean of recent weeks is a forecast of the next ones; where it missed by more than weeks
    differ, the level had shifted. Few such forecasts say little, so they are shrunk to the
    organisation's value.
    """
    path = np.concatenate([[0.0], np.cumsum(np.asarray(finished, dtype=np.float64))])
    square = np.concatenate([[0.0], np.cumsum(np.asarray(finished, dtype=np.float64) ** 2)])
    known = []
    for weeks, prior in SIGMA.items():
        ends = np.arange(WEEKS[0], len(finished) - weeks + 1)
        starts = np.maximum(ends - WEEKS[-1], 0)
        number = ends - starts
        mean = (path[ends] - path[starts]) / number
        variance = (square[ends] - square[starts]) / number - mean**2
        missed = (path[ends + weeks] - path[ends] - weeks * mean) ** 2
        excess = missed - variance * weeks * (1 + weeks / number)
        whole = float(((weeks * mean) ** 2).sum())
        own = max(float(excess.sum()) / whole, 0.0) if whole > 0 else 0.0
        trust = len(ends) / weeks / (len(ends) / weeks + PRIOR)
        known.append((weeks, min(math.sqrt((1 - trust) * prior**2 + trust * own), SIGMA_MOST)))
    return lambda week: between(week, known)


class _Weeks:
    """Weeks that may come: those of the past, weighted anew per trial, at a shifted level.

    The weights are those of the Bayesian bootstrap: exponential numbers over their sum. Equal
    counts share theirs, and so do four trials, which costs a quarter and says as much.
    """

    def __init__(
        self, finished: Sequence[int], draws: Draws, sigma: Spread | None, trials: int
    ) -> None:
        recent = np.sort(np.asarray(finished[-WEEKS[-1] :], dtype=np.float64))
        self.counts, first = np.unique(recent, return_index=True)
        drawn = np.cumsum(draws.exponential(len(recent), -(-trials // 4)), axis=0)
        upto = (drawn / drawn[-1])[[*(first[1:] - 1), -1]]
        self._upto = np.tile(upto, 4)[:, :trials]
        self._below = self._upto.astype(np.float32)
        self._level = draws.normal(trials)
        self._draws = draws
        self._sigma = sigma or spread(finished)

    def mean(self) -> Numbers:
        """Finished per week under the weights of each trial."""
        found: Numbers = self.counts @ np.diff(self._upto, axis=0, prepend=0.0)
        return found

    def draw(self, weeks: int, trials: Any = slice(None)) -> Numbers:
        """What comes in so many weeks, for some of the trials."""
        below = self._below[:, trials]
        chance = self._draws.uniform(weeks, below.shape[1]).astype(np.float32)
        which = np.zeros(chance.shape, np.uint8)
        for border in below[:-1]:
            which += chance > border
        found: Numbers = self.counts[which]
        return found

    def shift(self, first: int, path: Numbers, trials: Any = slice(None)) -> Numbers:
        """What is finished by the end of weeks `first`, and on, at the level that holds then."""
        weeks = range(first, first + len(path))
        sigma = np.array([[self._sigma(week)] for week in weeks])
        shifted: Numbers = path * np.exp(sigma * self._level[trials])
        return shifted


def finished_within(
    finished: Sequence[int],
    weeks: Sequence[int],
    draws: Draws,
    sigma: Spread | None = None,
    rules: Forecasting = USUAL,
) -> dict[int, Numbers] | None:
    """How many a team finishes within so many weeks."""
    if not enough(finished, rules):
        return None
    coming = _Weeks(finished, draws, sigma, rules.trials)
    total = coming.shift(1, np.cumsum(coming.draw(max(weeks)), axis=0))
    return {week: total[week - 1] for week in weeks}


def throughput(
    strands: Sequence[Strand],
    draws: Draws,
    *,
    horizons: Sequence[int] = (),
    scale: float = 1.0,
    sigma: Spread | None = None,
    rules: Forecasting = USUAL,
) -> Outlook | None:
    """When all strands are through: each waits for the slowest (11.3).

    `scale` is how much faster a scenario works (11.2).
    """
    open_ = [strand for strand in strands if strand.remaining > 0]
    if not open_ or not all(enough(strand.finished, rules) for strand in open_):
        return None
    days = np.zeros(rules.trials)
    gains = {horizon: np.zeros(rules.trials) for horizon in horizons}
    for strand in open_:
        coming = _Weeks(strand.finished, draws, sigma, rules.trials)
        left = _with_growth(strand, coming)
        took, done = _work_off(coming, left, horizons, scale)
        days = np.maximum(days, took)
        for horizon in horizons:
            gains[horizon] += np.minimum(done[horizon], strand.remaining)
    return Outlook(days, gains)


def _with_growth(strand: Strand, coming: _Weeks) -> Numbers:
    """What is left, and what will be added to it while it is worked off.

    A share of what is finished comes back as added or split work, so n become n / (1 - share);
    each trial has the share that its weights give the weeks of the past.
    """
    added = strand.added[-WEEKS[-1] :]
    per_week = sum(added) / len(added) if added else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = 1.0 - np.where(per_week > 0, per_week / coming.mean(), 0.0)
        return np.where(kept > 0, strand.remaining / kept, np.inf)


def _work_off(
    coming: _Weeks, left: Numbers, horizons: Sequence[int], scale: float
) -> tuple[Numbers, dict[int, Numbers]]:
    """Days until nothing is left, and what is done by each horizon; infinite where all is."""
    took = np.full(len(left), np.inf)
    by = {horizon: np.full(len(left), np.inf) for horizon in horizons}
    active, done = np.arange(len(left)), np.zeros(len(left))
    for ahead in range(0, NEVER_WEEKS, STEP):
        raw = scale * np.cumsum(coming.draw(STEP, active), axis=0) + done
        path = coming.shift(ahead, np.vstack([done, raw]), active)
        for horizon, found in by.items():
            week, part = divmod(horizon - 7 * ahead, 7)
            if 0 <= week < STEP:
                found[active] = path[week] + (path[week + 1] - path[week]) * part / 7
        met = path[1:] >= left[active]
        through = np.flatnonzero(met.any(axis=0))
        week = met[:, through].argmax(axis=0)
        before, after = path[week, through], path[week + 1, through]
        share = np.clip((left[active[through]] - before) / (after - before), 0.0, 1.0)
        took[active[through]] = 7.0 * (ahead + week + share)
        on = ~met.any(axis=0)
        active, done = active[on], raw[-1, on]
        if not active.size:
            break
    return took, by


# -- blocks of days, drawn again (9.7, member 1) -------------------------------------------


def blocks(
    gains: Sequence[float],
    left: float,
    horizons: Sequence[int],
    draws: Draws,
    trials: int = USUAL.trials,
) -> Outlook:
    """The last 28 daily changes again, seven days at a time from anywhere in them."""
    changes = np.diff(np.asarray(gains[-DAYS_BACK - 1 :], dtype=np.float64))
    starts = np.arange(len(changes) - BLOCK + 1)
    within = np.cumsum(changes[starts[:, None] + np.arange(BLOCK)], axis=1)
    whole, best = within[:, -1], within.max(axis=1)
    days, at = np.full(trials, np.inf), {}
    active, gained = np.arange(trials), np.zeros(trials)
    step = max(STEP, 1 + max(horizons, default=0) // BLOCK)
    for first in range(0, NEVER_WEEKS, step):
        drawn = (draws.uniform(step, active.size) * len(starts)).astype(np.intp)
        before = np.vstack([gained, gained + np.cumsum(whole[drawn], axis=0)])
        for horizon in horizons if first == 0 else ():
            week, part = divmod(horizon, BLOCK)
            at[horizon] = before[week] + (within[drawn[week], part - 1] if part else 0.0)
        met = before[:-1] + best[drawn] >= left - 1e-9
        through = np.flatnonzero(met.any(axis=0))
        week = met[:, through].argmax(axis=0)
        missing = left - 1e-9 - before[week, through]
        day = (within[drawn[week, through]] >= missing[:, None]).argmax(axis=1)
        days[active[through]] = BLOCK * (first + week) + day + 1.0
        on = ~met.any(axis=0)
        active, gained = active[on], before[-1, on]
    return Outlook(days, at)


# -- an S-curve with a ceiling (9.7, member 2) ---------------------------------------------

_LEVELS = 14
_RATES = np.geomspace(0.02, 1.5, 14)
"""Per week."""
_PASSED = 1.0 / (1.0 + np.exp(-np.linspace(-5.0, 5.0, 14)))
"""Share of the curve that is behind us."""


def s_curve(
    gains: Sequence[float],
    left: float,
    ceiling: float,
    horizons: Sequence[int],
    draws: Draws,
    trials: int = USUAL.trials,
) -> Outlook:
    """Logistic curves up to a ceiling, each as likely as it explains the weekly gains so far.

    That of Bass has the same gains: it is a logistic one that began in its middle. A curve says
    how much gain to expect; gains themselves are spread around it as events are, and an event may
    be worth several units.
    """
    path = np.asarray(gains, dtype=np.float64)
    weekly = np.diff(path[::-1][::BLOCK][::-1])
    now = path[-1]
    unit = _unit(path)
    room = max(ceiling - now, unit) * (np.arange(_LEVELS) + 0.5) / _LEVELS
    passed, rate, rest = (
        grid.ravel() for grid in np.meshgrid(_PASSED, _RATES, room, indexing="ij")
    )
    height = rest / (1.0 - passed)
    logit = np.log(passed / (1.0 - passed))
    ages = np.arange(len(weekly), -1, -1.0)
    curve = height / (1.0 + np.exp(-(logit - np.multiply.outer(ages, rate))))
    expected = np.diff(curve, axis=0) + 0.02 * unit
    # each event counts `unit`; more, where weeks differ by more than events do
    between = np.diff(weekly)
    worth = max(
        unit, float(between @ between) / (2 * len(between)) / max(weekly.mean(), unit / 4)
    )
    error = (weekly[:, None] - expected) ** 2 / (worth * expected) + np.log(expected)
    fit = -0.5 * error.sum(axis=0)
    chance = np.cumsum(np.exp(fit - fit.max()))
    pick = np.searchsorted(chance, draws.uniform(trials) * chance[-1])
    passed, rate, height, logit = passed[pick], rate[pick], height[pick], logit[pick]
    events = left / worth
    root = 1.0 - 1.0 / (9 * events) + draws.normal(trials) / (3 * math.sqrt(events))
    needed = left * np.maximum(root, 0.01) ** 3  # a gamma number, after Wilson and Hilferty
    reach = passed + needed / height
    with np.errstate(divide="ignore", invalid="ignore"):
        days = np.where(reach < 1, 7 * (np.log(reach / (1.0 - reach)) - logit) / rate, np.inf)
    days[days > 7 * NEVER_WEEKS] = np.inf
    at = {}
    for horizon in horizons:
        mean = height * (1.0 / (1.0 + np.exp(-(logit + rate * horizon / 7))) - passed)
        at[horizon] = mean + np.sqrt(worth * np.maximum(mean, 0.0)) * draws.normal(trials)
    return Outlook(np.maximum(days, 1.0), at)


def _unit(path: Numbers) -> float:
    """The smallest step that was ever made: one adopter, or its share."""
    steps = np.abs(np.diff(path))
    steps = steps[steps > 1e-9]
    return float(steps.min()) if steps.size else 1.0


# -- simpler ways, to compare with (9.8) ---------------------------------------------------


def repeated(changes: Sequence[float], steps: int, draws: Draws) -> Numbers:
    """The last 28 days repeat: their mean goes on, as scattered as they were.

    Counts are scattered at least as much as events are; few steps cannot show it.
    """
    recent = np.asarray(changes, dtype=np.float64)
    mean = float(recent.mean())
    unit = _unit(np.concatenate([[0.0], np.cumsum(recent)]))
    variance = max(float(recent.var()), abs(mean) * unit)
    return steps * mean + math.sqrt(steps * variance) * draws.normal(USUAL.trials)


def plain_bootstrap(changes: Sequence[float], steps: int, draws: Draws) -> Numbers:
    """Each step is any of the past ones, all as likely."""
    past = np.asarray(changes, dtype=np.float64)
    drawn = (draws.uniform(steps, USUAL.trials) * len(past)).astype(np.intp)
    found: Numbers = past[drawn].sum(axis=0)
    return found


# -- what the trials say -------------------------------------------------------------------


def pool(outlooks: Sequence[Outlook]) -> Outlook:
    """All members count the same."""
    horizons = outlooks[0].gains
    return Outlook(
        np.concatenate([one.days for one in outlooks]),
        {h: np.concatenate([one.gains[h] for one in outlooks]) for h in horizons},
    )


def widened(trials: Numbers, width: float) -> Numbers:
    """Trials of a gain so many times as far from their median."""
    middle = float(np.median(trials))
    return middle + width * (trials - middle)


def later_or_sooner(days: Numbers, width: float) -> Numbers:
    """Days so many times as far from their median, as factors of it."""
    middle = _quantile(days, 0.5)
    if not math.isfinite(middle) or middle <= 0:
        return days
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(days), middle * (days / middle) ** width, np.inf)


def quantiles(trials: Numbers, wanted: Sequence[float]) -> list[float | None]:
    """Quantiles by rank; None where they are never."""
    found = [_quantile(trials, q) for q in wanted]
    return [value if math.isfinite(value) else None for value in found]


def _quantile(trials: Numbers, q: float) -> float:
    rank = min(math.ceil(q * len(trials) - 1e-9), len(trials)) - 1
    return float(np.partition(trials, rank)[rank])


def share_within(days: Numbers, limit: float) -> float:
    return float(np.mean(days <= limit))


def tidy(value: float) -> float:
    """Six digits, which is more than any forecast knows, and the same on every machine."""
    return float(f"{value:.6g}")
