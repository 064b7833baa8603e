"""A panel's queries answered: columns with a type, and for time series one column per series."""

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboards.expand import Choices, MacroError, Range, expand

Answer = tuple[Sequence[str], Sequence[str], Sequence[Sequence[Any]]]
"""Names, ClickHouse types, rows."""

Run = Callable[[str], Answer]
"""Answers SQL, or raises QueryFailed."""

Kind = Literal["time", "number", "string", "boolean"]

TIME_SERIES, TABLE = 0, 1


class QueryFailed(Exception):  # noqa: N818 - it says what the answer is
    """A query was refused; the message says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column; times are aware, text is text, numbers are numbers or None."""

    name: str
    kind: Kind
    values: list[Any]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """Columns of equal length, as one target answered."""

    ref: str
    fields: list[Field]

    @property
    def length(self) -> int:
        return len(self.fields[0].values) if self.fields else 0

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.fields]

    def picked(self, columns: Sequence[int]) -> "Frame":
        """A frame of some of the columns."""
        return Frame(self.ref, [self.fields[n] for n in columns])

    def row(self, n: int) -> dict[str, Any]:
        return {field.name: field.values[n] for field in self.fields}


def answered(
    targets: Sequence[Mapping[str, Any]], run: Run, range_: Range, choices: Choices
) -> list[Frame]:
    """The frames of a panel's targets.

    Raises:
        QueryFailed: a target cannot be expanded or answered, or is no time series though it says so.
    """
    found = []
    for target in targets:
        ref = target.get("refId", "A")
        try:
            sql = expand(target["rawSql"], range_, choices)
        except MacroError as error:
            raise QueryFailed(str(error)) from None
        frame = framed(ref, run(sql))
        if target.get("format", TIME_SERIES) == TIME_SERIES:
            frame = widened(frame)
        found.append(frame)
    return found


def framed(ref: str, answer: Answer) -> Frame:
    """Rows as columns, in the types that the ClickHouse plugin gives them."""
    names, types, rows = answer
    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    return Frame(ref, [
        _field(name, type_, values)
        for name, type_, values in zip(names, types, columns, strict=True)
    ])  # fmt: skip


_BARE = re.compile(r"^(?:Nullable|LowCardinality)\((.*)\)$")


def _field(name: str, type_: str, values: Sequence[Any]) -> Field:
    while found := _BARE.match(type_):
        type_ = found[1]
    if type_.startswith("Date"):
        return Field(name, "time", [_instant(value) for value in values])
    if type_ == "Bool":
        return Field(name, "boolean", list(values))
    if re.match(r"U?Int|Float|Decimal|BFloat", type_):
        return Field(name, "number", [_number(value) for value in values])
    return Field(name, "string", [_text(value) for value in values])


def _instant(value: Any) -> dt.datetime | None:
    """A day is its first instant in UTC, as the plugin has it."""
    match value:
        case None:
            return None
        case dt.datetime():
            return value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        case _:
            return dt.datetime.combine(value, dt.time(), dt.UTC)


def _number(value: Any) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    number = float(value)
    return None if math.isnan(number) else number


def _text(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case list() | tuple() | dict():
            return json.dumps(value, default=str)
        case _:
            return str(value)


def widened(frame: Frame) -> Frame:
    """A column per series, out of rows with a time, numbers and labels; gaps are None.

    Raises:
        QueryFailed: there is no time, or it does not ascend, which the plugin refuses.
    """
    times = next((field for field in frame.fields if field.kind == "time"), None)
    if times is None or any(value is None for value in times.values):
        raise QueryFailed("a time series needs a column of times, without NULL")
    if any(a > b for a, b in zip(times.values, times.values[1:], strict=False)):
        raise QueryFailed("a time series must be sorted by time, ascending")
    labels = [field for field in frame.fields if field.kind == "string"]
    numbers = [field for field in frame.fields if field.kind in ("number", "boolean")]
    moments = list(dict.fromkeys(times.values))
    place = {moment: n for n, moment in enumerate(moments)}
    series: dict[tuple[Any, ...], Field] = {}
    if not labels:
        for one in numbers:
            series[one.name,] = Field(one.name, one.kind, [None] * len(moments))
    for n, moment in enumerate(times.values):
        named = {label.name: label.values[n] or "" for label in labels}
        for one in numbers:
            key = (one.name, *named.values())
            if key not in series:
                series[key] = Field(one.name, one.kind, [None] * len(moments), named)
            series[key].values[place[moment]] = one.values[n]
    ordered = (
        [series[key] for key in sorted(series, key=lambda key: key[1:])]
        if labels
        else list(series.values())
    )
    return Frame(frame.ref, [Field(times.name, "time", moments), *ordered])
