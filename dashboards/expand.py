"""What becomes of a panel's query before ClickHouse sees it: variables first, then macros.

The same as Grafana (variables, `$__conditionalAll`) and the ClickHouse plugin 4.20 (all other
macros) do, so that a page without Grafana and the tests ask what Grafana will ask.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

ALL = "$__all"
"""The value of a variable for which All is picked."""


class MacroError(ValueError):
    """A macro was called in a way that the plugin refuses."""


class Range(NamedTuple):
    """The picked time, and the length of one point of a chart in seconds."""

    start: dt.datetime
    end: dt.datetime
    interval: float = 60.0


class Choice(NamedTuple):
    """What is picked of a variable; `options` are all its values, for what All stands for."""

    value: str | Sequence[str]
    options: Sequence[str] = ()

    @property
    def is_all(self) -> bool:
        return self.value == ALL or (not isinstance(self.value, str) and ALL in self.value)

    @property
    def values(self) -> str | list[str]:
        """One value, or a list where several may be picked."""
        if self.is_all:
            return list(self.options)
        return self.value if isinstance(self.value, str) else list(self.value)


Choices = Mapping[str, Choice]


def expand(sql: str, range_: Range, choices: Choices) -> str:
    """The SQL that reaches ClickHouse.

    Raises:
        MacroError: a macro has the wrong number of arguments, or no duration.
    """
    return macros(
        with_choices(_conditions(sql, choices), {**_times(range_), **choices}), range_
    )


def _times(range_: Range) -> Choices:
    """The picked time as variables of Grafana's own, in milliseconds."""
    ends = {"__from": range_.start, "__to": range_.end}
    millis = {name: str(round(moment.timestamp() * 1000)) for name, moment in ends.items()}
    millis["__interval_ms"] = str(max(int(range_.interval * 1000), 1))
    return {name: Choice(value) for name, value in millis.items()}


# -- variables ---------------------------------------------------------------------------


def _quoted(values: Sequence[str], quote_: str) -> str:
    return ",".join("'" + value.replace("'", quote_) + "'" for value in values)


_FORMATS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "singlequote": lambda values: _quoted(values, "\\'"),
    "sqlstring": lambda values: _quoted(values, "''"),
    "csv": ",".join,
    "raw": ",".join,
    "text": " + ".join,
    "pipe": "|".join,
}

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]")


def with_choices(text: str, choices: Choices) -> str:
    """Put values in the place of `$name`, `${name}` and `${name:format}`; others stay.

    Without a format several values are quoted, one is not: the plugin's own habit.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2] or found[4]
        choice = choices.get(name)
        if choice is None:
            return found[0]
        form = found[3] or found[5]
        values = choice.values
        listed = [values] if isinstance(values, str) else values
        if form == "queryparam":
            # Grafana's address names All itself, not what it stands for.
            shown = [ALL] if choice.is_all else listed
            return "&".join(f"var-{name}={quote(one, safe='$')}" for one in shown)
        if form in _FORMATS:
            return _FORMATS[form](listed)
        return values if isinstance(values, str) else "'" + "','".join(values) + "'"

    return _VARIABLE.sub(value, text)


_CONDITIONAL = "$__conditionalAll"


def _conditions(sql: str, choices: Choices) -> str:
    """Put `1=1` for a condition on a variable that restricts nothing, else the condition."""
    at = len(sql)
    while (at := sql.rfind(_CONDITIONAL + "(", 0, at)) >= 0:
        arguments, end = _arguments(sql, at + len(_CONDITIONAL))
        if len(arguments) != 2:
            return sql
        condition, variable = arguments
        # The plugin does not see a variable that has a format.
        named = re.search(r"(?<=\$\{)\w+(?=\})|(?<=\$)\w+", variable)
        choice = choices.get(named[0]) if named else None
        if choice is not None and (choice.is_all or choice.value in ("", [])):
            condition = "1=1"
        sql = sql[:at] + condition + sql[end:]
    return sql


# -- macros ------------------------------------------------------------------------------


def _seconds(moment: dt.datetime) -> str:
    return f"toDateTime({math.floor(moment.timestamp())})"


def _millis(moment: dt.datetime) -> str:
    since = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return f"fromUnixTimestamp64Milli({since // dt.timedelta(milliseconds=1)})"


def _day(moment: dt.datetime) -> str:
    return f"toDate('{moment.astimezone(dt.UTC):%Y-%m-%d}')"


Spelling = Callable[[dt.datetime], str]


def _between(column: str, range_: Range, spelled: Spelling) -> str:
    return f"{column} >= {spelled(range_.start)} AND {column} <= {spelled(range_.end)}"


def _both(day: str, time: str, range_: Range) -> str:
    return f"({_between(day, range_, _day)}) AND ({_between(time, range_, _seconds)})"


def _bucket(column: str, seconds: int) -> str:
    return f"toStartOfInterval(toDateTime({column}), INTERVAL {seconds} second)"


def _step(range_: Range) -> int:
    return max(int(range_.interval), 1)


def _bucket_ms(column: str, range_: Range) -> str:
    step = max(int(range_.interval * 1000), 1)
    return f"toStartOfInterval(toDateTime64({column}, 3), INTERVAL {step} millisecond)"


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")


def _duration(text: str) -> int:
    """Seconds of a duration as Go writes it: `5m`, `1h30m`; there are no days."""
    bare = text.strip().strip("'\"")
    if not re.fullmatch(f"(?:{_DURATION.pattern})+", bare):
        raise MacroError(f"$__timeGroup: {bare!r} is no duration such as 5m or 24h")
    seconds = round(sum(float(n) * _UNITS[unit] for n, unit in _DURATION.findall(bare)))
    if seconds <= 0:
        raise MacroError(f"$__timeGroup: {bare!r} is shorter than a second")
    return seconds


class _Macro(NamedTuple):
    takes: int
    write: Callable[..., str]
    """Called with the range, then the arguments."""


_MACROS: Mapping[str, _Macro] = {
    "timeFilter": _Macro(1, lambda r, c: _between(c, r, _seconds)),
    "timeFilter_ms": _Macro(1, lambda r, c: _between(c, r, _millis)),
    "dateFilter": _Macro(1, lambda r, c: _between(c, r, _day)),
    "dateTimeFilter": _Macro(2, lambda r, d, t: _both(d, t, r)),
    "dt": _Macro(2, lambda r, d, t: _both(d, t, r)),
    "timeFrom": _Macro(1, lambda r, c: f"{c} >= {_seconds(r.start)}"),
    "timeTo": _Macro(1, lambda r, c: f"{c} <= {_seconds(r.end)}"),
    "fromTime": _Macro(0, lambda r: _seconds(r.start)),
    "toTime": _Macro(0, lambda r: _seconds(r.end)),
    "fromTime_ms": _Macro(0, lambda r: _millis(r.start)),
    "toTime_ms": _Macro(0, lambda r: _millis(r.end)),
    "timeInterval": _Macro(1, lambda r, c: _bucket(c, _step(r))),
    "timeInterval_ms": _Macro(1, lambda r, c: _bucket_ms(c, r)),
    "interval_s": _Macro(0, lambda r: str(_step(r))),
    "timeGroup": _Macro(2, lambda _, c, every: _bucket(c, _duration(every))),
}

_NAME = re.compile(r"\$__(\w+)")

_COMMENT = re.compile(
    r"""
    '(?:[^'\\]|\\.)*' | `(?:[^`\\]|\\.)*` | "(?:[^"\\]|\\.)*"    # nothing in quotes is a comment
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    """,
    re.VERBOSE | re.DOTALL,
)


def macros(sql: str, range_: Range) -> str:
    """Expand the plugin's macros, inner ones first; unknown ones stay, comments go."""
    sql = _COMMENT.sub(lambda found: "" if found["comment"] else found[0], sql)
    for found in reversed(list(_NAME.finditer(sql))):
        macro = _MACROS.get(found[1])
        if macro is None:
            continue
        arguments: list[str] = []
        end = found.end()
        if sql[end : end + 1] == "(":
            arguments, end = _arguments(sql, end)
        if macro.takes and len(arguments) != macro.takes:
            raise MacroError(f"{found[0]} takes {macro.takes} arguments, not {len(arguments)}")
        written = macro.write(range_, *arguments[: macro.takes])
        sql = sql[: found.start()] + written + sql[end:]
    return sql


def _arguments(sql: str, at: int) -> tuple[list[str], int]:
    """The arguments in the parenthesis that opens at `at`, and the place after it.

    Neither Grafana nor the plugin sees brackets or quotes: a comma in `[a, b]` parts arguments.

    Raises:
        MacroError: the parenthesis is not closed.
    """
    depth, start = 0, at + 1
    found: list[str] = []
    for place in re.finditer(r"[(),]", sql[at:]):
        here = at + place.start()
        depth += {"(": 1, ")": -1, ",": 0}[place[0]]
        if depth == 0 or (depth == 1 and place[0] == ","):
            found.append(sql[start:here].strip())
            start = here + 1
        if depth == 0:
            return (found if found != [""] else []), here + 1
    raise MacroError(f"a parenthesis is not closed: {sql[at : at + 40]}")
