"""Brings a store to the schema of this version: numbered steps once, views where they differ."""

import hashlib
from importlib.resources import files
from typing import NamedTuple

from pipeline.errors import SchemaOutdated, StoreError
from pipeline.store.client import Store
from pipeline.store.cluster import on_cluster

_DATABASE = "CREATE DATABASE IF NOT EXISTS signals_store COMMENT 'Tables behind the views'"
_MIGRATIONS = """
CREATE TABLE IF NOT EXISTS signals_store.migrations
(
    name String COMMENT 'File of the step, e.g. 0002_signals.sql',
    checksum String COMMENT 'SHA-256 of the file when it was applied',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When it was applied, UTC'
)
ENGINE = ReplacingMergeTree
ORDER BY name
COMMENT 'Steps that brought this store to its schema'
"""


_VIEWS = "views"
"""The record beside those of steps that says which views the store has."""


class Statement(NamedTuple):
    """One `.sql` file: a single statement, for there is no transaction around two."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, so that an edited step is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Statement]:
    """Return the steps in the order in which they are applied."""
    return _statements("migrations")


def views() -> list[Statement]:
    """Return the views in the order in which they can be created."""
    return _statements("views")


def migrate(store: Store) -> list[str]:
    """Apply the steps this store has not seen, then all views; return the steps' names.

    Views that are those of this version stay: to make them takes as long as many a replay.
    A cluster may have got a replica without them, so there they are made every time.
    """
    applied = apply(store, migrations())
    if store.cluster is None and _views_are_ours(store):
        return applied
    for view in views():
        _do(store, view.sql)
    _record(store, [(_VIEWS, _checksum_of_views(store))])
    return applied


def apply(store: Store, steps: list[Statement]) -> list[str]:
    """Apply the steps this store has not seen; return their names.

    Steps are safe to repeat in their order, so a crash between them and their records does no
    harm. One insert records them all: an insert costs more than a step.
    """
    _know_cluster(store)
    _do(store, _DATABASE)
    _do(store, _MIGRATIONS)
    missing = _missing(store, steps)
    for step in missing:
        _do(store, step.sql)
    if missing:
        _record(store, [(step.name, step.checksum) for step in missing])
    return [step.name for step in missing]


def check(store: Store) -> None:
    """Raise unless this store has exactly the schema of this version."""
    exists = store.query("EXISTS TABLE signals_store.migrations").rows
    missing = _missing(store, migrations()) if exists[0][0] else migrations()
    if missing:
        raise SchemaOutdated(
            f"The store at {store.where} lacks {missing[0].name}", "run `signals migrate`"
        )


def _do(store: Store, sql: str) -> None:
    """Do what a statement says, on a cluster on all of its replicas."""
    store.command(sql if store.cluster is None else on_cluster(sql, store.cluster))


def _know_cluster(store: Store) -> None:
    """Raise unless the server knows the cluster that is named, and it has one shard."""
    if store.cluster is None:
        return
    sql = "SELECT uniqExact(shard_num) FROM system.clusters WHERE cluster = {cluster:String}"
    shards = store.query(sql, {"cluster": store.cluster}).rows[0][0]
    if not shards:
        raise StoreError(
            f"ClickHouse at {store.where} knows no cluster {store.cluster}",
            "name one of `SELECT cluster FROM system.clusters` in SIGNALS_CLICKHOUSE_CLUSTER",
        )
    if shards > 1:
        raise StoreError(
            f"The cluster {store.cluster} has {shards} shards",
            "SIGNALS_CLICKHOUSE_CLUSTER names a cluster of one shard: every replica has all rows",
        )


def _record(store: Store, records: list[tuple[str, str]]) -> None:
    store.insert_rows("signals_store.migrations", ("name", "checksum"), records)


def _views_are_ours(store: Store) -> bool:
    recorded = store.query(
        "SELECT checksum FROM signals_store.migrations FINAL WHERE name = {name:String}",
        {"name": _VIEWS},
    )
    return recorded.rows == [(_checksum_of_views(store),)]


def _checksum_of_views(store: Store) -> str:
    """SHA-256 of our files and of what the store has, whoever made that."""
    found = store.query(
        "SELECT create_table_query FROM system.tables WHERE database = 'signals' ORDER BY name"
    )
    texts = [*(view.sql for view in views()), *(query for (query,) in found.rows)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _missing(store: Store, steps: list[Statement]) -> list[Statement]:
    """Return the steps still to do; raise if the store has others than those we know."""
    found = store.query(
        "SELECT name, checksum FROM signals_store.migrations FINAL ORDER BY name"
    )
    known = {step.name: step for step in steps}
    for name, checksum in found.rows:
        if name == _VIEWS:
            continue
        if name not in known:
            raise SchemaOutdated(
                f"The store at {store.where} was written by a newer version ({name})",
                "install the newer version, or use another data directory",
            )
        if checksum != known[name].checksum:
            raise StoreError(
                f"{name} is not what was applied to the store at {store.where}",
                "an applied migration is never edited: restore it and add a new one",
            )
    done = {name for name, _ in found.rows}
    return [step for step in steps if step.name not in done]


def _statements(folder: str) -> list[Statement]:
    found = files("pipeline.store").joinpath(folder).iterdir()
    return sorted(
        Statement(file.name, file.read_text(encoding="utf-8"))
        for file in found
        if file.name.endswith(".sql")
    )
