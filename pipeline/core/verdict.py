"""What is said of a goal at the close of a day: its status, and whether it stalled (9.6, 10.1)."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from pipeline.core import stall, status
from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, WorkingCalendar, Zone, iso_day
from pipeline.core.definition import Goal, Metric
from pipeline.core.measured import Judged, Reading, may_move
from pipeline.core.messages import NO_PART, Part
from pipeline.core.plan import elapsed, plan
from pipeline.core.reaction import Draft
from pipeline.core.rows import Day
from pipeline.core.signals import Instant
from pipeline.core.spells import Spells
from pipeline.core.stall import CONTINUOUS, HELD, LONGEST, Stall
from pipeline.core.starved import Span
from pipeline.core.status import FEWEST, STRETCH, WARM_UP, Close

FORGOTTEN_MS = 28 * DAY_MS
"""A source that is silent for longer makes nothing stale any more, if there are others."""

BUSY = 3
"""Work items that advanced in a window without gain make a goal busy, not moving."""

EVEN = 0.5
"""A commitment is at risk while its chance to be hit in time is below."""

STALLS = ("goal_stalled", "busy_not_moving")
_RULE = {"at_risk": "goal_at_risk", "off_track": "goal_off_track", "missed": "goal_off_track"}
_ORDER = ("on_track", "at_risk", "off_track", "missed")


class Ground(NamedTuple):
    """What a goal is judged on, beside its values.

    `silences` are those of each source that it rests on; `advanced(since, until)` counts its work
    items that moved in between; `p_hit(day)` is the newest chance to hit the target in time.
    """

    calendar: WorkingCalendar
    silences: dict[str, list[Span]]
    advanced: Callable[[Instant, Instant], int]
    p_hit: Callable[[Day], float | None]


def stale_at(silences: dict[str, list[Span]], at: Instant) -> str:
    """The source that was silent for too long at an instant, if what it tells is missed then."""
    silent = {
        source: start
        for source, spans in silences.items()
        for start, end in spans
        if start <= at and (end is None or at < end)
    }
    missed = [s for s, start in silent.items() if at - start < FORGOTTEN_MS]
    if missed or len(silent) == len(silences):
        return min(missed or silent, default="")
    return ""


def all_silent(silences: dict[str, list[Span]]) -> list[Span]:
    """The spans in which any source of a goal was silent, in their order."""
    return sorted((span for spans in silences.values() for span in spans), key=lambda s: s[0])


def judge(
    draft: Draft,
    goal: Goal,
    metric: Metric,
    day: Day,
    before: Judged,
    judged: Judged,
    children: dict[str, Part],
    spells: Spells,
    ground: Ground,
) -> Judged:
    """The day with its status; what is raised or cleared by it goes into `spells`."""
    assert goal.due_on is not None
    close = ground.calendar.zone.close(day)
    if judged.confirmed is not None and judged.confirmed > (before.confirmed or 0.0) + 1e-12:
        judged = judged._replace(stall=judged.stall._replace(gained=day))
    over = day >= goal.due_on and not judged.streak
    chances = (ground.p_hit(day - 7), ground.p_hit(day))
    _commit(spells, goal, chances, close, over=judged.hit or over)
    if judged.hit or over:
        said = "hit" if judged.hit else "missed"
        why = "" if judged.hit else "the due date passed and the target was not met"
        judged = judged._replace(pulse=status.STEADY, stall=_moving(judged))
        _end_stalls(spells, close)
        return _said(judged, said, why, spells, close)
    silent = stale_at(ground.silences, close)
    if silent or judged.confirmed is None:
        why = f"source {silent} is stale" if silent else "there is no reading"
        return judged._replace(status="unknown", why=why)
    if elapsed(goal, day, ground.calendar)[0] <= WARM_UP:
        return judged._replace(status="warming_up", why=f"the first {WARM_UP} working days")
    if metric.kind == "rollup" and any(part.status in _ORDER for part in children.values()):
        return _worst(judged, children, spells, close)
    if metric.kind == "milestone":
        return judged._replace(status="on_track", why="judged when it is due")
    amount = _Amount(draft, goal, metric, day, ground.calendar)
    works = ground.calendar.works(day)
    if metric.kind not in ("rollup", "sustain"):
        judged = _stall(judged, day, works, amount, spells, ground)
    expected = amount.expected(day) * (STRETCH if goal.class_ == "stretch" else 1.0)
    if amount.counted and expected < FEWEST:
        few = f"the plan expects {expected:.1f} by now: too few to judge"
        return judged._replace(status="warming_up", why=few)
    if not works or expected <= 0:
        known = before.status if before.status in _ORDER else judged.pulse.level
        return judged._replace(status=known, why=before.why)
    gain = amount.gain(judged)
    now = Close(gain / expected, amount.tail(gain, expected, day), ground.p_hit(day))
    pulse = status.beat(judged.pulse, now)
    why = f"{gain:g} gained, {expected:.1f} planned: pace {now.pace:.2f}, chance {now.tail:.3f}"
    if now.p_hit is not None:
        why += f"; {percent(now.p_hit)} likely to be hit in time"
    return _said(judged._replace(pulse=pulse), pulse.level, why, spells, close)


def _commit(
    spells: Spells,
    goal: Goal,
    chances: tuple[float | None, float | None],
    close: Instant,
    *,
    over: bool,
) -> None:
    """Raise that a commitment is at risk, when two weekly forecasts in a row are below one half.

    Of a goal that is exactly on pace every other one is, and the first of an S-curve mostly.
    """
    rule = "commitment_at_risk"
    before, now = chances
    if over or goal.class_ != "committed" or (now is not None and now >= EVEN):
        spells.end(rule, close)
    elif before is not None and before < EVEN and now is not None:
        text = f"{percent(now)} likely to hit the target by its due date, last week {percent(before)}"
        spells.begin(rule, close, text)


def percent(chance: float) -> str:
    """Nobody knows a chance so well as to say that there is none."""
    if chance < 0.01:
        return "less than 1 %"
    return "more than 99 %" if chance > 0.99 else f"{100 * chance:.0f} %"


def _said(judged: Judged, said: str, why: str, spells: Spells, close: Instant) -> Judged:
    """The findings follow the status."""
    for rule in ("goal_at_risk", "goal_off_track"):
        if _RULE.get(said) != rule:
            spells.end(rule, close)
    if said in _RULE:
        spells.begin(_RULE[said], close, why)
    return judged._replace(status=said, why=why)


def _worst(judged: Judged, children: dict[str, Part], spells: Spells, close: Instant) -> Judged:
    """A roll-up is as its worst required child is; colours are never averaged (9.3)."""
    known = [part.status for part in children.values()]
    worst = max((s for s in known if s in _ORDER), key=_ORDER.index)
    level = "off_track" if worst == "missed" else worst
    n = sum(s == worst for s in known)
    why = f"{n} of {len(known)} {worst.replace('_', ' ')}"
    return _said(judged, level, why, spells, close)


# -- stalls --------------------------------------------------------------------------------


def _moving(judged: Judged) -> Stall:
    return Stall("", 0, judged.stall.gained)


def _end_stalls(spells: Spells, close: Instant) -> None:
    for rule in STALLS:
        spells.end(rule, close)


def _stall(
    judged: Judged, day: Day, works: bool, amount: "_Amount", spells: Spells, ground: Ground
) -> Judged:
    """Raised when the window first completes without net gain, cleared after two days with one."""
    known = judged.stall
    size, units = amount.window(day), amount.units
    if not known.rule and (size is None or not works):
        return judged
    start = amount.back(day, size or LONGEST)
    if start is None:
        return judged
    gained = amount.gained(start, day, judged)
    if gained is None:
        return judged
    close = ground.calendar.zone.close(day)
    if known.rule:
        moving = known.moving + 1 if gained else 0
        if moving >= HELD:
            spells.end(known.rule, close)
            return judged._replace(stall=_moving(judged))
        return judged._replace(stall=known._replace(moving=moving))
    if gained:
        return judged
    assert size is not None
    busy = ground.advanced(ground.calendar.zone.close(start), close)
    rule = "busy_not_moving" if busy >= BUSY else "goal_stalled"
    text = f"no net gain for {size} working days"
    if units:
        text += (
            f", in which the plan expected {amount.expected(day) - amount.expected(start):.1f}"
        )
    if busy >= BUSY:
        text += f"; {busy} work items advanced meanwhile"
    spells.begin(rule, close, text)
    return judged._replace(stall=known._replace(rule=rule, moving=0))


class _Amount:
    """What a goal gained and was to gain, in the units in which chance works on it.

    `counted` says whether these are whole things (adopters, work items), `units` how many the
    plan wants in all.
    """

    def __init__(
        self, draft: Draft, goal: Goal, metric: Metric, day: Day, calendar: WorkingCalendar
    ) -> None:
        assert metric.target is not None
        assert metric.baseline is not None
        self._draft = draft
        self._goal = goal
        self._metric = metric
        self._calendar = calendar
        self._way = abs(metric.target - metric.baseline)
        share = metric.kind == "adoption" and metric.unit == "share"
        reach = draft.get(f"reach/{metric.subject}/{day}") if share else None
        self._eligible: int | None = reach[1] if reach else None
        self.counted = metric.kind in ("work", "adoption", "migrate") or metric.count
        self._scale = float(self._eligible or 1)
        self.units = self._way * self._scale if self.counted else 0.0

    def expected(self, day: Day) -> float:
        """What the plan wants gained by the close of a day; nothing before the goal began."""
        assert self._goal.starts_on is not None
        assert self._metric.baseline is not None
        if day < self._goal.starts_on:
            return 0.0
        planned = plan(self._goal, self._metric, day, self._calendar)
        return abs((planned or 0.0) - self._metric.baseline) * self._scale

    def gain(self, judged: Judged) -> float:
        return (judged.confirmed or 0.0) * self._way * self._scale

    def tail(self, gain: float, expected: float, day: Day) -> float:
        if self._eligible:
            return status.binomial_tail(gain, self._eligible, expected / self._eligible)
        if self.counted:
            return status.poisson_tail(gain, expected)
        days = (self._draft.get(f"judged/{d}") for d in range(day - 28, day))
        values = [self.gain(j) for j in days if j is not None and j.confirmed is not None]
        return status.normal_tail(gain, expected, values)

    def _working(self, day: Day) -> Iterator[Day]:
        """The working days before a day on which something was known, newest first."""
        assert self._goal.starts_on is not None
        for other in range(day - 1, self._goal.starts_on - 1, -1):
            if self._calendar.works(other):
                judged: Judged | None = self._draft.get(f"judged/{other}")
                if judged is not None and judged.status != "unknown":
                    yield other
        yield self._goal.starts_on - 1

    def back(self, day: Day, size: int) -> Day | None:
        """The day whose close is `size` working days before; None: before the goal began."""
        return next(islice(self._working(day), size - 1, None), None)

    def window(self, day: Day) -> int | None:
        if not self.counted:
            return CONTINUOUS
        now = self.expected(day)
        gains = (now - self.expected(other) for other in self._working(day))
        return stall.window(gains, self.units)

    def gained(self, start: Day, day: Day, judged: Judged) -> bool | None:
        """Whether it gained since the close of `start`; None: too little was read to say."""
        known: Judged | None = self._draft.get(f"judged/{start}")
        base = self.gain(known) if known is not None else 0.0
        if self.counted:
            return self.gain(judged) > base + 1e-9
        zone: Zone = self._calendar.zone
        points = [(start, base)]
        for other in range(start + 1, day + 1):
            found: Judged | None = self._draft.get(f"judged/{other}")
            read = judged if other == day else found
            if read is None or read.confirmed is None:
                continue
            if may_move(self._draft, self._metric, other, zone):
                points.append((other, self.gain(read)))
        return stall.rises(points) if len(points) >= stall.FEWEST_POINTS else None


def rests_on(
    draft: Draft, metric: Metric, value: float | None, day: Day, zone: Zone
) -> tuple[str, ...]:
    """What a finding of this close rests on: the value, and the newest that was said of it."""
    if value is None or metric.target is None:
        return ()
    found = [f"value: {value:g} of {metric.target:g} on {iso_day(day)}"]
    if metric.kind in ("adoption", "migrate"):
        found.append(f"adoption: {metric.subject} {iso_day(day)}")
    readings: list[Reading] = draft.get("readings") or []
    read = bisect_left(readings, zone.close(day), key=lambda reading: reading.order.at)
    if read and metric.kind in ("kpi", "milestone", "sustain"):
        order = readings[read - 1].order
        found.append(f"reading: {order.source} {order.id}")
    return tuple(found)


def required(draft: Draft, goal: Goal, book: Book, day: Day) -> dict[str, Part]:
    """How far each child is that the goal cannot do without."""
    children = [
        child.id
        for child in book.children_on(goal.id, day)
        if any(parent.id == goal.id and parent.required for parent in child.parents)
    ]
    return {id: (draft.get(f"child/{id}") or {}).get(day, NO_PART) for id in children}
