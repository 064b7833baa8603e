"""What a value of a panel reads as: its text, its colour, where its link leads.

A field has the panel's defaults, changed by the overrides that match it; mappings come before
units, and thresholds give a colour where no mapping does.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from dashboards.expand import ALL, Choices, Range, with_choices
from dashboards.preview.colors import PALETTE
from dashboards.preview.frames import Field, Frame
from dashboards.preview.units import Zone, dated, is_date, printed

Json = dict[str, Any]

To = Callable[[str, Mapping[str, str]], str | None]
"""The address of a dashboard with variables chosen; None where this page has none."""


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: a time, a choice of values, and where links may lead."""

    range: Range
    choices: Choices
    zone: Zone
    now: dt.datetime
    to: To


class Cell(NamedTuple):
    """A value as people see it; `share` is its place between least and most, 0 to 1."""

    text: str
    color: str
    share: float
    known: bool


class Link(NamedTuple):
    href: str
    title: str
    outside: bool


# -- the configuration of a field --------------------------------------------------------


def configured(panel: Json, frame: Frame, field: Field) -> Json:
    """The panel's defaults with the overrides for this field."""
    defaults: Json = panel.get("fieldConfig", {}).get("defaults", {})
    found = {**defaults, "custom": dict(defaults.get("custom", {}))}
    for override in panel.get("fieldConfig", {}).get("overrides", ()):
        if _matches(override["matcher"], frame, field):
            for change in override["properties"]:
                _set(found, change["id"].split("."), change["value"])
    return found


def _matches(matcher: Json, frame: Frame, field: Field) -> bool:
    options = matcher.get("options", "")
    match matcher["id"]:
        case "byName":
            return bool(options in (field.name, series_name(frame, field)))
        case "byRegexp":
            pattern = re.compile(str(options).strip("/"))
            return bool(pattern.search(field.name) or pattern.search(series_name(frame, field)))
        case "byType":
            return bool(options == field.kind)
        case "byFrameRefID":
            return bool(options == frame.ref)
        case _:
            return False


def _set(config: Json, path: Sequence[str], value: Any) -> None:
    """Set what is at a path; what is shared with other fields is copied on the way."""
    *above, last = path
    for key in above:
        config[key] = dict(config.get(key, {}))
        config = config[key]
    config[last] = value


def series_name(frame: Frame, field: Field) -> str:
    """What Grafana calls a field that nobody named: its name and its labels."""
    names = {name for one in frame.fields for name in one.labels}
    if not field.labels:
        return field.name
    if len(names) == 1:
        label = next(iter(field.labels.values()))
    else:
        label = "{" + ", ".join(f'{k}="{v}"' for k, v in field.labels.items()) + "}"
    return " ".join(
        part for part in (field.name if field.name != "Value" else "", label) if part
    )


def title(frame: Frame, field: Field, config: Json, view: View) -> str:
    """What a column or series is called."""
    named = str(config.get("displayName") or "")
    return _filled(named, frame, field, None, view) if named else series_name(frame, field)


def hidden(config: Json) -> bool:
    custom = config.get("custom", {})
    return bool(custom.get("hideFrom", {}).get("viz") or custom.get("hidden"))


# -- values ------------------------------------------------------------------------------


def shown(value: Any, field: Field, config: Json, view: View, index: int = 0) -> Cell:
    """A value of a field as people see it; `index` is the place of its series."""
    result = _mapped(value, config.get("mappings", ()))
    number = _numeric(value)
    text = result.get("text")
    if text is None:
        text = _text(value, field, config, view) or str(config.get("noValue", ""))
    color = result.get("color") or color_of(number, config, index)
    least, most = config.get("min", 0.0), config.get("max", 0.0)
    share = 0.0 if number is None or most <= least else (number - least) / (most - least)
    return Cell(str(text), color, min(max(share, 0.0), 1.0), value is not None)


def bounded(field: Field, config: Json) -> Json:
    """The configuration with a least and a most: as it says, else as found in the field."""
    values = [n for n in map(_numeric, field.values) if n is not None and math.isfinite(n)]
    return {"min": min(values, default=0.0), "max": max(values, default=0.0), **config}


def _numeric(value: Any) -> float | None:
    match value:
        case bool() | int() | float():
            return float(value)
        case dt.datetime():
            return value.timestamp() * 1000
        case _:
            return None


def _text(value: Any, field: Field, config: Json, view: View) -> str:
    unit = str(config.get("unit") or "")
    match value:
        case None:
            return ""
        case dt.datetime():
            return dated(value, unit if is_date(unit) else "", view.zone, view.now)
        case bool():
            return printed(value, unit if unit.startswith("bool") else "bool")
        case int() | float() if is_date(unit):
            moment = dt.datetime.fromtimestamp(value / 1000, dt.UTC)
            return dated(moment, unit, view.zone, view.now)
        case int() | float():
            return printed(value, unit, config.get("decimals"))
        case _:
            return str(value)


def _mapped(value: Any, mappings: Sequence[Json]) -> Json:
    for mapping in mappings:
        options = mapping["options"]
        match mapping["type"]:
            case "value":
                key = str(value).lower() if isinstance(value, bool) else _key(value)
                if value is not None and key in options:
                    return dict(options[key])
            case "range":
                number = _numeric(value)
                least = options.get("from")
                most = options.get("to")
                if (
                    number is not None
                    and (least is None or number >= least)
                    and (most is None or number <= most)
                ):
                    return dict(options["result"])
            case "regex" if isinstance(value, str):
                pattern = str(options["pattern"]).strip("/")
                if re.search(pattern, value):
                    return dict(options["result"])
            case "special" if _special(value, options["match"]):
                return dict(options["result"])
    return {}


def _key(value: Any) -> str:
    whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
    return str(int(value)) if whole else str(value)


def _special(value: Any, match: str) -> bool:
    match match:
        case "null" | "null+nan":
            return value is None
        case "empty":
            return bool(value == "")
        case _:
            return match in ("true", "false") and value is (match == "true")


def color_of(number: float | None, config: Json, index: int = 0) -> str:
    """The colour of a number, or (None) of a series as a whole."""
    color = config.get("color", {})
    match color.get("mode", "thresholds"):
        case "fixed" | "shades":
            return str(color.get("fixedColor", "text"))
        case "palette-classic" | "palette-classic-by-name":
            return PALETTE[index % len(PALETTE)]
        case _:
            return _threshold(number, config)


def _threshold(number: float | None, config: Json) -> str:
    thresholds = config.get("thresholds", {})
    steps = thresholds.get("steps") or [{"value": None, "color": "green"}]
    if number is not None and thresholds.get("mode") == "percentage":
        least, most = config.get("min", 0), config.get("max", 100)
        number = 100 * (number - least) / ((most - least) or 1)
    color = steps[0]["color"]
    for step in steps:
        # The first step that a value does not reach ends the search.
        if step["value"] is not None and (number is None or number < step["value"]):
            break
        color = step["color"]
    return str(color)


# -- links -------------------------------------------------------------------------------


def linked(
    frame: Frame, field: Field, row: int | None, config: Json, view: View
) -> Link | None:
    """The first link of a value that leads somewhere."""
    return next(_links(frame, field, row, config, view), None)


def _links(
    frame: Frame, field: Field, row: int | None, config: Json, view: View
) -> Iterator[Link]:
    for one in config.get("links", ()):
        named = with_choices(str(one.get("title", "")), view.choices)
        found = link_to(_filled(str(one.get("url", "")), frame, field, row, view), named, view)
        if found:
            yield found


def link_to(url: str, named: str, view: View) -> Link | None:
    """A link of Grafana's as one of this page, or to the outside; None leads nowhere here."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        return Link(url, named, outside=True)
    found = re.match(r"/d/([\w-]+)", parts.path)
    if parts.scheme or parts.netloc or not found:
        return None
    asked = parse_qs(parts.query)
    chosen = {k.removeprefix("var-"): v[0] for k, v in asked.items() if k.startswith("var-")}
    href = view.to(found[1], {name: value for name, value in chosen.items() if value != ALL})
    return Link(href, named, outside=False) if href else None


_PLACE = re.compile(r"\$\{__(data\.fields|field|value|url_time_range)([^}]*)\}")


def _filled(template: str, frame: Frame, field: Field, row: int | None, view: View) -> str:
    """Put what stands in a row in the place of `${__data.fields.x}` and the like."""
    is_url = "/" in template or template.startswith("${__")

    def value(found: re.Match[str]) -> str:
        kind, rest = found[1], found[2].strip(".")
        name = re.sub(r"""^\[["']?|["']?\]$""", "", rest)
        at: Any = ""
        match kind:
            case "url_time_range":
                start, end = view.range.start.timestamp(), view.range.end.timestamp()
                return f"from={start * 1000:.0f}&to={end * 1000:.0f}"
            case "data.fields" if row is not None:
                at = frame.row(row).get(re.sub(r"(\.(text|numeric)|:\w+)$", "", name), "")
            case "value" if row is not None:
                at = field.values[row]
            case "field" if name.startswith("labels."):
                at = field.labels.get(name.removeprefix("labels."), "")
            case "field":
                at = field.name
        text = "" if at is None else _text(at, field, {}, view) if at != "" else ""
        if not is_url:
            return text
        # An address as a whole is taken as it is; a part of one is escaped.
        return quote(text, safe=":/?#[]@!$&'()*+,;=%~" if found.start() == 0 else "")

    return with_choices(_PLACE.sub(value, template), view.choices)
