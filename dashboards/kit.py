"""What all dashboards are made of: panels on our ClickHouse views, variables, links and layout.

A dashboard is a list of rows of panels; a panel is a question, its definition and one query of
the public views. `rendered` gives the classic JSON of schema version 41, which is the only form
that file provisioning loads. Panel ids are fixed numbers, because alerts and links name them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

from grafanalib import core

from dashboards.clean import cleaned
from dashboards.shared import Shared, only, taken

Json = dict[str, Any]
Panel = core.Panel

TAG = "delivery-signals"
SOURCE = {"type": "grafana-clickhouse-datasource", "uid": "${datasource}"}
PLUGIN = "4.20.0"
DAYS = "suffix:days"
"""The unit d turns 78 days into 11 weeks, where 80 are the same."""
WIDE = 24
"""Columns of Grafana's grid; a row of it is 38 pixels high."""

# Colours that people with any colour vision can tell apart (Okabe and Ito); words go with them.
BLUE, GREEN, ORANGE, RED, PURPLE = "#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
SKY, GREY = "#56B4E9", "#8E8E8E"

Words = Mapping[str, tuple[str, str]]
"""A value of a view to what people read and its colour."""

STATUS: Words = {
    "on_track": ("On track", BLUE),
    "at_risk": ("At risk", ORANGE),
    "off_track": ("Off track", RED),
    "hit": ("Hit", GREEN),
    "missed": ("Missed", RED),
    "unknown": ("Unknown", GREY),
    "warming_up": ("Warming up", SKY),
    "planned": ("Planned", GREY),
    "incomplete": ("Incomplete", PURPLE),
    "withdrawn": ("Withdrawn", GREY),
    "vision": ("Vision", GREY),
}
STATE: Words = {
    "open": ("Open", GREY),
    "unknown": ("Unknown", PURPLE),
    "closed_not_shipped": ("Closed, not shipped", RED),
    "shipped_not_adopted": ("Shipped, not adopted", ORANGE),
    "adopted_not_verified": ("Adopted, not verified", SKY),
    "done": ("Done", GREEN),
    "dropped": ("Dropped", GREY),
    "deleted": ("Deleted", GREY),
}
GRADE: Words = {"A": ("A", GREEN), "B": ("B", BLUE), "C": ("C", ORANGE), "D": ("D", RED)}
SEVERITY: Words = {
    "critical": ("Critical", RED),
    "warning": ("Warning", ORANGE),
    "info": ("Info", BLUE),
}


class ClickHouse(core.Target):  # type: ignore[misc]
    """A query (`expr`) in the form of the ClickHouse plugin; format 0 is a series, 1 a table."""

    def to_json_data(self) -> Json:
        return {
            "refId": self.refId,
            "datasource": SOURCE,
            "pluginVersion": PLUGIN,
            "editorType": "sql",
            "queryType": "timeseries" if self.format == 0 else "table",
            "format": self.format,
            "rawSql": self.expr,
        }


class Taken(core.Target):  # type: ignore[misc]
    """The answer of the panel whose id `expr` is."""

    def to_json_data(self) -> Json:
        return taken(int(self.expr))


class Bars(core.Panel):  # type: ignore[misc]
    """A bar per row; grafanalib's own bar gauge is of Grafana 6. All of it is in `extraJson`."""

    def to_json_data(self) -> Any:
        return self.panel_json({"type": "bargauge"})


# -- columns and values ------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of a table: its name in the query, and how people read it."""

    name: str
    title: str
    unit: str = ""
    width: int | None = None
    decimals: int | None = None
    words: Words = field(default_factory=dict)
    cell: str = "auto"
    """auto, color-text, color-background or gauge."""
    steps: Sequence[tuple[float | None, str]] = ()
    link: str = ""
    link_title: str = ""
    empty: str = "–"
    """What is shown for what is not known; a zero is shown as zero."""
    hidden: bool = False
    wrap: bool = False
    """Long words take several lines."""

    def override(self) -> Json:
        properties: Json = {"displayName": self.title}
        if self.unit:
            properties["unit"] = self.unit
        if self.decimals is not None:
            properties["decimals"] = self.decimals
        properties["mappings"] = mappings(self.words, self.empty)
        if self.width:
            properties["custom.width"] = self.width
        if self.wrap:
            properties["custom.wrapText"] = True
        if self.cell != "auto":
            options: Json = {"type": self.cell}
            if self.cell == "gauge":
                options |= {"mode": "basic", "valueDisplayMode": "text"}
                properties |= {
                    "min": 0,
                    "max": 1,
                    "color": {"mode": "fixed", "fixedColor": BLUE},
                }
            properties["custom.cellOptions"] = options
        if self.steps:
            properties["thresholds"] = thresholds(self.steps)
            properties["color"] = {"mode": "thresholds"}
        if self.link:
            properties["links"] = [link(self.link_title or f"Open {self.title}", self.link)]
        if self.hidden:
            properties["custom.hideFrom"] = {"viz": True, "legend": True, "tooltip": True}
        return overridden(self.name, properties)


def hidden(name: str) -> Column:
    """Return a column that only links use."""
    return Column(name, name, hidden=True)


TRACKED = (
    hidden("url"),
    Column(
        "key", "Key", width=80, link="${__data.fields.url}", link_title="Open in the tracker"
    ),
)
"""The key of a work item, which leads to its tracker."""


def overridden(name: str, properties: Json) -> Json:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": id, "value": value} for id, value in properties.items()],
    }


def mappings(words: Words, empty: str) -> list[Json]:
    """Words for values; what is null is never shown as a number, nor in an alarming colour."""
    found: list[Json] = []
    if words:
        options = {
            value: {"text": text, "color": color, "index": n}
            for n, (value, (text, color)) in enumerate(words.items())
        }
        found.append({"type": "value", "options": options})
    nothing = {"match": "null+nan", "result": {"text": empty, "color": "text"}}
    return [*found, {"type": "special", "options": nothing}]


def thresholds(steps: Sequence[tuple[float | None, str]]) -> Json:
    """Colours from a value on; the first value is None (a string in grafanalib, a known fault)."""
    return {
        "mode": "absolute",
        "steps": [{"value": value, "color": color} for value, color in steps],
    }


def link(title: str, url: str) -> Json:
    return {"title": title, "url": url, "targetBlank": url.startswith("${")}


def to(dashboard: str, **variables: str) -> str:
    """The address of another dashboard at the same time range; variables from columns."""
    chosen = "".join(f"&var-{k}=${{__data.fields.{v}}}" for k, v in variables.items())
    return f"/d/{dashboard}?${{__url_time_range}}&${{datasource:queryparam}}{chosen}"


# -- panels ------------------------------------------------------------------------------


def table(
    id: int,
    title: str,
    meaning: str,
    sql: str | Shared,
    columns: Sequence[Column],
    *,
    empty: str,
    w: int = WIDE,
    h: int = 8,
) -> core.Panel:
    """Rows as the query gives them; `empty` is said when there are none."""
    return core.Table(
        id=id,
        title=title,
        description=meaning,
        **_asked(id, sql, 1, [column.name for column in columns]),
        overrides=[column.override() for column in columns],
        gridPos=_size(w, h),
        extraJson={
            "fieldConfig": {"defaults": {"noValue": empty, "custom": {"align": "auto"}}},
            "options": {"showHeader": True, "cellHeight": "sm"},
        },
    )


def stat(
    id: int,
    title: str,
    meaning: str,
    sql: str | Shared,
    *,
    unit: str,
    empty: str,
    unknown: str = "unknown",
    shows: str = "",
    decimals: int | None = None,
    steps: Sequence[tuple[float | None, str]] = ((None, "text"),),
    word: bool = False,
    words: Words | None = None,
    url: str = "",
    w: int = 4,
    h: int = 4,
) -> core.Panel:
    """One number of now, or one `word`; `unknown` is said where the answer is null.

    Of a query that is shared it `shows` one column, which is the same in all rows.
    """
    defaults: Json = {
        "unit": unit,
        "noValue": empty,
        "mappings": mappings(words or {}, unknown),
        "thresholds": thresholds(steps),
        "color": {"mode": "thresholds"},
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    if url:
        defaults["links"] = [link("Look closer", url)]
    return core.Stat(
        id=id,
        title=title,
        description=meaning,
        **_asked(id, sql, 1, [shows]),
        gridPos=_size(w, h),
        thresholds=[],
        noValue=empty,
        reduceCalc="lastNotNull",
        graphMode="none",
        textMode="value",
        colorMode="value",
        extraJson={
            "fieldConfig": {"defaults": defaults},
            "options": {
                "reduceOptions": {
                    "calcs": ["last"],
                    "fields": "/.*/" if word or words else "",
                    "values": False,
                }
            },
        },
    )


@dataclass(frozen=True)
class Line:
    """How a series is drawn: `name` is its column in the query."""

    name: str
    title: str
    color: str
    dashed: bool = False
    width: int = 2
    down_to: str = ""
    """Fill down to another series, for bands."""
    points: bool = False
    joined: bool = False
    """Drawn through rows that lack it, for what has no value on every day."""

    def override(self) -> Json:
        properties: Json = {
            "displayName": self.title,
            "color": {"mode": "fixed", "fixedColor": self.color},
            "custom.lineWidth": self.width,
        }
        if self.dashed:
            properties["custom.lineStyle"] = {"fill": "dash", "dash": [8, 6]}
        if self.down_to:
            properties |= {"custom.fillBelowTo": self.down_to, "custom.fillOpacity": 20}
        if self.points:
            properties |= {"custom.drawStyle": "points", "custom.pointSize": 9}
            properties |= {"custom.showPoints": "always"}
        if self.joined:
            properties["custom.spanNulls"] = True
        return overridden(self.name, properties)


def trend(
    id: int,
    title: str,
    meaning: str,
    sql: str | Shared,
    *,
    unit: str,
    empty: str,
    lines: Sequence[Line] = (),
    least: float | None = 0,
    most: float | None = None,
    bars: bool = False,
    stacked: bool = False,
    decimals: int | None = None,
    by: str = "",
    w: int = 12,
    h: int = 8,
) -> core.Panel:
    """Values over the picked time; `by` is the label that names each series."""
    defaults: Json = {"unit": unit, "noValue": empty, "mappings": mappings({}, "unknown")}
    for key, value in (("min", least), ("max", most), ("decimals", decimals)):
        if value is not None:
            defaults[key] = value
    if by:
        defaults["displayName"] = f"${{__field.labels.{by}}}"
    defaults["custom"] = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 60 if bars else 0,
        "lineWidth": 1 if bars else 2,
        "showPoints": "never",
        "spanNulls": False,
        "axisPlacement": "auto",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    return core.TimeSeries(
        id=id,
        title=title,
        description=meaning,
        **_asked(id, sql, 0, ["time", *(line.name for line in lines)]),
        gridPos=_size(w, h),
        overrides=[line.override() for line in lines],
        legendPlacement="bottom",
        legendDisplayMode="list",
        tooltipMode="multi",
        extraJson={"fieldConfig": {"defaults": defaults}},
    )


def bars(
    id: int,
    title: str,
    meaning: str,
    sql: str,
    *,
    unit: str,
    empty: str,
    most: float | None = None,
    color: str = BLUE,
    decimals: int | None = None,
    w: int = 12,
    h: int = 8,
) -> core.Panel:
    """A bar per row: the query gives a name and a number."""
    defaults: Json = {
        "unit": unit,
        "noValue": empty,
        "min": 0,
        "mappings": mappings({}, empty),  # Grafana draws a bar of null where there are no rows
        "color": {"mode": "fixed", "fixedColor": color},
        "thresholds": thresholds([(None, color)]),
    }
    for key, value in (("max", most), ("decimals", decimals)):
        if value is not None:
            defaults[key] = value
    return Bars(
        id=id,
        title=title,
        description=meaning,
        targets=[_query(sql, 1)],
        gridPos=_size(w, h),
        extraJson={"fieldConfig": {"defaults": defaults}, "options": _BAR_OPTIONS},
    )


_BAR_OPTIONS: Json = {
    "displayMode": "basic",
    "orientation": "horizontal",
    "showUnfilled": True,
    "valueMode": "text",
    "namePlacement": "left",
    "sizing": "auto",
    "minVizHeight": 16,
    "minVizWidth": 8,
    "maxVizHeight": 40,
    "legend": {
        "showLegend": False,
        "displayMode": "list",
        "placement": "bottom",
        "calcs": [],
    },
    "reduceOptions": {"values": True, "calcs": [], "fields": ""},
}


def text(id: int, title: str, markdown: str, *, w: int = WIDE, h: int = 4) -> core.Panel:
    """What the numbers of the dashboard mean."""
    return core.Text(
        id=id,
        title=title,
        description="How to read this dashboard.",
        content=dedent(markdown).strip(),
        mode="markdown",
        gridPos=_size(w, h),
    )


@dataclass(frozen=True)
class Row:
    """A heading and the panels below it, left to right, top to bottom."""

    title: str
    panels: Sequence[core.Panel]


def _asked(id: int, sql: str | Shared, form: int, names: Sequence[str]) -> Json:
    """What a panel asks, and of what is shared the columns that it draws."""
    if isinstance(sql, str):
        return {"targets": [_query(sql, form)]}
    asks = sql.by == id
    target = _query(sql.sql, form) if asks else Taken(expr=str(sql.by), refId="A")
    return {"targets": [target], "transformations": [only(names)]}


def _query(sql: str, form: int) -> core.Target:
    return ClickHouse(expr=dedent(sql).strip(), refId="A", format=form)


def _size(w: int, h: int) -> core.GridPos:
    return core.GridPos(h=h, w=w, x=0, y=0)


# -- variables ---------------------------------------------------------------------------


def pick(name: str, label: str, sql: str, *, many: bool = False) -> Json:
    """A variable whose values the query lists: the value, then what people read.

    With `many` several may be picked; then a query asks `$__conditionalAll(...)`.
    """
    query = {
        "refId": f"var-{name}",
        "editorType": "sql",
        "rawSql": dedent(sql).strip(),
        "queryType": "table",
        "format": 1,
        "pluginVersion": PLUGIN,
    }
    everything = {"text": ["All"], "value": ["$__all"], "selected": True}
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": f"Which {label.lower()} the panels are about.",
        "datasource": SOURCE,
        "query": query,
        "refresh": 1,
        "sort": 0,
        "regex": "",
        "hide": 0,
        "skipUrlSync": False,
        "multi": many,
        "includeAll": many,
        "current": everything if many else {},
        "options": [],
    }


def chosen(column: str, name: str) -> str:
    """A condition that holds for what is picked of a variable with All."""
    return f"$__conditionalAll({column} IN (${{{name}:singlequote}}), ${name})"


DATA_SOURCE: Json = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "description": "The ClickHouse of delivery-signals.",
    "query": SOURCE["type"],
    "refresh": 1,
    "regex": "",
    "hide": 0,
    "skipUrlSync": False,
    "multi": False,
    "includeAll": False,
    "current": {},
    "options": [],
}


# -- dashboards --------------------------------------------------------------------------


def dashboard(
    uid: str,
    title: str,
    question: str,
    rows: Iterable[Row],
    *,
    variables: Sequence[Json] = (),
    days: int = 90,
    ahead: int = 0,
) -> Json:
    """The classic JSON of a dashboard that answers one question.

    At first it shows the last `days` days, and those `ahead` where it has forecasts.

    Raises:
        ValueError: two panels have one id, or a panel is wider than the grid.
    """
    panels = list(_laid_out(rows))
    ids = [panel.id for panel in panels]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{uid}: two panels have one id in {sorted(ids)}")
    built = core.Dashboard(
        uid=uid,
        title=title,
        description=question,
        tags=[TAG],
        panels=panels,
        templating=core.Templating(list=[DATA_SOURCE, *variables]),
        time=core.Time(f"now-{days}d", f"now+{ahead}d" if ahead else "now"),
        timezone="browser",
        refresh="5m",
        editable=False,
        sharedCrosshair=True,
        links=[
            core.DashboardLink(
                title="More of delivery-signals",
                type="dashboards",
                uri="",
                asDropdown=True,
                icon="external link",
                tags=[TAG],
                includeVars=True,
                keepTime=True,
                targetBlank=False,
            )
        ],
        annotations=core.Annotations(),
    )
    return cleaned(built)


def _laid_out(rows: Iterable[Row]) -> Iterable[core.Panel]:
    y = 0
    for n, row in enumerate(rows):
        if row.title:
            # Rows are numbered from 1000, out of the way of the panels.
            yield core.RowPanel(
                id=1000 + n,
                title=row.title,
                panels=[],
                collapsed=False,
                gridPos=core.GridPos(h=1, w=WIDE, x=0, y=y),
            )
            y += 1
        x = height = 0
        for panel in row.panels:
            w, h = panel.gridPos.w, panel.gridPos.h
            if w > WIDE:
                raise ValueError(f"{panel.title!r} is wider than {WIDE} columns")
            if x + w > WIDE:
                y, x, height = y + height, 0, 0
            panel.gridPos = core.GridPos(h=h, w=w, x=x, y=y)
            x, height = x + w, max(height, h)
            yield panel
        y += height
