"""How often goals are called off track or stalled, rightly and wrongly: `python -m tests.bench alarms`.

Simulated goals go through the goal itself, a reading a day, and beside it what simpler rules say
of the same goals: off track below 75 % of the plan, at risk below 90 % (fixed bands), and stalled
after 14 days without activity. Fewer goals show when a commitment is at risk, beside a rule that
takes one forecast below one half for it; what is hit after all was said wrongly. Every goal takes 65 working days; what it gains in a day is a
Poisson count around what the plan wants of that day.
"""

# ruff: noqa: T201 -- a benchmark prints

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, WorkingCalendar, day_number, iso_day
from pipeline.core.definition import Goal
from pipeline.core.measured import Judged, Reading
from pipeline.core.plan import plan
from pipeline.core.react import react
from pipeline.core.signals import Defined, Order
from pipeline.core.spells import Known
from pipeline.core.stall import LONGEST, window
from pipeline.core.verdict import EVEN, STALLS

START = day_number("2026-01-05")
WORKING = 65
TARGETS = (12, 40, 200)
PLANS = ("linear", "s_curve")
SEED = 7


@dataclass
class Parts:
    """The parts of one goal, in memory."""

    values: dict[str, Any]
    kept: Any = None

    def get(self, key: str, /) -> Any:
        return self.values.get(key)


class Said(NamedTuple):
    """Findings, status per working day, and the chances of its weekly forecasts."""

    known: Known
    statuses: list[str]
    chances: list[float]


@dataclass
class Kind:
    """One kind of goal: its definition, and what its plan expects by the close of each day."""

    target: int
    shape: str
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        due = START + 13 * 7 - 3
        record = {
            "level": "product",
            "owners": ["team"],
            "metric": {"kind": "kpi", "count": True, "baseline": 0, "target": self.target},
            "plan": self.shape,
            "starts_on": iso_day(START),
            "due_on": iso_day(due),
        }
        self.book.add(
            Defined(kind="goal", id="goal", record=record), Order(0, "c", (0, 0, ""), "1")
        )
        self.due = due
        goal = self.book.goal("goal")
        assert goal is not None
        self.goal: Goal = goal
        self.calendar: WorkingCalendar = self.book.calendar("goal", "goal")
        self.days = [d for d in range(START, due + 1) if self.calendar.works(d)]
        assert goal.metric is not None
        planned = [plan(goal, goal.metric, d, self.calendar) for d in self.days]
        self.expected = np.array([p or 0.0 for p in planned])

    def window_at(self, n: int) -> int | None:
        """The window at the n-th working day (from 0)."""
        before = [0.0, *map(float, self.expected[:n])]
        now = float(self.expected[n])
        return window((now - then for then in reversed(before)), float(self.target))

    def judged(self, gains: np.ndarray, silent: tuple[int, int] | None = None) -> Said:
        """What the product says of a goal that gains so much a day.

        `silent` are the working days (from 0) on which its source is stale.
        """
        values = np.cumsum(gains)
        readings = [
            Reading(Order((day * DAY_MS) + 1, "s", (0, 0, ""), str(day)), float(value))
            for day, value in zip(self.days, values, strict=True)
        ]
        parts = Parts({"readings": readings, "dirty": START})
        if silent is not None:
            span = tuple(self.days[n] * DAY_MS for n in silent)
            parts.values |= {"sources": ["s"], "silences": {"s": [span]}}
        now = (self.due + 1) * DAY_MS
        reaction = react("goal:goal", parts, None, now, self.book)
        days = [reaction.parts[f"judged/{day}"] for day in self.days]
        statuses = [j.status for j in days if isinstance(j, Judged)]
        made = (reaction.parts.get(f"forecast/{day}") for day in range(START, self.due + 1))
        chances = [m.p_hit for m in made if m is not None and m.p_hit is not None]
        return Said(reaction.parts.get("spells") or {}, statuses, chances)


def main(number: int) -> None:
    print(f"{number:,} simulated goals of each kind, 65 working days, seed {SEED}")
    print("on pace: share that is ever called off track / stalled, changes of status per goal;")
    print("60 %: working day on which half of them were called off track; stalled: share found")
    print(
        "within 1.5 windows. In brackets: fixed bands of 90 and 75 %, and 14 days without activity."
    )
    print()
    print(
        "| target | plan | on pace: off track | stalled | changes | 60 % pace: caught | stalled: found |"
    )
    print("|---|---|---|---|---|---|---|")
    for target in TARGETS:
        for shape in PLANS:
            print(_row(Kind(target, shape), number), flush=True)
    print(f"\nstalled goals whose source is stale: {_while_stale(Kind(40, 'linear'), number)}")
    few = max(number // 25, 1)
    print(
        f"\ncommitment_at_risk, {few:,} goals of each kind, in brackets by one forecast alone"
    )
    print("| target | plan | on pace, and hit: raised | on pace, missed | 60 %: raised |")
    print("|---|---|---|---|---|")
    for target in TARGETS:
        for shape in PLANS:
            print(_at_risk(Kind(target, shape), few), flush=True)


def _while_stale(kind: Kind, number: int) -> str:
    """A goal stands still, and its source is stale for some weeks: how often that is a stall."""
    rng = np.random.default_rng(SEED)
    raised = before = 0
    for gains in rng.poisson(np.diff(kind.expected, prepend=0.0), (number, WORKING)):
        stop = int(rng.integers(15, 35))
        still = np.where(np.arange(WORKING) < stop, gains, 0)
        silent = (stop + 2, stop + 2 + int(rng.integers(5, 25)))
        known = kind.judged(still, silent).known
        start, end = (kind.days[n] * DAY_MS for n in silent)
        raised += any(
            start <= spell.raised_at < end for rule in STALLS for spell in known.get(rule, [])
        )
        before += bool(list(_stalls(kind, known)))
    return f"{raised} of {number:,} called stalled meanwhile, {before:,} before or after"


def _at_risk(kind: Kind, number: int) -> str:
    """How often a commitment is called at risk, by whether it is hit in the end."""
    rng = np.random.default_rng(SEED)
    daily = np.diff(kind.expected, prepend=0.0)
    parts = []
    for pace, hit in ((1.0, True), (1.0, False), (0.6, None)):
        two: list[bool] = []
        one: list[bool] = []
        for gains in rng.poisson(daily * pace, (number, WORKING)):
            if hit is None or hit == bool(gains.sum() >= kind.target):
                known, _, chances = kind.judged(gains)
                two.append("commitment_at_risk" in known)
                one.append(any(p < EVEN for p in chances))
        parts.append(f"{np.mean(two):.0%} ({np.mean(one):.0%})")
    return f"| {kind.target} | {kind.shape} | {' | '.join(parts)} |"


def _row(kind: Kind, number: int) -> str:
    rng = np.random.default_rng(SEED)
    daily = np.diff(kind.expected, prepend=0.0)
    off = stalled = changes = fixed_off = quiet = fixed_changes = 0
    for gains in rng.poisson(daily, (number, WORKING)):
        known, statuses, _ = kind.judged(gains)
        off += any(day < WORKING for day in _raised(kind, known, "goal_off_track"))
        stalled += any(True for _ in _stalls(kind, known))
        levels = [s for s in statuses if s in ("on_track", "at_risk", "off_track")]
        changes += sum(a != b for a, b in pairwise(levels))
        bands = _bands(kind, gains)
        fixed_off += "off" in bands
        fixed_changes += sum(a != b for a, b in pairwise(bands))
        quiet += _quiet(kind, gains) is not None
    caught: list[float] = []
    fixed_caught: list[float] = []
    for gains in rng.poisson(daily * 0.6, (number, WORKING)):
        known = kind.judged(gains).known
        caught.append(min(_raised(kind, known, "goal_off_track"), default=WORKING))
        bands = _bands(kind, gains)
        fixed_caught.append(bands.index("off") + 11 if "off" in bands else WORKING)
    found = possible = fixed_found = 0
    for gains in rng.poisson(daily, (number, WORKING)):
        stop = int(rng.integers(15, 45))
        size = kind.window_at(min(stop + LONGEST // 2, WORKING - 1))
        if size is None or stop + 1.5 * size >= WORKING:
            continue
        possible += 1
        still = np.where(np.arange(WORKING) < stop, gains, 0)
        last = max((n for n in range(stop) if still[n]), default=0)
        known = kind.judged(still).known
        found += any(last < day <= stop + 1.5 * size for day in _stalls(kind, known))
        seen = _quiet(kind, still)
        fixed_found += seen is not None and seen <= stop + 1.5 * size
    share = (
        "no alert can be justified"
        if not possible
        else f"{found / possible:.0%} ({fixed_found / possible:.0%})"
    )
    return (
        f"| {kind.target} | {kind.shape} | {off / number:.1%} ({fixed_off / number:.0%})"
        f" | {stalled / number:.1%} ({quiet / number:.0%})"
        f" | {changes / number:.2f} ({fixed_changes / number:.1f})"
        f" | day {median(caught):.0f} ({median(fixed_caught):.0f}) | {share} |"
    )


def _raised(kind: Kind, known: Known, rule: str) -> Iterator[int]:
    """The working days (from 1) at whose close a rule was raised."""
    for spell in known.get(rule, []):
        yield kind.calendar.count(START, spell.raised_at // DAY_MS - 1)


def _stalls(kind: Kind, known: Known) -> Iterator[int]:
    for rule in STALLS:
        yield from _raised(kind, known, rule)


def _bands(kind: Kind, gains: np.ndarray) -> list[str]:
    """Fixed bands, after the same first ten working days, without confirmation."""
    pace = np.cumsum(gains)[10:] / kind.expected[10:]
    return ["off" if p < 0.75 else "risk" if p < 0.9 else "on" for p in pace]


def _quiet(kind: Kind, gains: np.ndarray) -> int | None:
    """The working day (from 1) at whose close 14 days had passed without a gain; None: never."""
    last = START - 1
    for n, day in enumerate(kind.days):
        if gains[n]:
            last = day
        elif day - last >= 14:
            return n + 1
    return None
