"""Frames ClickHouse's Native format as clients of its newer protocols expect it.

The embedded engine writes the oldest form. A client that names a `client_protocol_version`, as
Grafana's data source does, expects a header before each block and a byte for the serialization
after each type. Where a column ends only its type can tell.
"""

from collections.abc import Iterator
from typing import Any

from clickhouse_connect.datatypes.registry import get_from_name

BLOCK_INFO = bytes([1, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0])
"""Field 1: it is no overflow; field 2: bucket -1; the end."""

WITH_SERIALIZATION = 54454
"""Version of the protocol from which on a column says how it is serialized; 0 = plainly."""

_SIZES = {"String": 0, "Nothing": 1, "UUID": 16, "IPv4": 4, "IPv6": 16}
"""Bytes of a value where the driver's type does not say; a String says itself."""


def framed(data: bytes, version: int) -> bytes:
    """Write Native blocks without a frame as protocol `version` has them."""
    # The driver asks which form it gets, and takes the oldest: less work for both.
    return b"".join(_Blocks(data).frames()) if version >= WITH_SERIALIZATION else data


class _Blocks:
    """Blocks of Native, read from the front; `at` is the place."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def frames(self) -> Iterator[bytes]:
        while self.at < len(self.data):
            start = self.at
            columns, rows = self.length(), self.length()
            yield BLOCK_INFO + self.data[start : self.at]
            for _ in range(columns):
                start = self.at
                self.text()
                type_ = self.text()
                yield self.data[start : self.at] + b"\0"
                start = self.at
                if rows:
                    one = get_from_name(type_)
                    self.prefix(one)
                    self.values(one, rows)
                yield self.data[start : self.at]

    def length(self) -> int:
        size = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            size |= (byte & 0x7F) << shift
            if byte < 0x80:
                return size
            shift += 7

    def text(self) -> str:
        size = self.length()
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def number(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + 8], "little")

    def prefix(self, type_: Any) -> None:
        """Pass over what stands before all values: the version of each dictionary."""
        if type_.low_card:
            self.at += 8
        for inner in _inner(type_):
            self.prefix(inner)

    def values(self, type_: Any, count: int) -> None:
        if type_.low_card:
            self.dictionary(type_, count)
            return
        if type_.nullable:
            self.at += count
        self.plain(type_, count)

    def dictionary(self, type_: Any, count: int) -> None:
        if not count:
            return
        width = 1 << (self.data[self.at] & 0xFF)
        keys = self.number(self.at + 8)
        self.at += 16
        self.plain(type_, keys)  # NULL is a key of its own, without a map
        self.at += 8 + width * count

    def plain(self, type_: Any, count: int) -> None:
        kind = type_.base_type
        if kind in {"Array", "Map", "Nested"}:
            self.at += 8 * count
            count = self.number(self.at - 8) if count else 0
        inner = _inner(type_)
        for one in inner:
            self.values(one, count)
        if inner:
            return
        if kind == "String":
            for _ in range(count):
                size = self.length()  # moves `at` itself
                self.at += size
        else:
            self.at += count * _size(type_)


def _inner(type_: Any) -> list[Any]:
    match type_.base_type:
        case "Array":
            return [type_.element_type]
        case "Tuple" | "Nested":
            return list(type_.element_types)
        case "Map":
            return [type_.key_type, type_.value_type]
    return []


def _size(type_: Any) -> int:
    size = int(getattr(type_, "byte_size", 0)) or _SIZES.get(type_.base_type, 0)
    if not size:
        raise NotImplementedError(type_.name)
    return size
