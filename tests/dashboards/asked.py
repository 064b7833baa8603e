"""What Grafana would ask for a dashboard, and whether the answer is what its panel draws."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dashboards import shared
from dashboards.expand import ALL, Choice, Range, expand
from pipeline.store.client import Result, Store

Json = dict[str, Any]

CLOCK = dt.datetime(2026, 3, 12, 7, tzinfo=dt.UTC)
"""The instant of stores that know none."""

NUMBER = re.compile(r"U?Int\d+|Float\d+|Decimal.*")
TIME = re.compile(r"Date(32)?|DateTime(64)?(\(.*\))?")
TEXT = re.compile(r"String|FixedString.*|Enum.*")


class Answer(NamedTuple):
    panel: Json
    target: Json
    names: Sequence[str]
    types: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @property
    def where(self) -> str:
        return f"panel {self.panel['id']} {self.panel['title']!r}"


def clock(store: Store) -> dt.datetime:
    """The instant that the views describe."""
    at = store.query("SELECT maxOrNull(as_of) FROM signals.goals_now").rows[0][0]
    return CLOCK if at is None or at.year < 2000 else at


def picked(body: Json, store: Store) -> Range:
    days = int(body["time"]["from"].removeprefix("now-").removesuffix("d"))
    ahead = int(
        "0" + body["time"]["to"].removeprefix("now").removeprefix("+").removesuffix("d")
    )
    now = clock(store)
    return Range(now - dt.timedelta(days=days), now + dt.timedelta(days=ahead), 3600)


def options(body: Json, store: Store) -> dict[str, list[str]]:
    """The values of each variable, in the order of its query."""
    found: dict[str, list[str]] = {}
    for one in body["templating"]["list"]:
        if one["type"] == "query":
            sql = expand(one["query"]["rawSql"], picked(body, store), {})
            found[one["name"]] = [str(row[0]) for row in store.query(sql).rows]
    return found


def first(body: Json, values: Mapping[str, Sequence[str]]) -> dict[str, Choice]:
    """What is picked when the dashboard is opened: All, or the first value."""
    many = {one["name"]: one.get("includeAll") for one in body["templating"]["list"]}
    return {
        name: Choice(ALL if many[name] else next(iter(listed), ""), listed)
        for name, listed in values.items()
    }


def answers(body: Json, store: Store, choices: Mapping[str, Choice]) -> Iterator[Answer]:
    """What every panel draws of the answer to its query, or to the one that it shares."""
    range_ = picked(body, store)
    known: dict[str, Result] = {}
    for panel in body["panels"]:
        for target in shared.asker(panel, body).get("targets", []):
            sql = expand(target["rawSql"], range_, choices)
            if sql not in known:
                known[sql] = store.query(sql)
            names, types, rows = known[sql]
            drawn = shared.columns_of(panel, names)
            yield Answer(
                panel,
                target,
                [names[n] for n in drawn],
                [_bare(types[n]) for n in drawn],
                [[row[n] for n in drawn] for row in rows],
            )


def _bare(type_: str) -> str:
    """A type without what Grafana does not see of it."""
    while found := re.fullmatch(r"(?:Nullable|LowCardinality)\((.*)\)", type_):
        type_ = found[1]
    return type_


def unfit(answer: Answer) -> Iterator[str]:
    """What keeps the panel from drawing the answer."""
    names, types = answer.names, answer.types
    kind, where = answer.panel["type"], answer.where
    numbers = [
        name for name, type_ in zip(names, types, strict=True) if NUMBER.fullmatch(type_)
    ]
    words = [name for name, type_ in zip(names, types, strict=True) if TEXT.fullmatch(type_)]
    for name, type_ in zip(names, types, strict=True):
        if (
            not any(known.fullmatch(type_) for known in (NUMBER, TIME, TEXT))
            and type_ != "Bool"
        ):
            yield f"{where}: {name} is of {type_}, which Grafana cannot show"
    if kind == "timeseries":
        if not TIME.fullmatch(types[0]):
            yield f"{where}: its first column is no time"
        if not numbers:
            yield f"{where}: it has nothing to draw"
        times = [row[0] for row in answer.rows]
        if times != sorted(times):
            yield f"{where}: its times do not ascend"
    if kind == "stat":
        worded = answer.panel["options"]["reduceOptions"]["fields"] != ""
        values = {tuple(row) for row in answer.rows}
        if len(words if worded else numbers) != 1 or len(values) > 1:
            yield f"{where}: it draws one value, not {len(values)} of {names}"
    if kind == "bargauge" and (len(numbers) != 1 or len(words) != 1):
        yield f"{where}: a bar has a name and a number"
    if kind in ("table", "timeseries"):
        labels = answer.target["format"] == 0 and bool(words)
        for override in answer.panel["fieldConfig"]["overrides"]:
            named = override["matcher"]["options"]
            if named not in names and not labels:
                yield f"{where}: nothing answers to its column {named!r}"
    if kind == "table":
        titled = {one["matcher"]["options"] for one in answer.panel["fieldConfig"]["overrides"]}
        for name in names:
            if name not in titled:
                yield f"{where}: its column {name!r} has no title"
