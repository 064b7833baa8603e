"""The views: which there are, what their columns are called and mean, and what they answer."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.store.client import Store
from pipeline.store.migrate import views
from tests.store.rows import fill

HERE = Path(__file__).parent
CONTRACT: dict[str, list[str]] = yaml.safe_load((HERE / "contract.yaml").read_text("utf-8"))
EXAMPLES: list[dict[str, Any]] = [
    example | {"file": path.stem}
    for path in sorted((HERE / "views").glob("*.yaml"))
    for example in yaml.safe_load(path.read_text("utf-8"))
]
MEASURED = {"pipeline_lag"}
"""Views of what no row of the core says; see test_lag.py."""

TYPES = {
    "until": r"DateTime64\(3, 'UTC'\)",
    "at": r"DateTime64\(3, 'UTC'\)",
    "time": r"DateTime64\(3, 'UTC'\)",
    "as_of": r"DateTime64\(3, 'UTC'\)",
    "state_since|stalled_since": r"DateTime64\(3, 'UTC'\)",
    r"\w+_at": r"DateTime64\(3, 'UTC'\)",
    r"day|week|\w+_on|hit_by_p\d\d": r"Date",
    r"\w*share|breadth|retained_28|progress|confidence|\w+_rate|say_do_\w+|p_hit|p_never": "Float64",
    r"age|\w*age_p\d\d|lead_time\w*|\w+_time_p\d\d|days_since_release|time_to_first": "Float64",
    r"goals|parents|owners|reasons|evidence|changes|work_items|subjects": r"Array\(String\)|UInt64",
}
"""Columns by name, and how the contract has them typed; all but arrays may be nullable."""


def claim(example: dict[str, Any]) -> str:
    words = re.findall(r"\w+", example["claim"].lower())[:9]
    return f"{example['view']}-{'-'.join(words)}"


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float) and found is not None:
        return found == pytest.approx(expected)
    if isinstance(expected, dt.datetime | None):
        return bool(found == expected)
    return type(found) is type(expected) and bool(found == expected)


@pytest.mark.parametrize("example", EXAMPLES, ids=claim)
def test_rows_in_rows_out(store: Store, example: dict[str, Any]) -> None:
    """What the claim of the example says, in numbers."""
    fill(store, example["rows"])
    columns = ", ".join(example["columns"])
    where = example.get("where", "1")
    sql = f"SELECT {columns} FROM signals.{example['view']} WHERE {where} ORDER BY ALL"
    found = store.query(sql)
    assert same(found.rows, example["gives"]), f"{example['claim']}\n{found.rows}"


def test_every_view_has_an_example() -> None:
    """No view is only there."""
    assert {example["view"] for example in EXAMPLES} == CONTRACT.keys() - MEASURED


def test_the_views_are_those_of_the_contract(store: Store) -> None:
    """All views and columns of the contract, its columns first; no other view."""
    sql = """
        SELECT table, groupArray(name) FROM
        (SELECT * FROM system.columns WHERE database = 'signals' ORDER BY table, position)
        GROUP BY table
    """
    found = {table: list(names) for table, names in store.query(sql).rows}
    assert found.keys() == CONTRACT.keys() == {view.name[:-4] for view in views()}
    begin = {table: names[: len(CONTRACT[table])] for table, names in found.items()}
    assert begin == CONTRACT


@pytest.mark.parametrize("view", CONTRACT)
def test_an_empty_store_answers(store: Store, view: str) -> None:
    """Without a single row every view answers, with typed columns."""
    found = store.query(f"SELECT * FROM signals.{view}")
    assert found.rows == []
    for name, type_ in zip(found.names, found.types, strict=True):
        assert "Nothing" not in type_, f"{view}.{name} is {type_}"
        assert "LowCardinality" not in type_, f"{view}.{name} is {type_}"
        for pattern, expected in TYPES.items():
            if re.fullmatch(pattern, name):
                assert re.fullmatch(rf"(Nullable\()?({expected})\)?", type_), (name, type_)


def test_a_person_can_read_what_views_and_columns_mean(store: Store) -> None:
    """Every view, table and column has a comment that says more than its name."""
    places = """
        SELECT concat(database, '.', table) AS place, name, comment FROM system.columns
        WHERE database IN ('signals', 'signals_store')
        UNION ALL
        SELECT database, name, comment FROM system.tables
        WHERE database IN ('signals', 'signals_store')
    """
    found = store.query(places).rows
    assert len(found) > 300
    poor = [
        (place, name, comment)
        for place, name, comment in found
        if len(comment.split()) < 2
        or re.sub(r"\W", "", comment.lower()) == re.sub(r"\W|_", "", name.lower())
    ]
    assert poor == []


def test_equal_columns_mean_the_same(store: Store) -> None:
    """A column of a view that is a column of its table says the same type."""
    sql = """
        SELECT view.table, view.name, view.type, stored.type
        FROM system.columns AS view
        INNER JOIN system.columns AS stored ON stored.name = view.name
            AND stored.table = transform(view.table,
                ['goals_now', 'work_items_now', 'adoption_daily', 'goal_progress_daily'],
                ['goals', 'work_items', 'adoption_days', 'goal_progress'], view.table)
        WHERE view.database = 'signals' AND stored.database = 'signals_store'
    """
    rows = store.query(sql).rows
    assert len(rows) > 100
    for view, name, shown, stored in rows:
        plain = re.sub(r"LowCardinality\((.*)\)", r"\1", stored).replace("Date32", "Date")
        if name != "stays":
            assert shown == plain, f"{view}.{name}"
