"""Days, zones and working days of the simulator, which shares no code with the core."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def instant(at: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime."""
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


def rfc3339(at: int) -> str:
    """An instant as people and files write it, in UTC with milliseconds."""
    seconds, millis = divmod(at, 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"


def day_number(text: str) -> int:
    """The number of an ISO date."""
    return date.fromisoformat(text).toordinal()


def day_text(day: int) -> str:
    """The ISO date of a day number."""
    return date.fromordinal(day).isoformat()


@cache
def _midnight(zone: ZoneInfo, day: int) -> int:
    start = date.fromordinal(day)
    return instant(datetime(start.year, start.month, start.day, tzinfo=zone))


@dataclass(frozen=True, slots=True)
class Calendar:
    """One zone with its working days; a day is its number, as of `date.toordinal`."""

    zone: ZoneInfo
    weekdays: frozenset[int]
    holidays: frozenset[int]

    def start(self, day: int) -> int:
        """Local midnight at which the day begins."""
        return _midnight(self.zone, day)

    def close(self, day: int) -> int:
        """Local midnight at which the day ends."""
        return _midnight(self.zone, day + 1)

    def local(self, at: int) -> datetime:
        """Local wall time, to the millisecond."""
        moment = datetime.fromtimestamp(at // 1000, self.zone)
        return moment + timedelta(milliseconds=at % 1000)

    def day(self, at: int) -> int:
        """The day an instant belongs to."""
        return datetime.fromtimestamp(at // 1000, self.zone).toordinal()

    def working(self, day: int) -> bool:
        """Whether the team works that day."""
        return date.fromordinal(day).weekday() in self.weekdays and day not in self.holidays

    def next_working(self, day: int) -> int:
        """The first working day that is not before the given one."""
        while not self.working(day):
            day += 1
        return day

    def add(self, at: int, days: int) -> int:
        """The same wall time so many working days later."""
        moment = self.local(at)
        day = moment.toordinal()
        clock = moment.time()
        if not self.working(day):
            day, clock = self.next_working(day), clock.min
        for _ in range(days):
            day = self.next_working(day + 1)
        return instant(datetime.combine(date.fromordinal(day), clock, tzinfo=self.zone))

    def gap(self, start: int, end: int) -> int:
        """The fewest working days that lead from one instant to another or past it."""
        days = 0
        while self.add(start, days) < end:
            days += 1
        return days


def calendar(record: Mapping[str, object], parent: Calendar | None = None) -> Calendar:
    """The calendar a definition names; what it leaves out comes from the parent."""
    zone = record.get("timezone")
    holidays = record.get("holidays")
    return Calendar(
        zone=ZoneInfo(str(zone)) if zone else parent.zone if parent else ZoneInfo("UTC"),
        weekdays=parent.weekdays if parent else frozenset(range(5)),
        holidays=frozenset(day_number(str(day)) for day in holidays)
        if isinstance(holidays, list)
        else parent.holidays
        if parent
        else frozenset(),
    )
