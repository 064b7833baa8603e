"""The configuration as signals: what it says that it did not say before, and what it no longer says.

A changed record keeps its `from` and gets the next sequence, so that the newer one holds. A
record that is gone is said to be removed, at the time up to which is known what happened.
"""

import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pipeline.core.calendar import iso_instant
from pipeline.core.definition import CONFIG
from pipeline.core.reaction import State
from pipeline.core.signals import Defined, Instant, Order
from pipeline.definitions import Definitions, load_definitions
from pipeline.engine.decode import Decoded, decode
from pipeline.engine.parts import Parts
from pipeline.engine.pseudonyms import Pseudonyms
from pipeline.engine.stored import Said
from pipeline.errors import Problem

ENTITY = "book:config"
"""Where it is kept what the configuration last said."""

BEGINNING: Instant = 946_684_800_000
"""2000-01-01, the time of all that a configuration says until something is removed from it."""

RETIRED = {
    "goal": "will be shown as withdrawn, with its history",
    "subject": "will not be counted any further; its history stays",
    "team": "keeps what it did",
    "service": "keeps its history; nothing has to reach it any more",
}
"""What becomes of a removed record; one of another kind is as if it had never been."""


def changes(
    definitions: Definitions, state: State, now: Instant, pseudonyms: Pseudonyms
) -> Iterator[Decoded]:
    """The signals that make known what this configuration changes.

    All have one time, that of the newest removal: of two facts the one with the later sequence
    may not be the earlier one.
    """
    newest: Instant = state.get("newest") or BEGINNING
    defined = set()
    for kind, id, start, written in definitions.records():
        name = _name(kind, id, start)
        defined.add(name)
        record = json.loads(json.dumps(written, default=str))
        sequence, digest = _said(state, name)
        if digest != _digest(pseudonyms.record(kind, record)):
            yield _signal(name, sequence + 1, newest, kind=kind, id=id, record=record)
    for name in _removed(state, defined):
        kind, id, since = _parts(name)
        record = {"from": since} if since else {}
        at = max(newest, now)
        sequence = _said(state, name).sequence + 1
        yield _signal(name, sequence, at, kind=kind, id=id, record=record, removed=True)


def note(state: State, fact: Defined, order: Order) -> dict[str, Any]:
    """The parts that remember what the configuration said with this fact."""
    name = _name(fact.kind, fact.id, fact.record.get("from"))
    digest = "" if fact.removed else _digest(fact.record)
    names = state.get("names") or []
    found = {
        f"said/{name}": Said(order.sequence[1], digest),
        "newest": max(order.at, state.get("newest") or 0),
    }
    return found if name in names else {**found, "names": [*names, name]}


def differences(path: Path, data: Path, salt: str | None = None) -> Iterator[Problem]:
    """What the next replay of this configuration into a directory changes in the past."""
    if not (data / "state.sqlite").exists():
        return
    parts = Parts(data / "state.sqlite")
    try:
        if parts.outdated:
            return
        state = parts.entity(ENTITY)
        pseudonyms = Pseudonyms.of_directory(data, parts, salt)
        defined = set()
        for kind, id, start, written in load_definitions(path).records():
            name = _name(kind, id, start)
            defined.add(name)
            record = json.loads(json.dumps(written, default=str))
            digest = _said(state, name).digest
            if digest and _counts_otherwise(parts.entity("book:book"), kind, id, start, record):
                yield Problem(
                    level="note",
                    file=str(path),
                    message=f"{kind} {id} counts uses by other days or actions than before,"
                    " and of a day only the uses that were needed are kept",
                    remedy="run `signals rebuild` after the next replay",
                )
            if start is None and digest not in ("", _digest(pseudonyms.record(kind, record))):
                yield Problem(
                    level="note",
                    file=str(path),
                    message=f"{kind} {id} has changed and has no `from:`: this rewrites the past",
                    remedy="to leave the past alone, add a version with a `from:` date",
                )
        for name in _removed(state, defined):
            kind, id, since = _parts(name)
            if since and any(other.startswith(f"{kind}\t{id}\t") for other in defined):
                said = f"its version from {since} will be as if it had never been"
            else:
                said = RETIRED.get(kind, "will be as if it had never been")
            yield Problem(
                level="note",
                file=str(path),
                message=f"{kind} {id} no longer stands here: it {said}",
            )
    finally:
        parts.close()


def _counts_otherwise(
    book: State, kind: str, id: str, start: Any, record: dict[str, Any]
) -> bool:
    """Whether a record says something else about what is kept of uses than it said so far."""
    if kind not in ("organisation", "team", "subject"):
        return False
    facts: list[tuple[Defined, Order] | None] = [
        book.get(f"fact/{n}") for n in range(book.get("size") or 0)
    ]
    known = [
        (order, fact.record)
        for fact, order in filter(None, facts)
        if (fact.kind, fact.id, fact.record.get("from")) == (kind, id, start)
        and not fact.removed
    ]
    return bool(known) and _kept_by(max(known, key=lambda k: k[0])[1]) != _kept_by(record)


def _kept_by(record: dict[str, Any]) -> tuple[Any, Any]:
    return record.get("timezone"), (record.get("measure") or {}).get("actions")


def _removed(state: State, defined: set[str]) -> list[str]:
    known: list[str] = state.get("names") or []
    return [name for name in known if name not in defined and _said(state, name).digest]


def _said(state: State, name: str) -> Said:
    return state.get(f"said/{name}") or Said(0, "")


def _name(kind: str, id: str, start: Any) -> str:
    return f"{kind}\t{id}\t{start or ''}"


def _parts(name: str) -> tuple[str, str, str]:
    kind, id, start = name.split("\t")
    return kind, id, start


def _digest(record: dict[str, Any]) -> str:
    said = {key: value for key, value in record.items() if key != "id"}
    return blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).hexdigest()


def _signal(name: str, sequence: int, at: Instant, **data: Any) -> Decoded:
    event = {
        "specversion": "1.0",
        "id": f"{name.replace(chr(9), '/')}/{sequence}",
        "source": CONFIG,
        "type": "delivery.record.defined.v1",
        "time": iso_instant(at),
        "sequence": str(sequence),
        "data": data,
    }
    decoded = decode(json.dumps(event).encode(), -(2**62), 2**62, limit=2**62)
    assert isinstance(decoded, Decoded), decoded
    return decoded
