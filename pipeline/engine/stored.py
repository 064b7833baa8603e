"""What engines store and send, typed: parts of state, messages and rows, each with its codec."""

from collections.abc import Iterable
from functools import cache
from types import GenericAlias
from typing import Any, NamedTuple, get_type_hints

from msgspec import Raw

from pipeline.core import react
from pipeline.core.messages import Message
from pipeline.core.rows import TABLES, Gone, Row
from pipeline.core.signals import Defined, Instant, Order
from pipeline.engine.codec import Codec, codec


class Said(NamedTuple):
    """What the configuration last said of one version of a record (digest "": removed)."""

    sequence: int
    digest: str


FORMAT = 9
"""Raised when parts that were stored before cannot be read; then they are made anew."""

PARTS: dict[str, dict[str, Any]] = {
    **react.PARTS,
    "intake": {"day/": dict[str, int]},
    "book": {
        "fact/": tuple[Defined, Order],
        "names": list[str],
        "newest": Instant,
        "said/": Said,
        "size": int,
    },
}
"""As `react.PARTS`, with what the engines themselves remember."""


def part_codec(ref: str, key: str) -> Codec:
    """How this part of this entity is stored."""
    name, slash, _ = key.partition("/")
    return _part_codec(ref.partition(":")[0], name + slash)


@cache
def _part_codec(kind: str, name: str) -> Codec:
    if name not in PARTS.get(kind, ()):
        raise TypeError(f"no type is declared for the part {name} of {kind}")
    return codec(PARTS[kind][name])


MESSAGE = codec(Message)
"""A message is [name of its record, [its fields]]."""


# ---- rows: of each table those that are there, and the keys of those that are gone

_TABLES = codec(tuple[dict[str, Raw], dict[str, Raw]])
_ROWS = {table: row_type for row_type, (table, _) in TABLES.items()}


def encode_rows(held: Iterable[Row], gone: Iterable[Gone]) -> bytes:
    rows: dict[str, list[Row]] = {}
    for row in held:
        rows.setdefault(TABLES[type(row)][0], []).append(row)
    keys: dict[str, list[tuple[Any, ...]]] = {}
    for row_type, key in gone:
        keys.setdefault(TABLES[row_type][0], []).append(key)
    return _TABLES.encode((rows, keys))


def decode_rows(data: bytes) -> tuple[list[Row], list[Gone]]:
    """The rows and keys that went in, those of one table in their order."""
    rows, keys = _TABLES.decode(data)
    held = [row for table, some in rows.items() for row in _of_table(table)[0].decode(some)]
    gone = [
        Gone(_ROWS[table], key)
        for table, some in keys.items()
        for key in _of_table(table)[1].decode(some)
    ]
    return held, gone


@cache
def _of_table(table: str) -> tuple[Codec, Codec]:
    """How the rows of a table are read, and their keys."""
    row_type = _ROWS[table]
    key = list(get_type_hints(row_type).values())[: TABLES[row_type][1]]
    keys = GenericAlias(tuple, tuple(key))
    return codec(GenericAlias(list, row_type)), codec(GenericAlias(list, keys))
