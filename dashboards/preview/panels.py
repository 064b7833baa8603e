"""The HTML of one panel: its heading and meaning, and what its queries answered."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt

from dashboards.expand import with_choices
from dashboards.preview.charts import chart
from dashboards.preview.colors import css, on
from dashboards.preview.fields import (
    Cell,
    Json,
    Link,
    View,
    bounded,
    configured,
    hidden,
    link_to,
    linked,
    shown,
    title,
)
from dashboards.preview.frames import Field, Frame

SHORT, LONG = 18, 40
"""Letters up to which a text is not broken, and from which on it gets room to be read."""

ROWS = 200
"""Rows of a table that a page shows."""

COPIED = "Next step"
"""Cells of a column with this title are copied by a button: people paste them elsewhere."""


def panel(one: Json, frames: Sequence[Frame], view: View, place: str, error: str = "") -> str:
    """A panel as an article; `place` is unique on the page, `error` what a query failed with."""
    named = escape(with_choices(str(one.get("title", "")), view.choices))
    if one["type"] == "row":
        return f'<h2 class="row" style="{_spot(one)}">{named}</h2>'
    meaning = escape(with_choices(str(one.get("description", "")), view.choices))
    info = (
        f'<details class="info"><summary aria-label="What {named} means" title="{meaning}">i'
        f"</summary><p>{meaning}</p></details>"
        if meaning
        else ""
    )
    if error:
        body = f'<p class="error" role="alert">The query failed: {escape(error)}</p>'
    else:
        body = _BODIES.get(one["type"], _unknown)(one, frames, view)
    kind = escape(one["type"])
    return (
        f'<article class="panel {kind}" style="{_spot(one)}" aria-labelledby="{place}">'
        f'<header><h3 id="{place}">{named}</h3>{info}</header>{body}</article>'
    )


def _spot(one: Json) -> str:
    at: Mapping[str, int] = one["gridPos"]
    return f"--x:{at['x'] + 1};--y:{at['y'] + 1};--w:{at['w']};--h:{at['h']}"


def _unknown(one: Json, frames: Sequence[Frame], view: View) -> str:
    return f'<p class="error">A panel of type {escape(one["type"])} is not drawn here.</p>'


def _nothing(one: Json) -> str:
    """What is said where there is no row: what the panel says, else Grafana's own words."""
    said = one.get("fieldConfig", {}).get("defaults", {}).get("noValue") or "No data"
    return f'<p class="nothing">{escape(str(said))}</p>'


def _anchor(text: str, link: Link | None) -> str:
    if link is None:
        return text
    outside = ' target="_blank" rel="noopener noreferrer"' if link.outside else ""
    named = f' title="{escape(link.title)}"' if link.title else ""
    return f'<a href="{escape(link.href)}"{named}{outside}>{text}</a>'


# -- stat and bars -----------------------------------------------------------------------

Value = tuple[str, Cell, Link | None]
"""A name, what is shown, where it leads."""


def _values(one: Json, frames: Sequence[Frame], view: View) -> Iterator[Value]:
    """The values of a stat or bar gauge: of each row, or each field reduced to one."""
    options: Json = one.get("options", {}).get("reduceOptions", {})
    for frame in frames:
        numbers = [f for f in frame.fields if f.kind == "number"]
        fields = (
            [f for f in frame.fields if f.kind != "time"] if options.get("fields") else numbers
        )
        for field in fields:
            config = bounded(field, configured(one, frame, field))
            if hidden(config):
                continue
            named = title(frame, field, config, view)
            if options.get("values"):
                for n in range(frame.length):
                    cell = shown(field.values[n], field, config, view)
                    name = _row_name(one, frame, field, n, view)
                    yield name, cell, linked(frame, field, n, config, view)
                continue
            calc = (options.get("calcs") or ["last"])[0]
            row = frame.length - 1 if frame.length == 1 else None
            cell = shown(_reduced(field.values, calc), field, config, view)
            yield named, cell, linked(frame, field, row, config, view)


def _row_name(one: Json, frame: Frame, field: Field, row: int, view: View) -> str:
    """The texts of a row, and the field's own name where the row has more numbers."""
    parts = [
        shown(other.values[row], other, configured(one, frame, other), view).text
        for other in frame.fields
        if other.kind == "string" and not hidden(configured(one, frame, other))
    ]
    numbers = [other for other in frame.fields if other.kind == "number"]
    if len(numbers) > 1 or not any(parts):
        parts.append(title(frame, field, configured(one, frame, field), view))
    return " ".join(part for part in parts if part)


_REDUCERS: Mapping[str, Callable[[list[Any]], Any]] = {
    "last": lambda values: values[-1],
    "first": lambda values: values[0],
    "lastNotNull": lambda values: next((v for v in reversed(values) if v is not None), None),
    "firstNotNull": lambda values: next((v for v in values if v is not None), None),
    "sum": lambda values: sum(v for v in values if v is not None),
    "min": lambda values: min((v for v in values if v is not None), default=None),
    "max": lambda values: max((v for v in values if v is not None), default=None),
    "count": len,
}


def _reduced(values: list[Any], calc: str) -> Any:
    return _REDUCERS.get(calc, _REDUCERS["last"])(values) if values else None


def _stat(one: Json, frames: Sequence[Frame], view: View) -> str:
    found = list(_values(one, frames, view))
    if not found:
        return _nothing(one)
    mode = one.get("options", {}).get("textMode", "auto")
    names = mode in ("value_and_name", "name") or (mode == "auto" and len(found) > 1)
    parts = []
    for name, cell, link in found:
        color = css(cell.color)
        text = _anchor(escape(cell.text) or "&nbsp;", link)
        label = f"<span>{escape(name)}</span>" if names else ""
        size = max(len(cell.text), 3)
        parts.append(f'<p style="--n:{size};--color:{color}"><b>{text}</b>{label}</p>')
    return f'<div class="values">{"".join(parts)}</div>'


def _bars(one: Json, frames: Sequence[Frame], view: View) -> str:
    parts = [
        f"<li><span>{_anchor(escape(name), link)}</span>"
        f"{_bar(cell)}<b>{escape(cell.text)}</b></li>"
        for name, cell, link in _values(one, frames, view)
    ]
    return f"<ul>{''.join(parts)}</ul>" if parts else _nothing(one)


def _bar(cell: Cell) -> str:
    return f'<i style="--share:{cell.share:.4f};--color:{css(cell.color)}"></i>'


# -- tables ------------------------------------------------------------------------------


def _table(one: Json, frames: Sequence[Frame], view: View) -> str:
    frame = next((frame for frame in frames if frame.length), None)
    if frame is None:
        return _nothing(one)
    columns = [(f, bounded(f, configured(one, frame, f))) for f in frame.fields]
    columns = [(field, config) for field, config in columns if not hidden(config)]
    heads = []
    for field, config in columns:
        width = config.get("custom", {}).get("width")
        # A column may be somewhat narrower than in Grafana before the table has to scroll.
        style = f' style="min-width:{int(width * 0.7)}px"' if width else ""
        named = escape(title(frame, field, config, view))
        heads.append(
            f'<th scope="col"{style} class="{_aligned(field, config)}">'
            f'<button type="button">{named}</button></th>'
        )
    rows = []
    for n in range(min(frame.length, ROWS)):
        cells = (_cell(frame, field, n, config, view) for field, config in columns)
        rows.append(f"<tr>{''.join(cells)}</tr>")
    more = (
        f'<p class="more">{ROWS} of {frame.length} rows are shown.</p>'
        if frame.length > ROWS
        else ""
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{"".join(heads)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{more}"
    )


def _aligned(field: Field, config: Json) -> str:
    align = config.get("custom", {}).get("align", "auto")
    if align != "auto":
        return escape(align)
    return "right" if field.kind == "number" else "left"


def _cell(frame: Frame, field: Field, n: int, config: Json, view: View) -> str:
    value = field.values[n]
    cell = shown(value, field, config, view)
    text = _anchor(escape(cell.text), linked(frame, field, n, config, view))
    options = config.get("custom", {}).get("cellOptions", {})
    style, kind = "", options.get("type", "auto")
    color = css(cell.color)
    if kind == "gauge" and cell.known:
        text = f'<span class="gauge">{_bar(cell)}<span>{text}</span></span>'
    elif kind == "color-text":
        style = f' style="--color:{color}"'
    elif kind == "color-background" and cell.color not in ("text", "transparent"):
        style = f' style="--color:{color};--on:{on(cell.color)}"'
    elif kind.startswith("color"):
        kind = "auto"
    if config.get("displayName") == COPIED and cell.text:
        text += (
            f'<button type="button" class="copy" data-copy="{escape(cell.text)}">Copy</button>'
        )
    sort = "" if field.kind == "string" else f' data-v="{_order(value)}"'
    long = " short" if len(cell.text) <= SHORT else " long" if len(cell.text) > LONG else ""
    return (
        f'<td class="{escape(kind)} {_aligned(field, config)}{long}"{style}{sort}>{text}</td>'
    )


def _order(value: Any) -> str:
    """A number by which a column of numbers or times is sorted; nothing comes last."""
    if value is None:
        return ""
    return str(float(value) if isinstance(value, int | float) else value.timestamp())


# -- charts and text ---------------------------------------------------------------------


def _timeseries(one: Json, frames: Sequence[Frame], view: View) -> str:
    found = chart(one, frames, view)
    if found is None:
        return _nothing(one)
    figure = json.dumps(found.figure, separators=(",", ":")).replace("<", "\\u003c")
    legend = one.get("options", {}).get("legend", {})
    keys = [
        f'<button type="button" aria-pressed="true" style="--color:{s.color}"'
        f' data-series="{escape(s.title)}">{escape(s.title)}</button>'
        for s in found.series
        if s.in_legend
    ]
    below = (
        f'<div class="legend">{"".join(keys)}</div>' if legend.get("showLegend", True) else ""
    )
    label = escape(str(one.get("title", "")), quote=True)
    return (
        f'<div class="plot" role="img" aria-label="{label}"></div>'
        f'<script type="application/json">{figure}</script>{below}'
    )


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def _text(one: Json, frames: Sequence[Frame], view: View) -> str:
    content = with_choices(str(one.get("options", {}).get("content", "")), view.choices)
    tokens = _MARKDOWN.parse(content)
    for token in (child for block in tokens for child in block.children or ()):
        if token.type == "link_open":
            link = link_to(str(token.attrs.pop("href", "")), "", view)
            if link:
                token.attrs["href"] = link.href
        elif token.type == "image":
            # Nothing is loaded from elsewhere.
            token.attrs["src"] = ""
    return (
        f'<div class="prose">{_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})}</div>'
    )


_BODIES: Mapping[str, Callable[[Json, Sequence[Frame], View], str]] = {
    "stat": _stat,
    "bargauge": _bars,
    "table": _table,
    "timeseries": _timeseries,
    "text": _text,
}
