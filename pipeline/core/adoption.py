"""The adoption of one subject by one adopter, as intervals of days and what they add to counts.

An interval is (first day, first day after). Each adopter adds to the counts of a subject where
its intervals begin and end, so counts over any number of adopters are sums of these (semantics
5.2 and 8.2).
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from pipeline.core.calendar import Zone
from pipeline.core.definition import ALWAYS, Measure, VerificationRule
from pipeline.core.rows import Day
from pipeline.core.semver import at_least
from pipeline.core.signals import Instant, Order

FOREVER: Day = 10_000_000
RETENTION = 28
QUIET = 28
"""After more than this many days without use, the next use is a first use again (8.1)."""

Intervals = list[tuple[Day, Day]]

ALL_DAYS: Intervals = [(-FOREVER, FOREVER)]

COLUMNS = (
    "adopters",
    "active_7",
    "active_28",
    "retained",
    "retained_of",
    "eligible",
    "verified_yes",
    "verified_no",
    "responded",
    "new",
    "resurrected",
    "churned",
    "left",
    "activated",
)
LEVELS = 9
"""The first columns are levels (their changes are stored); the others are counts of the day."""

(
    ADOPTERS,
    ACTIVE_7,
    ACTIVE_28,
    RETAINED,
    RETAINED_OF,
    ELIGIBLE,
    YES,
    NO,
    RESPONDED,
    NEW,
    RESURRECTED,
    CHURNED,
    LEFT,
    ACTIVATED,
) = range(len(COLUMNS))

ZERO = [0] * len(COLUMNS)


class Verdict(NamedTuple):
    order: Order
    day: Day
    verdict: str


class Adopter(NamedTuple):
    """All that is remembered of one adopter of one subject; nothing in it is ever changed.

    `uses` holds the actions of each day: who gives a signal to an entity gives it once, and takes
    back what another copy replaces. A definition with another zone, thus other days, is exact after
    a rebuild only, and so is the first use where just that one was taken back. `listed` is since when the list of eligible
    adopters names it or not (None: no list ever named it). `added` is what it has added to the
    counts: (day, column, number). A `stranger` is named by no list although there is one.
    """

    uses: dict[Day, int]
    first_used_at: Instant | None
    pins: list[tuple[Instant, str | None]]
    verdicts: list[Verdict]
    listed: list[tuple[Day, bool]] | None
    added: list[tuple[Day, int, int]]
    waiting: list[tuple[Instant, int]]
    """Uses (at, actions) from before the subject was defined, which says what a day is."""
    stranger: bool = False


NEWCOMER = Adopter({}, None, [], [], None, [], [])


class Stand(NamedTuple):
    """Where an adopter stands: intervals of use, of adoption, and of adoption that counts."""

    active_7: Intervals
    active_28: Intervals
    adopted: Intervals
    counted: Intervals
    eligible: Intervals
    activated: Day | None
    listed: bool


def overlap(a: Intervals, b: Intervals) -> Intervals:
    if b is ALL_DAYS:
        return a
    found: Intervals = []
    for first, end in a:
        for other_first, other_end in b:
            low, high = max(first, other_first), min(end, other_end)
            if low < high:
                found.append((low, high))
    return found


def _spans(days: Sequence[Day], length: int) -> Intervals:
    """Days on which any of the given days lies in the trailing `length` days."""
    spans: Intervals = []
    for day in days:
        if spans and day <= spans[-1][1]:
            spans[-1] = (spans[-1][0], day + length)
        else:
            spans.append((day, day + length))
    return spans


def activation(uses: dict[Day, int], days: Sequence[Day], m: Measure) -> Day | None:
    """The first day on which some first use had led to enough actions on enough days in time."""
    for i, first in enumerate(days):
        if i and first - days[i - 1] <= QUIET:
            continue
        actions = 0
        for distinct, day in enumerate(days[i:], 1):
            if day - first >= m.within:
                break
            actions += uses[day]
            if actions >= m.actions and distinct >= m.days:
                return day
    return None


def eligible_intervals(
    log: list[tuple[Day, bool]] | None, open_: list[tuple[Day, bool]]
) -> Intervals:
    """Days on which the list in force names the adopter, or there is no list."""
    steps = open_ if log is None else log
    if not steps:
        return ALL_DAYS
    found: Intervals = []
    for i, (since, on) in enumerate(steps):
        start = -FOREVER if since == ALWAYS else since
        end = steps[i + 1][0] if i + 1 < len(steps) else FOREVER
        if on:
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
    return found


def stand(adopter: Adopter, measure: Measure, eligible: Intervals, zone: Zone) -> Stand:
    listed = adopter.listed is not None
    if measure.kind == "pinned":
        adopted = _pinned(adopter.pins, measure.at_least, zone)
        counted = overlap(adopted, eligible)
        return Stand(adopted, adopted, adopted, counted, eligible, None, listed)
    days = sorted(adopter.uses)
    active_28 = _spans(days, measure.active)
    activated = activation(adopter.uses, days, measure)
    adopted = [] if activated is None else overlap(active_28, [(activated, FOREVER)])
    counted = overlap(adopted, eligible)
    return Stand(_spans(days, 7), active_28, adopted, counted, eligible, activated, listed)


class Period(NamedTuple):
    """Days, from `start` until before `end`, on which one version of the subject is in force."""

    start: Day
    end: Day
    measure: Measure
    verification: VerificationRule
    eligible: Intervals


def stand_over(adopter: Adopter, periods: Sequence[Period], zone: Zone) -> Stand:
    """Where an adopter stands, each day by the version in force."""
    stands = [stand(adopter, p.measure, p.eligible, zone) for p in periods]
    if len(stands) == 1:
        return stands[0]
    activated = [
        max(s.activated, p.start)
        for s, p in zip(stands, periods, strict=True)
        if s.activated is not None and s.activated < p.end
    ]
    return Stand(
        _joined([s.active_7 for s in stands], periods),
        _joined([s.active_28 for s in stands], periods),
        _joined([s.adopted for s in stands], periods),
        _joined([s.counted for s in stands], periods),
        _joined([s.eligible for s in stands], periods),
        min(activated, default=None),
        stands[0].listed,
    )


def _joined(by_period: Sequence[Intervals], periods: Sequence[Period]) -> Intervals:
    """Of each period its own intervals; what goes on over a turn is one interval."""
    found: Intervals = []
    for intervals, period in zip(by_period, periods, strict=True):
        for first, end in overlap(intervals, [(period.start, period.end)]):
            if found and found[-1][1] == first:
                found[-1] = (found[-1][0], end)
            else:
                found.append((first, end))
    return found


def _pinned(pins: Sequence[tuple[Instant, str | None]], least: str, zone: Zone) -> Intervals:
    """Days at whose close the last pin is at or above the version."""
    by_day: dict[Day, bool] = {}
    for at, version in pins:
        by_day[zone.day(at)] = at_least(version, least)
    found: Intervals = []
    since: Day | None = None
    for day in sorted(by_day):
        if by_day[day] and since is None:
            since = day
        elif not by_day[day] and since is not None:
            found.append((since, day))
            since = None
    if since is not None:
        found.append((since, FOREVER))
    return found


def added(
    s: Stand, verdicts: list[Verdict], periods: Sequence[Period]
) -> list[tuple[Day, int, int]]:
    """What an adopter adds to the counts of its subject, sorted: (day, column, number).

    Whom no list names is not counted as eligible: without a list nobody knows how many there
    are.
    """
    sums: dict[tuple[Day, int], int] = {}
    _level(sums, ADOPTERS, s.counted)
    _level(sums, ACTIVE_7, overlap(s.active_7, s.eligible))
    _level(sums, ACTIVE_28, overlap(s.active_28, s.eligible))
    if s.listed:
        _level(sums, ELIGIBLE, s.eligible)
    if s.counted:
        base = overlap([(a + RETENTION, b + RETENTION) for a, b in s.counted], s.eligible)
        _level(sums, RETAINED_OF, base)
        _level(sums, RETAINED, overlap(base, s.active_28))
        for i, (first, end) in enumerate(s.counted):
            sums[first, RESURRECTED if i else NEW] = 1
            if end < FOREVER:
                stays = any(a <= end < b for a, b in s.adopted)
                sums[end, LEFT if stays else CHURNED] = 1
        if verdicts:
            _add_verdicts(sums, s, verdicts, periods)
    if s.activated is not None and any(a <= s.activated < b for a, b in s.eligible):
        sums[s.activated, ACTIVATED] = 1
    return sorted([(day, column, n) for (day, column), n in sums.items() if n])


def _level(sums: dict[tuple[Day, int], int], column: int, intervals: Intervals) -> None:
    """Add 1 where an interval begins (from always: on the day before all days), less where it ends."""
    for first, end in intervals:
        sums[first, column] = sums.get((first, column), 0) + 1
        if end < FOREVER:
            sums[end, column] = sums.get((end, column), 0) - 1


def _add_verdicts(
    sums: dict[tuple[Day, int], int],
    s: Stand,
    verdicts: list[Verdict],
    periods: Sequence[Period],
) -> None:
    last: dict[Day, str] = {}
    for verdict in sorted(verdicts, key=lambda v: v.order):
        last[verdict.day] = verdict.verdict
    days = sorted(last)
    for column, wanted in (
        (YES, ("yes",)),
        (NO, ("no",)),
        (RESPONDED, ("yes", "no", "partly")),
    ):
        holds: list[Intervals] = []
        for period in periods:
            spans: Intervals = []
            for day, following in zip_longest(days, days[1:], fillvalue=FOREVER):
                if last[day] in wanted:
                    spans.append((day, min(day + period.verification.valid, following)))
            holds.append(spans)
        valid = holds[0] if len(holds) == 1 else _joined(holds, periods)
        _level(sums, column, overlap(s.counted, valid))
