"""Rows and expectations as data: YAML in, what the store holds out."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.core.rows import TABLES
from pipeline.store.client import Store
from pipeline.store.writer import DATABASE, Column, Writer

Records = Mapping[str, Sequence[Mapping[str, Any]]]
"""Per table its rows, with only the columns that matter."""

TYPES = {table: row_type for row_type, (table, _) in TABLES.items()}

EPOCH = dt.date(1970, 1, 1)


def made(writer: Writer, table: str, given: Mapping[str, Any]) -> Any:
    """A row of a table: what is given, and nothing where nothing is."""
    row_type = TYPES[table]
    columns = dict(zip(row_type._fields, writer.layouts[row_type].columns, strict=True))
    assert given.keys() <= columns.keys(), f"{table} has no {given.keys() - columns.keys()}"
    return row_type(
        *(
            _value(column, given[field]) if field in given else column.empty
            for field, column in columns.items()
        )
    )


def _value(column: Column, value: Any) -> Any:
    if isinstance(value, list):
        return [tuple(map(_instant, v)) if isinstance(v, list) else v for v in value]
    return _instant(value) if pa.types.is_timestamp(column.type) else _day(value)


def _instant(value: Any) -> Any:
    return round(value.timestamp() * 1000) if isinstance(value, dt.datetime) else value


def _day(value: Any) -> Any:
    return (value - EPOCH).days if isinstance(value, dt.date) else value


def fill(store: Store, records: Records, version: int = 1, token: str = "") -> None:
    """Write rows of any tables into the store, the way the engine does."""
    writer = Writer(store)
    rows = [
        made(writer, table, row)
        for table, found in records.items()
        if table != "signals"
        for row in found
    ]
    writer.write([(version, row) for row in rows], [], token)
    for n, signal in enumerate(records.get("signals", ())):
        writer.signals(
            source=[signal["source"]],
            id=[signal["id"]],
            type=[signal["type"]],
            time=[_instant(signal["time"])],
            recorded_at=[_instant(signal["recorded_at"])],
            subject=[""],
            body=[signal["body"].encode()],
            version=[version],
            token=f"{token}{n}",
        )


def clear(store: Store) -> None:
    """Leave nothing but the schema."""
    sql = "SELECT name FROM system.tables WHERE database = {database:String} AND total_rows > 0"
    for (table,) in store.query(sql, {"database": DATABASE}).rows:
        if table != "migrations":
            store.command(f"TRUNCATE TABLE {DATABASE}.{table}")
