"""Numbers and instants as Grafana prints them, by the id of their unit."""

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

Zone = ZoneInfo | dt.timezone
Print = Callable[[float, int | None], str]


def fixed(value: float, decimals: int | None = None) -> str:
    """A number with so many decimals; without, with about three digits that say something."""
    if math.isinf(value):
        return "-∞" if value < 0 else "∞"
    if decimals is None:
        decimals = _decimals(value)
    # JavaScript rounds halves up, and prints the shortest number that is the same.
    factor = 10.0**decimals
    rounded = math.floor(value * factor + 0.5) / factor
    return f"{rounded + 0:.{decimals}f}"


def _decimals(value: float) -> int:
    if value == int(value):
        return 0
    magnitude = 1 - math.floor(math.log(abs(value)) / math.log(10))
    digits = abs(value) / 10.0**-magnitude
    return max(0, magnitude + int(digits > 2.25))


def _with(suffix: str) -> Print:
    return lambda value, decimals: f"{fixed(value, decimals)}{suffix}"


def _scaled(factor: float, words: tuple[str, ...]) -> Print:
    """12345 as 12.3 K: the number of factors in it chooses the word."""

    def print_(value: float, decimals: int | None) -> str:
        power = int(math.log(abs(value), factor) + 1e-9) if abs(value) >= 1 else 0
        power = min(power, len(words) - 1)
        return fixed(value / factor**power, decimals) + words[power]

    return print_


_SCALES = (
    (1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1, "s"), (60, "min"),
    (3600, "hour"), (86400, "day"), (604800, "week"), (31536000, "year"),
)  # fmt: skip


def _lasting(seconds: float, smallest: str, largest: str = "year") -> Print:
    """A duration in the largest word that fits it, in plural from more than one on.

    `seconds` is the length of the unit, `smallest` its own word, `largest` the last one used.
    """
    names = [name for _, name in _SCALES]
    scales = _SCALES[names.index(smallest) : names.index(largest) + 1]

    def print_(value: float, decimals: int | None) -> str:
        total = value * seconds
        fits = [scale for scale in scales if abs(total) >= scale[0] * (1 - 1e-12)]
        length, name = fits[-1] if fits else scales[0]
        count = total / length
        # The unit's own number is printed as it is, without a plural; a day has one.
        counted = name in ("min", "hour", "day", "week", "year")
        bare = name == smallest and name in ("min", "hour")
        plural = "s" if counted and not bare and abs(count) > 1 else ""
        return f"{fixed(count, decimals)} {name}{plural}"

    return print_


def _clock(value: float, _: int | None, *, days: bool) -> str:
    if value < 0:
        return _clock(-value, None, days=days) + " ago"
    count, rest = divmod(value, 86400) if days else (0, value)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    return (
        f"{f'{count:.0f} d ' if count else ''}{hours:02.0f}:{minutes:02.0f}:{int(seconds):02d}"
    )


def _locale(value: float, decimals: int | None) -> str:
    whole, _, part = fixed(value, 3 if decimals is None else decimals).partition(".")
    part = part.rstrip("0")
    return f"{float(f'{whole}.{part}'):,.{len(part)}f}"


_UNITS: Mapping[str, Print] = {
    "none": _with(""),
    "string": lambda value, _: f"{value:g}",
    "short": _scaled(1000, ("", " K", " Mil", " Bil", " Tri", " Quadr", " Quint")),
    "percent": _with("%"),
    "percentunit": lambda value, decimals: f"{fixed(value * 100, decimals)}%",
    "locale": _locale,
    "d": _lasting(86400, "day"),
    "h": _lasting(3600, "hour"),
    "m": _lasting(60, "min"),
    "s": lambda value, decimals: _lasting(1, "ns")(value, decimals) if value else "0 s",
    "ms": _lasting(0.001, "ms"),
    "dtdhms": lambda value, decimals: _clock(value, decimals, days=True),
    "dthms": lambda value, decimals: _clock(value, decimals, days=False),
    "bytes": _scaled(1024, (" B", " KiB", " MiB", " GiB", " TiB", " PiB")),
    "decbytes": _scaled(1000, (" B", " kB", " MB", " GB", " TB", " PB")),
    "ops": _scaled(1000, (" ops/s", "K ops/s", "M ops/s")),
    "cps": _scaled(1000, (" c/s", "K c/s", "M c/s")),
    "reqps": _scaled(1000, (" req/s", "K req/s", "M req/s")),
}

_WORDS = {
    "bool": ("True", "False"),
    "bool_yes_no": ("Yes", "No"),
    "bool_on_off": ("On", "Off"),
}


def printed(value: float, unit: str, decimals: int | None = None) -> str:
    """A number in its unit; an unknown unit is printed behind it, as Grafana does."""
    if unit in _UNITS or not unit:
        return _UNITS[unit or "none"](value, decimals)
    if unit in _WORDS:
        return _WORDS[unit][0 if value else 1]
    kind, colon, word = unit.partition(":")
    if colon and kind == "prefix":
        return word + fixed(value, decimals)
    return f"{fixed(value, decimals)} {word if colon and kind == 'suffix' else unit}"


# -- instants ----------------------------------------------------------------------------

ISO = "YYYY-MM-DD HH:mm:ss"
_PATTERNS = {
    "dateTimeAsIso": ISO,
    "dateTimeAsSystem": ISO,
    "dateTimeAsUS": "MM/DD/YYYY h:mm:ss a",
    "dateTimeAsLocal": "MM/DD/YYYY, hh:mm:ss\N{NARROW NO-BREAK SPACE}A",
}
_LETTERS = {
    "YYYY": "{0:%Y}", "YY": "{0:%y}", "MMMM": "{0:%B}", "MMM": "{0:%b}", "MM": "{0:%m}",
    "M": "{0.month}", "DD": "{0:%d}", "D": "{0.day}", "dddd": "{0:%A}", "ddd": "{0:%a}",
    "HH": "{0:%H}", "H": "{0.hour}", "hh": "{0:%I}", "mm": "{0:%M}", "ss": "{0:%S}",
    "A": "{0:%p}", "Z": "{0:%z}",
}  # fmt: skip
_TOKEN = re.compile(r"\[([^\]]*)\]|(YYYY|YY|M{1,4}|DD?|d{3,4}|HH?|hh?|mm|ss|a|A|Z)")


def is_date(unit: str) -> bool:
    return unit.startswith(("dateTime", "time:"))


def dated(moment: dt.datetime, unit: str, zone: Zone, now: dt.datetime) -> str:
    """An instant in a zone; "from now" is counted from `now`."""
    local = moment.astimezone(zone)
    if unit == "dateTimeFromNow":
        return since(now - moment)
    today = unit.endswith("NoDateIfToday") and local.date() == now.astimezone(zone).date()
    if today:
        return f"{local:%H:%M:%S}"
    if unit.startswith("time:"):
        return _patterned(local, unit.removeprefix("time:"))
    return _patterned(local, _PATTERNS.get(unit.removesuffix("NoDateIfToday"), ISO))


def _patterned(local: dt.datetime, pattern: str) -> str:
    def part(found: re.Match[str]) -> str:
        match found[2]:
            case None:
                return found[1]
            case "h":
                return str(local.hour % 12 or 12)
            case "a":
                return f"{local:%p}".lower()
            case token:
                return _LETTERS[token].format(local)

    return _TOKEN.sub(part, pattern)


_AGES = (
    (45, "a few seconds", 0), (90, "a minute", 0), (45 * 60, "{} minutes", 60),
    (90 * 60, "an hour", 0), (22 * 3600, "{} hours", 3600), (36 * 3600, "a day", 0),
    (26 * 86400, "{} days", 86400), (46 * 86400, "a month", 0),
    (320 * 86400, "{} months", 30.44 * 86400), (548 * 86400, "a year", 0),
)  # fmt: skip


def since(passed: dt.timedelta) -> str:
    """How long ago, in one word: `3 days ago`, `in a month`."""
    seconds = abs(passed.total_seconds())
    words, length = "{} years", 365.25 * 86400.0
    for limit, said, unit in _AGES:
        if seconds < limit:
            words, length = said, unit
            break
    text = words.format(round(seconds / length) if length else "")
    return f"in {text}" if passed < dt.timedelta(0) else f"{text} ago"
