"""Days, time zones and working days (semantics 3.9 and 4.4).

A day is the number of days since 1970-01-01 of a local date; an instant is in milliseconds UTC.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache
from zoneinfo import ZoneInfo

from pipeline.core.rows import Day
from pipeline.core.signals import Instant

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
_EPOCH = dt.date(1970, 1, 1)
_UTC_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def day_number(text: str | dt.date) -> Day:
    """Days since 1970-01-01 of an ISO date; ValueError when it is none."""
    date = dt.date.fromisoformat(text) if isinstance(text, str) else text
    return (date - _EPOCH).days


def iso_day(day: Day) -> str:
    return (_EPOCH + dt.timedelta(days=day)).isoformat()


def to_instant(moment: dt.datetime) -> Instant:
    """Milliseconds since the epoch of an aware datetime, digits below cut off."""
    return (moment - _UTC_EPOCH) // dt.timedelta(milliseconds=1)


def iso_instant(at: Instant) -> str:
    moment = _UTC_EPOCH + dt.timedelta(milliseconds=at)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def compact(at: Instant) -> str:
    """The instant as finding ids write it: 20260319T090000Z."""
    return (_UTC_EPOCH + dt.timedelta(milliseconds=at)).strftime("%Y%m%dT%H%M%SZ")


class Zone:
    """One IANA zone: which local day an instant falls in, and when a day begins."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._info = ZoneInfo(name)
        self._starts: dict[Day, Instant] = {}

    def start(self, day: Day) -> Instant:
        """00:00 local of the day; where that is skipped, the first instant of the day."""
        known = self._starts.get(day)
        if known is None:
            known = self._starts[day] = self.at(day, 0)
        return known

    def close(self, day: Day) -> Instant:
        return self.start(day + 1)

    def day(self, at: Instant) -> Day:
        day = at // DAY_MS
        while at < self.start(day):
            day -= 1
        while at >= self.start(day + 1):
            day += 1
        return day

    def last_closed(self, now: Instant) -> Day:
        """The newest day whose close is not after now."""
        return self.day(now) - 1

    def at(self, day: Day, wall_ms: int) -> Instant:
        """The instant of a wall time; a skipped one moves forward, a repeated one is the first."""
        wall = dt.datetime(1970, 1, 1) + dt.timedelta(days=day, milliseconds=wall_ms)
        return to_instant(wall.replace(tzinfo=self._info))

    def wall(self, at: Instant) -> tuple[Day, int]:
        """Local day and milliseconds on the clock's face since its midnight."""
        local = (_UTC_EPOCH + dt.timedelta(milliseconds=at)).astimezone(self._info)
        since = local.replace(tzinfo=None) - dt.datetime(local.year, local.month, local.day)
        return day_number(local.date()), since // dt.timedelta(milliseconds=1)


@cache
def zone(name: str) -> Zone:
    return Zone(name)


class Week:
    """Working days: weekdays 0 (Monday) to 6, without the holidays."""

    def __init__(self, weekdays: frozenset[int], holidays: frozenset[Day]) -> None:
        self._weekdays = weekdays
        self._holidays = sorted(day for day in holidays if (day + 3) % 7 in weekdays)
        self._holiday_set = holidays
        self._before = [0]
        for index in range(7):
            # 1970-01-01 was a Thursday (3): weekday of day n is (n + 3) % 7
            self._before.append(self._before[-1] + ((index + 3) % 7 in weekdays))

    def works(self, day: Day) -> bool:
        return (day + 3) % 7 in self._weekdays and day not in self._holiday_set

    def until(self, day: Day) -> int:
        """Working days before `day`, counted from 1970-01-01 (negative before it)."""
        weeks, rest = divmod(day, 7)
        plain = weeks * self._before[7] + self._before[rest]
        return plain - bisect_left(self._holidays, day) + bisect_right(self._holidays, -1)


class WorkingCalendar:
    """Working days of one zone: the week that is in force, and from which days on others are."""

    def __init__(
        self, zone_name: str, week: Week, later: Sequence[tuple[Day, Week]] = ()
    ) -> None:
        self.zone = zone(zone_name)
        self._starts = [start for start, _ in later]
        self._weeks = [week, *(other for _, other in later)]
        self._base = [0]
        for n, (start, other) in enumerate(later):
            before = self._base[n] + self._weeks[n].until(start)
            self._base.append(before - other.until(start))
        self._after: dict[tuple[Day, int], Day] = {}

    def works(self, day: Day) -> bool:
        return self._weeks[bisect_right(self._starts, day)].works(day)

    def _until(self, day: Day) -> int:
        """Working days before `day`, from some day on that is always the same."""
        n = bisect_right(self._starts, day)
        return self._base[n] + self._weeks[n].until(day)

    def count(self, first: Day, last: Day) -> int:
        """Working days in first..last, both included; 0 when last is before first."""
        return max(0, self._until(last + 1) - self._until(first))

    def next_working(self, day: Day) -> Day:
        while not self.works(day):
            day += 1
        return day

    def add(self, at: Instant, days: int) -> Instant:
        """The same local wall time on the n-th working day after `at` (semantics 4.4)."""
        day, wall = self.zone.wall(at)
        if not self.works(day):
            day, wall = self.next_working(day), 0
        return self.zone.at(self._nth_after(day, days), wall)

    def _nth_after(self, day: Day, days: int) -> Day:
        """The n-th working day after `day`; the few graces of a team are asked for again and again."""
        known = self._after.get((day, days))
        if known is None:
            known = day
            for _ in range(days):
                known = self.next_working(known + 1)
            self._after[day, days] = known
        return known

    def gap(self, start: Instant, end: Instant) -> int:
        """The least whole n with add(start, n) >= end."""
        first, last = self.zone.day(start), self.zone.day(end)
        days = max(0, self.count(first + 1, last) - 1)
        while self.add(start, days) < end:
            days += 1
        return days
