"""What every dashboard keeps to: the rules of common dashboard linters, and some of our own.

A finding names the dashboard, the panel and the remedy. `signals dashboards check` and the tests
ask for none.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dashboards.shared import SOURCE, is_taken

Json = dict[str, Any]

UID = re.compile(r"[a-z0-9-]{1,40}")
TIME = re.compile(
    r"\$__(?:timeFilter|dateFilter|dateTimeFilter|fromTime|toTime|timeFrom|timeTo)"
)
AGELESS = re.compile(r"\b(?:now|so far|ever|yet)\b", re.IGNORECASE)
"""Words by which a title says that the picked time does not matter."""
CLOCK = re.compile(r"\b(?:now|now64|today|yesterday)\s*\(", re.IGNORECASE)
VARIABLE = re.compile(r"\$\{?(\w+)(?::(\w+))?\}?")
LINES = 24
LONG = 60


def lint(dashboard: Json) -> list[str]:
    """Return what is wrong, each in one line; nothing if all is well."""
    name = dashboard.get("uid", "")
    found = [*_dashboard(dashboard), *_layout(dashboard["panels"])]
    variables = {one["name"] for one in dashboard["templating"]["list"]}
    askers = {
        panel["id"]: panel["targets"]
        for panel in dashboard["panels"]
        if panel.get("targets") and not any(map(is_taken, panel["targets"]))
    }
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            where = f"panel {panel['id']} {panel.get('title', '')!r}"
            found += [f"{where}: {wrong}" for wrong in _panel(panel, variables, askers)]
    return [f"{name}: {one}" for one in found]


def _dashboard(body: Json) -> Iterator[str]:
    if not UID.fullmatch(body.get("uid", "")):
        yield "the uid is 1 to 40 of a-z, 0-9 and -"
    if not body.get("description", "").endswith("?"):
        yield "its description is the question that it answers"
    if body.get("schemaVersion") != 41:
        yield "its schema version is 41"
    if body.get("editable"):
        yield "it is generated: editable is false"
    if "id" in body or "version" in body:
        yield "id and version belong to a server: leave them out"
    if not body.get("links"):
        yield "it leads on to the other dashboards"
    kinds = [one["type"] for one in body["templating"]["list"]]
    if kinds.count("datasource") != 1:
        yield "it has one variable for the data source"
    for one in body["templating"]["list"]:
        if one["type"] == "query" and one.get("refresh") not in (1, 2):
            yield f"the variable {one['name']} is never asked again: refresh is 1 or 2"


def _panel(panel: Json, variables: set[str], askers: Mapping[int, list[Json]]) -> Iterator[str]:
    title, said = panel.get("title", ""), panel.get("description", "")
    if not title or len(title) > LONG:
        yield f"its title has 1 to {LONG} characters"
    if not said.endswith("."):
        yield "its description is a definition in whole sentences"
    if panel["type"] == "text":
        if not panel["options"].get("content"):
            yield "it says nothing"
        return
    targets = panel.get("targets", [])
    if panel.get("datasource", {}).get("uid") not in ("${datasource}", SOURCE["uid"]):
        yield "its data source is the variable"
    if len(targets) == 0:
        yield "it asks nothing"
    yield from _fields(panel)
    for target in targets:
        if not is_taken(target):
            yield from _query(target, title, variables)
        elif target["panelId"] not in askers:
            yield f"panel {target['panelId']}, whose answer it takes, asks nothing itself"
        else:
            for asked in askers[target["panelId"]]:
                yield from _time(asked["rawSql"], title)


def _fields(panel: Json) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    if not defaults.get("noValue"):
        yield "it says what it means when there is nothing: noValue"
    if panel["type"] == "table":
        for override in panel["fieldConfig"]["overrides"]:
            kinds = {one["id"] for one in override["properties"]}
            if "displayName" not in kinds:
                yield f"the column {override['matcher']['options']} has no title"
    elif not defaults.get("unit"):
        yield "it has a unit"
    if panel["type"] == "timeseries" and "showLegend" not in panel["options"].get("legend", {}):
        yield "it says whether it has a legend"
    special = any(one.get("type") == "special" for one in defaults.get("mappings", []))
    if panel["type"] != "table" and not special:
        yield "null has a word of its own"


def _query(target: Json, title: str, variables: set[str]) -> Iterator[str]:
    sql = target["rawSql"]
    if target.get("datasource", {}).get("uid") != "${datasource}":
        yield "the data source of its query is the variable"
    if CLOCK.search(sql):
        yield "its query reads the clock: use the picked time, or an instant of a view"
    if "signals_store" in sql:
        yield "its query reads a table behind the views"
    if len(sql.splitlines()) > LINES:
        yield f"its query is longer than {LINES} lines: put it into a view"
    if re.match(r"\s*select\s+\*", sql, re.IGNORECASE):
        yield "its query names its columns"
    yield from _time(sql, title)
    for name, form in VARIABLE.findall(sql):
        if name.startswith("__"):
            continue
        if name not in variables:
            yield f"its query asks for ${name}, which is no variable of the dashboard"
        elif f"${{{name}" in sql and form not in ("singlequote", ""):
            yield f"${{{name}}} is quoted by :singlequote"


def _time(sql: str, title: str) -> Iterator[str]:
    if not TIME.search(sql) and not AGELESS.search(title):
        yield "it does not follow the picked time: say `now` in its title"


def _layout(panels: list[Json]) -> Iterator[str]:
    ids = [panel["id"] for panel in panels]
    if len(set(ids)) != len(ids):
        yield "two panels have one id"
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                if x >= 24 or (x, y) in taken:
                    yield f"{panel['title']!r} overlaps {taken.get((x, y), 'the edge')!r}"
                    return
                taken[x, y] = panel["title"]
