"""What a page consists of: dashboards, the values of their variables, and a section for each.

A section is a dashboard with one choice of values. Of several variables one is varied at a time:
all combinations would be too many for a file.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dashboards.expand import ALL, Choice, Choices, Range, expand
from dashboards.preview.fields import Json, To, View
from dashboards.preview.frames import Answer, Frame, QueryFailed, Run, answered
from dashboards.preview.panels import panel
from dashboards.preview.units import Zone
from dashboards.shared import asker, columns_of

WIDTH = 1400
"""Pixels that a dashboard is thought to be wide: a chart has about one point for each."""


class Variable(NamedTuple):
    """What a dashboard asks for: `values` and what people read; the first is picked at first."""

    name: str
    label: str
    values: Sequence[tuple[str, str]]
    several: bool

    @property
    def first(self) -> str:
        return self.values[0][0] if self.values else ""

    def shown(self, most: int | None) -> Sequence[tuple[str, str]]:
        """So many values, and All."""
        return self.values if most is None else self.values[: most + (self.first == ALL)]

    def choice(self, value: str) -> Choice:
        options = [one for one, _ in self.values if one != ALL]
        return Choice([value] if self.several else value, options)


@dataclass(frozen=True)
class Board:
    """A dashboard and the values of its variables in this store."""

    body: Json
    variables: Sequence[Variable]

    @property
    def uid(self) -> str:
        return str(self.body["uid"])

    @property
    def title(self) -> str:
        return str(self.body["title"])

    @property
    def first(self) -> tuple[str, ...]:
        """The values that are picked at first."""
        return tuple(one.first for one in self.variables)

    def picked(self, chosen: Mapping[str, str]) -> tuple[str, ...] | None:
        """What is chosen, else the first; None where a value is chosen that there is not."""
        values = tuple(chosen.get(one.name, one.first) for one in self.variables)
        there = (
            value == one.first or value in dict(one.values)
            for one, value in zip(self.variables, values, strict=True)
        )
        return values if all(there) else None

    def sections(self, most: int) -> list[tuple[str, ...]]:
        """Values picked of all variables: the first ones, then each with another value."""
        first = self.first
        found = [first]
        for n, one in enumerate(self.variables):
            found += [(*first[:n], value, *first[n + 1 :]) for value, _ in one.shown(most)[1:]]
        return found

    def address(self, picked: Sequence[str]) -> str:
        """`uid?variable=value`; what is picked anyway is left out."""
        said = {
            one.name: value
            for one, value in zip(self.variables, picked, strict=True)
            if value != one.first
        }
        return f"{self.uid}?{urlencode(said)}" if said else self.uid


class Once:
    """Asks each distinct query once, however many panels and sections ask it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: dict[str, Answer | QueryFailed] = {}

    def __call__(self, sql: str) -> Answer:
        if sql not in self._known:
            try:
                self._known[sql] = self._run(sql)
            except QueryFailed as error:
                self._known[sql] = error
        found = self._known[sql]
        if isinstance(found, QueryFailed):
            raise found
        return found


def clock(run: Run) -> dt.datetime | None:
    """How far the store knows: its clock, else its newest signal; None where it knows nothing."""
    for sql in (
        "SELECT max(as_of) AS at FROM signals.goals_now",
        "SELECT max(time) AS at FROM signals.signals WHERE source != 'config'",
    ):
        _, _, rows = run(sql)
        at = rows[0][0] if rows else None
        # The largest of nothing is the beginning of all times.
        if isinstance(at, dt.datetime) and at.year > 1970:
            return at
    return None


def known(body: Json, run: Run, now: dt.datetime) -> Board:
    """A dashboard with the values that its variables have in the store.

    Raises:
        QueryFailed: the query of a variable is refused.
    """
    variables: list[Variable] = []
    choices: dict[str, Choice] = {}
    for one in body.get("templating", {}).get("list", ()):
        if one["type"] != "query":
            continue
        query = one["query"]["rawSql"] if isinstance(one["query"], dict) else one["query"]
        try:
            _, _, rows = run(expand(query, _range(body, now), choices))
        except (QueryFailed, ValueError) as error:
            raise QueryFailed(f"variable {one['name']}: {error}") from None
        values = [(str(row[0]), str(row[1] if len(row) > 1 else row[0])) for row in rows]
        if one.get("includeAll"):
            values = [(ALL, "All"), *values]
        several = bool(one.get("multi"))
        variable = Variable(one["name"], one.get("label") or one["name"], values, several)
        variables.append(variable)
        choices[variable.name] = variable.choice(variable.first)
    return Board(body, variables)


# -- time --------------------------------------------------------------------------------

_UNITS = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "M": 30 * 86400,
    "y": 365 * 86400,
}
_TIME = re.compile(r"now(?:([-+])(\d+)([smhdwMy]))?(/d)?")
_STEPS: Sequence[int] = (
    *(1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 604800, 2592000),
)
"""Seconds that a point of a chart may last."""


def moment(text: str, now: dt.datetime) -> dt.datetime:
    """An instant as Grafana's time picker writes it: `now-90d`, `now/d`, or ISO 8601."""
    found = _TIME.fullmatch(text)
    if not found:
        return dt.datetime.fromisoformat(text)
    apart = int(found[1] + found[2]) * _UNITS[found[3]] if found[1] else 0
    at = now + dt.timedelta(seconds=apart)
    return at.replace(hour=0, minute=0, second=0, microsecond=0) if found[4] else at


def _range(body: Json, now: dt.datetime, one: Json | None = None) -> Range:
    """The time of a dashboard, or of a panel that has its own."""
    picked = body.get("time", {})
    start = moment(picked.get("from", "now-90d"), now)
    end = moment(picked.get("to", "now"), now)
    if one and one.get("timeFrom"):
        start = moment(f"now-{one['timeFrom']}", now)
    points = WIDTH * one["gridPos"]["w"] / 24 if one else WIDTH
    rough = (end - start).total_seconds() / points
    return Range(start, end, min(_STEPS, key=lambda step: abs(step - rough)))


def zone(body: Json) -> Zone:
    """The time zone of a dashboard; what is the browser's is UTC on a page drawn before."""
    return _zone(str(body.get("timezone") or "UTC"))


@cache
def _zone(name: str) -> Zone:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return dt.UTC


def range_of(board: Board, now: dt.datetime) -> Range:
    return _range(board.body, now)


# -- sections ----------------------------------------------------------------------------


class Problem(NamedTuple):
    """A panel whose query failed, and why."""

    dashboard: str
    panel: str
    why: str


class Drawn(NamedTuple):
    """The HTML of a section's panels, and those that failed."""

    html: str
    problems: list[Problem]


def drawn(
    board: Board, picked: Sequence[str], run: Run, now: dt.datetime, to: To, prefix: str
) -> Drawn:
    """A section; `prefix` begins the ids of its headings."""
    choices: Choices = {
        one.name: one.choice(value) for one, value in zip(board.variables, picked, strict=True)
    }
    html, problems = [], []
    for one in _panels(board.body):
        range_ = _range(board.body, now, one)
        view = View(range_, choices, zone(board.body), now, to)
        frames: list[Frame] = []
        error = ""
        try:
            frames = _frames(one, board.body, run, now, choices)
        except QueryFailed as failed:
            error = str(failed)
            problems.append(Problem(board.title, str(one.get("title", one["id"])), error))
        html.append(panel(one, frames, view, f"{prefix}{one['id']}", error))
    return Drawn("".join(html), problems)


def _frames(one: Json, body: Json, run: Run, now: dt.datetime, choices: Choices) -> list[Frame]:
    """What a panel draws: its own answer, or of another's the columns that it picks."""
    by = asker(one, body)
    found = answered(by.get("targets", ()), run, _range(body, now, by), choices)
    return [frame.picked(columns_of(one, frame.names)) for frame in found]


def _panels(body: Json) -> Iterator[Json]:
    """All panels, those of collapsed rows too."""
    for one in body.get("panels", ()):
        yield one
        yield from one.get("panels", ())
