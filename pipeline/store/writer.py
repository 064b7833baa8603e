"""Puts rows into their tables: whole columns at a time, each batch once in effect."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, get_type_hints

import pyarrow as pa

from pipeline.core.rows import TABLES, Gone, Row
from pipeline.errors import SchemaOutdated
from pipeline.store.client import Store

DATABASE = "signals_store"

_ARCHIVED = ("source", "id", "type", "time", "recorded_at", "subject", "body")

_ARROW: tuple[tuple[str, Callable[[], pa.DataType], Any], ...] = (
    (r"DateTime64\(3, 'UTC'\)", lambda: pa.timestamp("ms", "UTC"), 0),
    (r"Date(32)?", pa.date32, 0),
    (r"UInt\d+", pa.uint64, 0),
    (r"Int\d+", pa.int64, 0),
    (r"Float64", pa.float64, 0.0),
    (r"Bool", pa.bool_, False),
    (r"Array\(String\)", lambda: pa.list_(pa.string()), []),
    (r"Array\(UInt\d+\)", lambda: pa.list_(pa.uint64()), []),
    (
        r"Array\(Tuple\(\s*began_at .*",
        lambda: pa.list_(
            pa.struct(
                [
                    ("began_at", pa.timestamp("ms", "UTC")),
                    ("ended_at", pa.timestamp("ms", "UTC")),
                ]
            )
        ),
        [],
    ),
    (r"String", pa.string, ""),
)
"""ClickHouse type to the type of its column on the way and the value of a row that is gone."""


class Column(NamedTuple):
    """How values of one field reach their column."""

    name: str
    type: pa.DataType
    empty: Any


class Layout(NamedTuple):
    """How the rows of one type reach their table."""

    table: str
    columns: tuple[Column, ...]
    key_length: int


class Writer:
    """Writes rows to the store.

    `version` says which row of a key holds: the one with the largest. `token` names the batch:
    a batch written again with the same token changes nothing, whatever it holds.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        types = _column_types(store)
        self.layouts = {type_: _layout(type_, types) for type_ in TABLES}
        self._archive = _layout_of_archive(types)

    def write(
        self, rows: Iterable[tuple[int, Row]], gone: Iterable[tuple[int, Gone]], token: str
    ) -> None:
        """Write rows that are there and keys of rows that are gone, each with its version.

        One insert per table. Of equal keys and versions the last in `rows` holds; one that is
        both gone and there is there.
        """
        parts: defaultdict[type[Any], list[pa.Table]] = defaultdict(list)
        for row_type, found in _by_type(
            (one.row_type, version, one.key) for version, one in gone
        ):
            parts[row_type].append(_gone_table(self.layouts[row_type], *found))
        for row_type, found in _by_type((type(row), version, row) for version, row in rows):
            parts[row_type].append(_table(self.layouts[row_type], *found))
        for row_type, layout in self.layouts.items():
            if row_type in parts:
                self._insert(layout, pa.concat_tables(parts[row_type]), token)

    def signals(
        self,
        *,
        source: Sequence[str],
        id: Sequence[str],
        type: Sequence[str],  # noqa: A002 - the same
        time: Sequence[int],
        recorded_at: Sequence[int],
        subject: Sequence[str],
        body: Sequence[bytes],
        version: Sequence[int],
        token: str,
    ) -> None:
        """Archive signals, one entry per signal in each list; instants in milliseconds."""
        values = (source, id, type, time, recorded_at, subject, body)
        self._insert(self._archive, _table(self._archive, values, version), token)

    def _insert(self, layout: Layout, columns: pa.Table, token: str) -> None:
        if columns.num_rows:
            table = f"{DATABASE}.{layout.table}"
            self.store.insert_arrow(table, columns, f"{token}:{layout.table}")


Columns = Sequence[Sequence[Any]]
"""Values by field, then by row."""


def _by_type(
    rows: Iterable[tuple[type[Any], int, tuple[Any, ...]]],
) -> Iterator[tuple[type[Any], tuple[Columns, Sequence[int]]]]:
    """For each type its rows as columns, and their versions."""
    found: defaultdict[type[Any], tuple[list[Any], list[int]]] = defaultdict(lambda: ([], []))
    for row_type, version, row in rows:
        some, versions = found[row_type]
        some.append(row)
        versions.append(version)
    for row_type, (some, versions) in found.items():
        yield row_type, (list(zip(*some, strict=True)), versions)


def _layout_of_archive(types: dict[tuple[str, str], str]) -> Layout:
    columns = [_column("signals", name, name == "body", types) for name in _ARCHIVED]
    return Layout("signals", tuple(columns), 2)


def _column_types(store: Store) -> dict[tuple[str, str], str]:
    found = store.query(
        "SELECT table, name, type FROM system.columns WHERE database = {database:String}",
        {"database": DATABASE},
    )
    return {(table, name): type_ for table, name, type_ in found.rows}


def _layout(row_type: type[Any], types: dict[tuple[str, str], str]) -> Layout:
    table, key_length = TABLES[row_type]
    hints = get_type_hints(row_type)
    columns = [
        _column(table, field.rstrip("_"), hints[field] is bytes, types)
        for field in row_type._fields
    ]
    return Layout(table, tuple(columns), key_length)


def _column(table: str, name: str, is_bytes: bool, types: dict[tuple[str, str], str]) -> Column:
    if (table, name) not in types:
        raise SchemaOutdated(
            f"The store has no column {name} in {DATABASE}.{table}", "run `signals migrate`"
        )
    type_ = types[table, name]
    found = _on_the_way(type_, is_bytes)
    if found is None:
        raise TypeError(f"{DATABASE}.{table}.{name} is a {type_}, which no row can fill")
    return Column(name, *found)


@cache
def _on_the_way(type_: str, is_bytes: bool) -> tuple[pa.DataType, Any] | None:
    """Type and empty value of a column; hundreds have few types, and every engine asks."""
    nullable = type_.startswith("Nullable")
    plain = re.sub(r"^(?:Nullable|LowCardinality)\((.*)\)$", r"\1", type_)
    for pattern, arrow, empty in _ARROW:
        if re.fullmatch(pattern, plain, re.DOTALL):
            if is_bytes:
                return pa.binary(), None if nullable else b""
            return arrow(), None if nullable else empty
    return None


def _table(layout: Layout, values: Columns, versions: Sequence[int]) -> pa.Table:
    arrays = [
        pa.array(column_values, column.type)
        for column, column_values in zip(layout.columns, values, strict=True)
    ]
    return _with_version(layout, arrays, versions, deleted=False)


def _gone_table(layout: Layout, keys: Columns, versions: Sequence[int]) -> pa.Table:
    assert len(keys) == layout.key_length, f"keys of {layout.table}: {keys}"
    arrays = [
        pa.array(values, column.type)
        for column, values in zip(layout.columns, keys, strict=False)
    ]
    arrays += [
        pa.array([column.empty] * len(versions), column.type)
        for column in layout.columns[layout.key_length :]
    ]
    return _with_version(layout, arrays, versions, deleted=True)


def _with_version(
    layout: Layout, arrays: list[pa.Array], versions: Sequence[int], *, deleted: bool
) -> pa.Table:
    arrays.append(pa.array(versions, pa.uint64()))
    arrays.append(pa.repeat(pa.scalar(int(deleted), pa.uint8()), len(versions)))
    names = [*(column.name for column in layout.columns), "row_version", "is_deleted"]
    return pa.Table.from_arrays(arrays, names=names)
