"""Time series as figures of Plotly: plain JSON that the page draws when it is looked at.

A colour may be a CSS variable, and `colour/20` is one of which a fifth covers; the page puts
in what its theme has.
"""

import datetime as dt
import math
import re
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from dashboards.preview.colors import css
from dashboards.preview.fields import (
    Cell,
    Json,
    View,
    color_of,
    configured,
    hidden,
    shown,
    title,
)
from dashboards.preview.frames import Field, Frame

TICKS = 5


class Series(NamedTuple):
    """A field that is drawn, its configuration and how its values read."""

    field: Field
    config: Json
    title: str
    cells: list[Cell]
    color: str

    @property
    def custom(self) -> Json:
        custom: Json = self.config.get("custom", {})
        return custom

    @property
    def in_legend(self) -> bool:
        return not self.custom.get("hideFrom", {}).get("legend")


class Chart(NamedTuple):
    """A figure, and its series for a legend."""

    figure: Json
    series: list[Series]


def chart(panel: Json, frames: Sequence[Frame], view: View) -> Chart | None:
    """The figure of a time series panel; None where there is nothing to draw."""
    drawn: list[tuple[list[str], Series]] = []
    for frame in frames:
        times = next((one for one in frame.fields if one.kind == "time"), None)
        numbers = [one for one in frame.fields if one.kind in ("number", "boolean")]
        if times is None:
            continue
        moments = _moments(times.values, view)
        for field in numbers:
            config = configured(panel, frame, field)
            if hidden(config):
                continue
            # A series as a whole has no value by which a threshold would give it a colour.
            if config.get("color", {}).get("mode", "thresholds") == "thresholds":
                config["color"] = {"mode": "palette-classic"}
            n = len(drawn)
            cells = [shown(value, field, config, view, n) for value in field.values]
            named = title(frame, field, config, view)
            color = css(color_of(None, config, n))
            drawn.append((moments, Series(field, config, named, cells, color)))
    if not any(value is not None for _, one in drawn for value in one.field.values):
        return None
    series = [one for _, one in drawn]
    stacked = any(_stacked(one) for one in series)
    traces = []
    for moments, one in _lower_first(drawn):
        filled = next((s for s in series if _named(s, one.custom.get("fillBelowTo"))), None)
        traces.append(_trace(moments, one, down=filled is not None))
    layout: Json = {
        "xaxis": {"range": _moments([view.range.start, view.range.end], view, whole=False)},
        "yaxis": _axis(series, view, stacked=stacked),
        "barmode": "stack" if stacked else "group",
        "hovermode": "x unified" if _tooltip(panel) == "multi" else "closest",
        "shapes": [shape for one in series[:1] for shape in _limits(one)],
    }
    return Chart({"data": traces, "layout": layout}, series)


def _tooltip(panel: Json) -> str:
    return str(panel.get("options", {}).get("tooltip", {}).get("mode", "multi"))


def _moments(values: Sequence[dt.datetime], view: View, *, whole: bool = True) -> list[str]:
    """Instants as a wall clock shows them; days where all are days, so that less is written."""
    local = [value.astimezone(view.zone) for value in values]
    days = whole and all(not (one.hour or one.minute or one.second) for one in local)
    return [f"{one:%Y-%m-%d}" if days else f"{one:%Y-%m-%d %H:%M:%S}" for one in local]


def _named(series: Series, name: Any) -> bool:
    return bool(name) and name in (series.field.name, series.title)


def _lower_first(drawn: Sequence[tuple[list[str], Series]]) -> list[tuple[list[str], Series]]:
    """Plotly fills down to the series before: the lower end of a band goes there."""
    found = list(drawn)
    for upper in drawn:
        below = upper[1].custom.get("fillBelowTo")
        lower = next((one for one in found if _named(one[1], below)), None)
        if lower is not None:
            found.remove(lower)
            found.insert(found.index(upper), lower)
    return found


def _stacked(series: Series) -> bool:
    return bool(series.custom.get("stacking", {}).get("mode", "none") != "none")


_SHAPES = {"smooth": "spline", "stepBefore": "vh", "stepAfter": "hv"}


def _trace(moments: list[str], series: Series, *, down: bool) -> Json:
    custom = series.custom
    values = series.field.values
    covers = custom.get("fillOpacity", 0)
    trace: Json = {
        "name": escape(series.title),
        "x": moments,
        "y": [None if value is None else float(value) for value in values],
        "text": [escape(cell.text) for cell in series.cells],
        "hovertemplate": "%{text}",
    }
    style = custom.get("drawStyle", "line")
    if style == "bars":
        marker = {"color": f"{series.color}/{covers or 100}", "line": _line(series)}
        return {**trace, "type": "bar", "marker": marker, "textposition": "none"}
    alone = sum(value is not None for value in values) == 1
    points = style == "points" or custom.get("showPoints") == "always" or alone
    mode = "markers" if style == "points" else "lines+markers" if points else "lines"
    trace |= {
        "type": "scatter",
        "mode": mode,
        "line": {
            **_line(series),
            "shape": _SHAPES.get(str(custom.get("lineInterpolation")), "linear"),
        },
        "marker": {"color": series.color, "size": custom.get("pointSize", 5)},
        "connectgaps": bool(custom.get("spanNulls")),
    }
    if _stacked(series):
        trace["stackgroup"] = custom["stacking"].get("group", "A")
        trace["fillcolor"] = f"{series.color}/{covers}"
    elif down or covers:
        trace["fill"] = "tonexty" if down else "tozeroy"
        trace["fillcolor"] = f"{series.color}/{covers}"
    return trace


def _line(series: Series) -> Json:
    line: Json = {"color": series.color, "width": series.custom.get("lineWidth", 1)}
    style = series.custom.get("lineStyle", {})
    if style.get("fill") == "dash" and series.custom.get("drawStyle") != "bars":
        line["dash"] = ",".join(f"{n}px" for n in style.get("dash", [10, 10]))
    elif style.get("fill") == "dot":
        line["dash"] = "dot"
    return line


def _limits(series: Series) -> list[Json]:
    """Thresholds as lines, where the panel shows them."""
    if series.custom.get("thresholdsStyle", {}).get("mode", "off") == "off":
        return []
    steps = series.config.get("thresholds", {}).get("steps", [])
    return [
        {
            "type": "line", "xref": "paper", "x0": 0, "x1": 1,
            "y0": step["value"], "y1": step["value"],
            "line": {"color": css(step["color"]), "width": 1, "dash": "dash"},
        }
        for step in steps
        if step["value"] is not None
    ]  # fmt: skip


# -- the axis ----------------------------------------------------------------------------


def _axis(series: Sequence[Series], view: View, *, stacked: bool) -> Json:
    """An axis whose ticks read as Grafana's: the unit's own words at round places."""
    first = series[0]
    columns = [[v for v in one.field.values if v is not None] for one in series]
    if stacked:
        rows = zip(*[one.field.values for one in series], strict=False)
        columns.append([sum(v for v in row if v is not None) for row in rows])
    values = [float(v) for column in columns for v in column if math.isfinite(v)]
    least = first.config.get("min", min(values, default=0.0))
    most = first.config.get("max", max(values, default=1.0))
    if first.custom.get("drawStyle") == "bars":
        least = min(least, 0.0)
    factor = _round_in(str(first.config.get("unit")), most)
    if most <= least:
        most = least + (abs(least) or 1.0)
    places = [place / factor for place in round_places(least * factor, most * factor)]
    if first.config.get("decimals") == 0:
        # 0.4 would read as 0.
        places = [place for place in places if not round(place * factor, 9) % 1] or places
    room = (most - least) * 0.05
    low = least if "min" in first.config or least == 0 else least - room
    high = most + room * (0.4 if "max" in first.config else 1)
    return {
        "range": [low, high],
        "tickvals": places,
        "ticktext": [_tick(place, first, view) for place in places],
    }


def _round_in(unit: str, most: float) -> float:
    """How much of what is printed one is of the unit: percents of a share, weeks of many days."""
    return {"percentunit": 100.0, "d": 1 / 7 if most >= 14 else 1.0}.get(unit, 1.0)


def _tick(place: float, series: Series, view: View) -> str:
    config: Json = {
        key: series.config[key] for key in ("unit", "decimals") if key in series.config
    }
    text = shown(place, series.field, config, view).text
    # Zeros that say nothing: 0.50 is 0.5 beside the other ticks.
    return escape(re.sub(r"\.(?!\d)", "", re.sub(r"(\.\d*?)0+(?!\d)", r"\1", text)))


def round_places(least: float, most: float, count: int = TICKS) -> list[float]:
    """Round numbers, 1, 2 or 5 times a power of ten apart, from `least` to a greater `most`."""
    rough = (most - least) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]
