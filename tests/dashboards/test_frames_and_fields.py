"""What a panel's answer becomes: series, words, colours, links."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.expand import ALL, Choice, Range
from dashboards.preview.fields import (
    View,
    configured,
    linked,
    series_name,
    shown,
    title,
)
from dashboards.preview.frames import Field, Frame, QueryFailed, framed, widened

CASES = yaml.safe_load((Path(__file__).parent / "fields.yaml").read_text("utf-8"))
NOW = dt.datetime(2026, 3, 30, 22, tzinfo=dt.UTC)
DAYS = [NOW - dt.timedelta(days=2), NOW - dt.timedelta(days=1)]


def to(uid: str, chosen: Mapping[str, str]) -> str | None:
    return f"#{uid}?{dict(chosen)}" if uid == "goal" else None


VIEW = View(
    Range(DAYS[0], NOW),
    {"team": Choice([ALL], ["a", "b"]), "goal": Choice("g&1")},
    dt.UTC,
    NOW,
    to,
)
KINDS: dict[type, Any] = {bool: "boolean", int: "number", float: "number"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["claim"])
def test_a_value_reads_as_in_grafana(case: dict[str, Any]) -> None:
    """Mappings, then units; thresholds where nothing else gives a colour."""
    field = Field("x", KINDS.get(type(case["value"]), "string"), [case["value"]])
    cell = shown(case["value"], field, case["config"], VIEW)
    assert (cell.text, cell.color) == (case["text"], case["color"])


def test_rows_become_a_series_for_each_label() -> None:
    """Gaps are unknown, not zero; a series is called by its label."""
    rows = [(DAYS[0], "a", 1), (DAYS[0], "b", 2), (DAYS[1], "b", 3.5)]
    frame = widened(
        framed(
            "A", (["time", "team", "n"], ["DateTime64(3, 'UTC')", "String", "Float64"], rows)
        )
    )
    times, *series = frame.fields
    assert times.values == DAYS
    assert [one.values for one in series] == [[1, None], [2, 3.5]]
    assert [series_name(frame, one) for one in series] == ["n a", "n b"]


@pytest.mark.parametrize(
    ("types", "rows", "why"),
    [
        (["String", "UInt8"], [("x", 1)], "column of times"),
        (["Nullable(Date)", "UInt8"], [(None, 1)], "without NULL"),
        (["Date", "UInt8"], [(dt.date(2026, 1, 2), 1), (dt.date(2026, 1, 1), 1)], "ascending"),
    ],
)
def test_what_is_no_time_series_is_refused(
    types: list[str], rows: list[tuple[Any, ...]], why: str
) -> None:
    """As the plugin refuses it; a page that draws it anyway would promise too much."""
    with pytest.raises(QueryFailed, match=why):
        widened(framed("A", (["time", "n"], types, rows)))


def test_clickhouse_types_have_the_kinds_of_the_plugin() -> None:
    """A day is its first instant in UTC; an array is JSON; NaN is unknown."""
    names = ["d", "e", "a", "f", "b"]
    types = [
        "Date",
        "LowCardinality(Nullable(String))",
        "Array(String)",
        "Nullable(Float64)",
        "Bool",
    ]
    frame = framed("A", (names, types, [(dt.date(2026, 3, 1), "x", ["y"], float("nan"), True)]))
    assert [one.kind for one in frame.fields] == [
        "time",
        "string",
        "string",
        "number",
        "boolean",
    ]
    assert frame.row(0) == {
        "d": dt.datetime(2026, 3, 1, tzinfo=dt.UTC),
        "e": "x",
        "a": '["y"]',
        "f": None,
        "b": True,
    }


def test_an_override_changes_the_fields_that_it_names() -> None:
    """By name, pattern or kind; a title may hold a label."""
    panel = {
        "fieldConfig": {
            "defaults": {"unit": "short", "custom": {"width": 1}, "displayName": "${__field.labels.team}"},
            "overrides": [
                {"matcher": {"id": "byName", "options": "a"}, "properties": [{"id": "custom.width", "value": 9}]},
                {"matcher": {"id": "byRegexp", "options": "/^b/"}, "properties": [{"id": "unit", "value": "d"}]},
                {"matcher": {"id": "byType", "options": "string"}, "properties": [{"id": "displayName", "value": "S"}]},
            ],
        }
    }  # fmt: skip
    fields = [
        Field("a", "number", [1], {"team": "x"}),
        Field("bb", "number", [1]),
        Field("s", "string", ["t"]),
    ]
    frame = Frame("A", fields)
    a, b, s = (configured(panel, frame, one) for one in fields)
    assert (a["custom"]["width"], b["custom"]["width"]) == (9, 1)
    assert (a["unit"], b["unit"]) == ("short", "d")
    assert title(frame, fields[0], a, VIEW) == "x"
    assert title(frame, fields[2], s, VIEW) == "S"


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("/d/goal?${__url_time_range}&var-goal=${__data.fields.id}", "#goal?{'goal': 'a&b=c'}"),
        ("/d/goal?${goal:queryparam}&${team:queryparam}", "#goal?{'goal': 'g&1'}"),
        ("/d/elsewhere?var-goal=x", None),
        ("${__data.fields.url}", "https://tracker/x?a=1&b=2"),
        ("https://tracker/?q=${__data.fields.id}", "https://tracker/?q=a%26b%3Dc"),
        ("${__data.fields.bad}", None),
        ("//elsewhere/d/goal", None),
    ],
)  # fmt: skip
def test_a_link_leads_to_this_page_or_to_the_outside(url: str, href: str | None) -> None:
    """Never to a script, nor to a dashboard that is not here; values are escaped."""
    fields = [
        Field("id", "string", ["a&b=c"]),
        Field("url", "string", ["https://tracker/x?a=1&b=2"]),
        Field("bad", "string", ["javascript:alert(1)"]),
    ]
    config = {"links": [{"title": "Open", "url": url}]}
    link = linked(Frame("A", fields), fields[0], 0, config, VIEW)
    assert (link.href if link else None) == href
