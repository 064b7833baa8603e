"""The form of an explanation: pieces that stand on pieces, down to the signals of the archive."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.store.client import Store


class Signal(NamedTuple):
    """A signal of the archive, as far as an explanation needs it."""

    source: str
    id: str
    type: str
    time: dt.datetime
    data: dict[str, Any]


@dataclass(slots=True)
class Piece:
    """One thing that is so, where it can be seen, the signals that say it, and what is below it."""

    text: str
    url: str = ""
    signals: list[Signal] = field(default_factory=list)
    below: list["Piece"] = field(default_factory=list)
    query: str = ""
    """SQL for all signals, where they are too many to name."""


class Wanted(NamedTuple):
    """Signals of a type whose data has one of these names in a field; the newest of each name."""

    type: str
    field: str
    names: Sequence[str]
    newest: int = 1
    before: dt.datetime | None = None


SHOW = "SELECT source, id, type, time, data FROM signals.signals"


def archive(store: Store, *wanted: Wanted) -> list[Signal]:
    """The wanted signals, newest first, in one pass over the archive.

    What is not yet merged may be there twice, so the archive is only asked which signals it is
    about; the view says what they are.
    """
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for n, one in enumerate(w for w in wanted if w.names):
        name = f"JSONExtractString(body, 'data', {{field{n}:String}})"
        values |= {f"type{n}": f"delivery.{one.type}.v1", f"field{n}": one.field}
        values |= {f"names{n}": list(one.names), f"newest{n}": one.newest}
        before = ""
        if one.before is not None:
            values[f"before{n}"] = round(one.before.timestamp() * 1000)
            before = f" AND time < fromUnixTimestamp64Milli({{before{n}:Int64}})"
        conditions.append(
            f"(SELECT source, id FROM signals_store.signals WHERE type = {{type{n}:String}}"
            f" AND {name} IN {{names{n}:Array(String)}}{before}"
            f" ORDER BY time DESC, source, id LIMIT {{newest{n}:UInt32}} BY {name})"
        )
    if not conditions:
        return []
    listed = " UNION ALL ".join(f"SELECT * FROM {one}" for one in conditions)
    return _signals(store, f"(source, id) IN ({listed})", values)


def referred(store: Store, references: Iterable[str]) -> dict[str, Signal]:
    """The signals that references (source and id, with a space between) are about."""
    pairs = [r.partition(" ")[::2] for r in references]
    if not pairs:
        return {}
    values = {"sources": [s for s, _ in pairs], "ids": [id for _, id in pairs]}
    some = "source IN {sources:Array(String)} AND id IN {ids:Array(String)}"
    return {f"{s.source} {s.id}": s for s in _signals(store, some, values)}


def _signals(store: Store, condition: str, values: dict[str, Any]) -> list[Signal]:
    rows = store.rows(f"{SHOW} WHERE {condition} ORDER BY time DESC, source, id", values)
    return [
        Signal(r["source"], r["id"], r["type"], r["time"], json.loads(r["data"] or "{}"))
        for r in rows
    ]


def about(signals: Iterable[Signal], type_: str, name: str, value: str) -> list[Signal]:
    """Those of a type whose field has this value."""
    return [
        s for s in signals if s.type == f"delivery.{type_}.v1" and s.data.get(name) == value
    ]


def literal(text: str) -> str:
    """A text as SQL has it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def when(at: dt.datetime) -> str:
    """An instant to the minute; all are UTC, which is said once."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M}"


# -- as text and as data ---------------------------------------------------------------------


def lines(piece: Piece) -> Iterator[str]:
    """The chain as text, each piece below what stands on it; then how to see a signal."""
    yield from _lines(piece, "")
    yield ""
    shown = next(_all_signals(piece), None)
    if shown is None:
        yield "Times are UTC."
        return
    where = f"source = {literal(shown.source)} AND id = {literal(shown.id)}"
    yield "Times are UTC. [source id] is a signal; see it with"
    yield f'  signals query "SELECT data FROM signals.signals WHERE {where}"'


def _lines(piece: Piece, indent: str) -> Iterator[str]:
    said = [piece.text, *(f"[{s.source} {s.id}]" for s in piece.signals), piece.url]
    yield indent + " ".join(part for part in said if part)
    for below in piece.below:
        yield from _lines(below, f"{indent}  ")
    if piece.query:
        yield f'{indent}  all of them: signals query "{piece.query}"'


def _all_signals(piece: Piece) -> Iterator[Signal]:
    yield from piece.signals
    for below in piece.below:
        yield from _all_signals(below)


def as_dict(piece: Piece) -> dict[str, Any]:
    """The chain as data."""
    said: dict[str, Any] = {"text": piece.text}
    if piece.url:
        said["url"] = piece.url
    if piece.signals:
        said["signals"] = [
            {"source": s.source, "id": s.id, "type": s.type, "time": s.time.isoformat()}
            for s in piece.signals
        ]
    if piece.query:
        said["query"] = piece.query
    if piece.below:
        said["below"] = [as_dict(one) for one in piece.below]
    return said
