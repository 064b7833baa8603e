"""Rows into tables: the same columns, each batch once, the newest version of a key."""

import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from pipeline.core.rows import TABLES, AdopterRow, ClockRow, Gone
from pipeline.core.signals import Instant
from pipeline.errors import QueryError, SchemaOutdated
from pipeline.store.client import Store, open_store
from pipeline.store.writer import Writer
from tests.store.rows import fill

COLUMN = {
    "str": r"(LowCardinality\()?String\)?",
    "int": r"(U?Int(16|32|64)|Date(32)?|DateTime64\(3, 'UTC'\))",
    "float": "Float64",
    "bool": "Bool",
    "bytes": "String",
    "list[str]": r"Array\(String\)",
    "list[int]": r"Array\(UInt16\)",
    "list[tuple[int, int | None]]": r"Array\(Tuple\(.*DateTime64.*Nullable\(DateTime64.*\)",
}
"""The Python type of a field, and the ClickHouse types that may hold it."""

GOAL = "SELECT title FROM signals.goals_now"


def python_type(hint: Any) -> str:
    text = (
        hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    )
    return text.replace("builtins.", "")


@pytest.mark.parametrize("row_type", TABLES, ids=lambda row_type: row_type.__name__)
def test_a_row_is_a_row_of_its_table(store: Store, row_type: type[Any]) -> None:
    """Fields and columns have the same names, order and types; the key orders the table."""
    table, key_length = TABLES[row_type]
    sql = """
        SELECT name, type FROM system.columns
        WHERE database = 'signals_store' AND table = {table:String} ORDER BY position
    """
    columns = store.query(sql, {"table": table}).rows
    fields = [field.rstrip("_") for field in row_type._fields]
    names = [name for name, _ in columns]
    assert sorted(names) == sorted([*fields, "row_version", "is_deleted"])
    assert names[:key_length] == fields[:key_length]
    types = dict(columns)
    for field, hint in get_type_hints(row_type).items():
        text = python_type(hint)
        plain, optional = text.removesuffix(" | None"), text.endswith(" | None")
        expected = rf"Nullable\({COLUMN[plain]}\)" if optional else COLUMN[plain]
        assert re.fullmatch(expected, types[field.rstrip("_")], re.DOTALL), (field, types)
    sql = """
        SELECT sorting_key, engine_full FROM system.tables
        WHERE database = 'signals_store' AND name = {table:String}
    """
    [(key, engine)] = store.query(sql, {"table": table}).rows
    assert key.replace("`", "").split(", ") == fields[:key_length]
    assert engine.startswith("ReplacingMergeTree(row_version, is_deleted)")


def test_a_batch_counts_once(store: Store) -> None:
    """The same batch sent again is dropped: the table holds its rows once."""
    rows = {"goals": [{"goal_id": "a"}, {"goal_id": "b"}]}
    for _ in range(3):
        fill(store, rows, token="local:1")
    assert store.query("SELECT count() FROM signals_store.goals").rows == [(2,)]
    assert store.query("SELECT count() FROM signals.goals_now").rows == [(2,)]


def test_a_repeated_row_counts_once(store: Store) -> None:
    """Rows are absolute: written again by another batch they are the same rows."""
    days = {"adoption_days": [{"subject": "sdk", "day": 20_000, "adopters": 3}]}
    for version in (1, 2, 3):
        fill(store, days, version, token=f"local:{version}")
    rows = store.query("SELECT count(), sum(adopters) FROM signals.adoption_daily").rows
    assert rows == [(1, 3)]


@pytest.mark.parametrize("versions", [(1, 2), (2, 1)])
def test_the_newest_version_of_a_row_holds(store: Store, versions: tuple[int, int]) -> None:
    """Whichever comes first."""
    for version in versions:
        goal = {"goal_id": "g", "title": f"version {version}"}
        fill(store, {"goals": [goal]}, version, token=f"local:{version}")
    assert store.query(GOAL).rows == [("version 2",)]


def test_a_row_that_is_gone_leaves_and_may_come_back(store: Store) -> None:
    """A newer version says that a key is no longer true, a still newer one that it is again."""
    writer = Writer(store)
    gone = Gone(AdopterRow, ("sdk", "web"))
    adopters = "SELECT adopter FROM signals.adopters"
    row = {"adopters": [{"subject": "sdk", "adopter": "web"}]}
    fill(store, row, 1, token="1")
    writer.write([], [(2, gone)], "2")
    assert store.query(adopters).rows == []
    fill(store, row, 3, token="3")
    assert store.query(adopters).rows == [("web",)]


def test_of_one_batch_the_last_word_holds(store: Store) -> None:
    """A key twice in a batch, and a key both gone and there."""
    twice = [(1, ClockRow("clock", 1)), (1, ClockRow("clock", 2))]
    Writer(store).write(twice, [(1, Gone(ClockRow, ("clock",)))], "1")
    rows = store.query("SELECT toUnixTimestamp64Milli(at) FROM signals_store.clock FINAL").rows
    assert rows == [(2,)]


@pytest.mark.parametrize("at", [0, 946_684_800_000, 4_102_444_799_999])
def test_an_instant_keeps_its_milliseconds(store: Store, at: Instant) -> None:
    """From the beginning of time to the end of the century."""
    Writer(store).write([(1, ClockRow("clock", at))], [], "1")
    rows = store.query("SELECT toUnixTimestamp64Milli(at) FROM signals_store.clock").rows
    assert rows == [(at,)]


def test_a_store_without_a_column_asks_for_a_migration(store: Store) -> None:
    """The writer never guesses what to leave out."""
    store.command("ALTER TABLE signals_store.goals RENAME COLUMN title TO heading")
    try:
        with pytest.raises(SchemaOutdated, match=r"no column title .*run `signals migrate`"):
            Writer(store)
    finally:
        store.command("ALTER TABLE signals_store.goals RENAME COLUMN heading TO title")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO signals_store.clock VALUES ('x', now(), 1, 0)",
        "INSERT INTO signals_store.clock SELECT 'x', now(), 1, 0 SETTINGS readonly = 0",
        "ALTER TABLE signals_store.clock DELETE WHERE 1",
        "TRUNCATE TABLE signals_store.clock",
        "DROP DATABASE signals",
        "CREATE TABLE signals.mine (a Int8) ENGINE = Memory",
        "SET readonly = 0",
    ],
)
def test_who_reads_cannot_write(store: Store, sql: str) -> None:
    """A client that only reads is refused by ClickHouse itself, and told so."""
    fill(store, {"clock": [{"name": "clock"}]})
    before = store.query("SELECT * FROM signals_store.clock").rows
    with open_store(Path(store.where), settings={"readonly": "2"}) as reader:
        with pytest.raises(QueryError, match="this command reads"):
            reader.query(sql)
        assert reader.query("SELECT * FROM signals_store.clock").rows == before
