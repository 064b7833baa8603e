"""The state of the local engine: parts of entities in SQLite, read through a cache.

One transaction per group holds everything that a group changed: parts, alarms, identities and
the rows on their way to the store. A process that is killed leaves either all of it or nothing.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.core.signals import Instant
from pipeline.engine.stored import FORMAT, part_codec

_AT_ONCE = 500
"""Identities per query; SQLite takes some thousand values."""

CACHE = 400_000
"""Parts held in memory; beyond it the cache starts anew after the next group."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS parts (ref TEXT, key TEXT, value BLOB, PRIMARY KEY (ref, key))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarms (ref TEXT PRIMARY KEY, at INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (identity INTEGER PRIMARY KEY, body INTEGER);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (version INTEGER PRIMARY KEY, rows BLOB);
"""


SMALL = frozenset({"item", "key", "flag", "source", "intake", "book"})
"""Kinds of entities with few parts: the first touch reads them all at once."""


class EntityState:
    """The parts of one entity, as `core.reaction.State` wants them.

    `whole` says that memory has every part there is, so a part that is not there is none.
    """

    __slots__ = ("_parts", "_ref", "kept", "values", "whole")

    def __init__(self, parts: "Parts", ref: str, values: dict[str, Any], whole: bool) -> None:
        self._parts = parts
        self._ref = ref
        self.kept: Any = None
        self.values = values
        self.whole = whole

    def get(self, key: str, /) -> Any:
        try:
            return self.values[key]
        except KeyError:
            if self.whole:
                return None
            value = self.values[key] = self._parts.read(self._ref, key)
            return value


class Parts:
    """All parts, alarms and identities of one data directory."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA cache_size=-65536")
        self._db.executescript(_SCHEMA)
        self._cache: dict[str, EntityState] = {}
        self._changed: dict[str, dict[str, Any]] = {}
        self._alarms: dict[str, Instant | None] = {}
        self._seen: dict[int, int] = {}
        self._known: dict[int, int | None] = {}
        self._any_seen = self._db.execute("SELECT 1 FROM seen LIMIT 1").fetchone() is not None
        self._meta: dict[str, Any] = {}
        self._cached = 0
        self.reads = 0
        self.writes = 0

    @property
    def outdated(self) -> bool:
        """Whether another version wrote this, or nobody so far: then nothing of it can be read."""
        return bool(self.meta("format") != FORMAT)

    def start_anew(self) -> None:
        """Forget what another version stored; it is to be made again from the archive."""
        now: int = max(self.meta(name, 0) for name in ("clock", "newest", "rebuilding"))
        self._db.execute("DELETE FROM parts")
        self.clear(format=FORMAT, rebuilding=now)

    def entity(self, ref: str) -> EntityState:
        state = self._cache.get(ref)
        if state is None:
            state = self._cache[ref] = self._open(ref)
        return state

    def _open(self, ref: str) -> EntityState:
        self.reads += 1
        if ref.partition(":")[0] in SMALL:
            rows = self._db.execute("SELECT key, value FROM parts WHERE ref = ?", (ref,))
            values = {key: part_codec(ref, key).decode(value) for key, value in rows}
            self._cached += len(values)
            return EntityState(self, ref, values, whole=True)
        known = self._db.execute("SELECT 1 FROM parts WHERE ref = ? LIMIT 1", (ref,))
        return EntityState(self, ref, {}, whole=known.fetchone() is None)

    def read(self, ref: str, key: str) -> Any:
        self.reads += 1
        self._cached += 1
        row = self._db.execute(
            "SELECT value FROM parts WHERE ref = ? AND key = ?", (ref, key)
        ).fetchone()
        return None if row is None else part_codec(ref, key).decode(row[0])

    def change(self, ref: str, parts: dict[str, Any]) -> None:
        self.entity(ref).values.update(parts)
        changed = self._changed.get(ref)
        if changed is None:
            self._changed[ref] = dict(parts)
        else:
            changed.update(parts)

    def alarms(self) -> list[tuple[Instant, str]]:
        return [(at, ref) for ref, at in self._db.execute("SELECT ref, at FROM alarms")]

    def alarm(self, ref: str, at: Instant | None) -> None:
        self._alarms[ref] = at

    def expect(self, identities: list[int]) -> None:
        """Look up at once which of these identities were seen before."""
        known: dict[int, int | None] = dict.fromkeys(identities)
        if self._any_seen:
            for start in range(0, len(identities), _AT_ONCE):
                some = identities[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                known.update(
                    self._db.execute(
                        f"SELECT identity, body FROM seen WHERE identity IN ({marks})",  # noqa: S608
                        some,
                    )
                )
        known.update((i, self._seen[i]) for i in identities if i in self._seen)
        self._known = known

    def seen(self, identity: int) -> int | None:
        """The fingerprint of the body that came with this identity before, if one did."""
        if identity not in self._known:
            self.expect([identity])
        return self._known[identity]

    def see(self, identity: int, body: int) -> None:
        self._seen[identity] = self._known[identity] = body

    def meta(self, name: str, default: Any = None) -> Any:
        if name in self._meta:
            return self._meta[name]
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return default if row is None else row[0]

    def set_meta(self, name: str, value: Any) -> None:
        self._meta[name] = value

    def refs(self, kinds: Iterable[str]) -> list[str]:
        """All entities of some kinds that have state."""
        found: set[str] = set()
        for kind in kinds:
            prefix = f"{kind}:"
            found.update(ref for ref in self._cache if ref.startswith(prefix))
            found.update(
                ref
                for (ref,) in self._db.execute(
                    "SELECT DISTINCT ref FROM parts WHERE ref >= ? AND ref < ?",
                    (prefix, f"{kind};"),
                )
            )
        return sorted(found)

    def outbox(self) -> list[tuple[int, bytes]]:
        """Groups whose rows may not have reached the store yet, oldest first."""
        return self._db.execute("SELECT version, rows FROM outbox ORDER BY version").fetchall()

    def commit(self, version: int, rows: bytes) -> None:
        """Make a group durable; its rows wait in the outbox until `sent`."""
        held: list[tuple[str, str, bytes]] = []
        gone: list[tuple[str, str]] = []
        for ref, parts in self._changed.items():
            for key, value in parts.items():
                if value is None:
                    gone.append((ref, key))
                else:
                    held.append((ref, key, part_codec(ref, key).encode(value)))
        # in the order of the table, as its pages lie
        held.sort()
        self.writes += len(held) + len(gone)
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", held)
            self._db.executemany("DELETE FROM parts WHERE ref = ? AND key = ?", gone)
            self._db.executemany(
                "INSERT OR REPLACE INTO alarms VALUES (?, ?)",
                ((ref, at) for ref, at in self._alarms.items() if at is not None),
            )
            self._db.executemany(
                "DELETE FROM alarms WHERE ref = ?",
                ((ref,) for ref, at in self._alarms.items() if at is None),
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO seen VALUES (?, ?)", self._seen.items()
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", self._meta.items()
            )
            self._db.execute("INSERT OR REPLACE INTO outbox VALUES (?, ?)", (version, rows))
        self._cached += len(held)
        self._any_seen = self._any_seen or bool(self._seen)
        self._changed, self._alarms, self._seen, self._meta = {}, {}, {}, {}
        if self._cached > CACHE:
            self._cache = {}
            self._cached = 0

    def sent(self, version: int) -> None:
        self._db.execute("DELETE FROM outbox WHERE version = ?", (version,))

    def clear(self, **settings: int) -> None:
        """Forget all state; the archive has the signals. `settings` is what to begin with.

        How often each record of the configuration changed is kept: its next change is numbered
        after the archived ones.
        """
        with self._transaction():
            self._db.execute("DELETE FROM parts WHERE ref != 'book:config'")
            for table in ("alarms", "seen", "outbox"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from above
            for name, value in settings.items():
                self.set_now(name, value)
        self._cache = {}
        self._known = {}
        self._any_seen = False

    def compact(self) -> None:
        """Leave nothing on the disk of what was deleted."""
        self._db.execute("VACUUM")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def set_now(self, name: str, value: Any) -> None:
        """Put a setting down at once, outside of any group."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)

    def close(self) -> None:
        self._db.close()


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
