"""The schema for a cluster, by its text: no cluster runs here."""

import re

import pytest

from pipeline.errors import StoreError
from pipeline.store.client import Store
from pipeline.store.cluster import on_cluster
from pipeline.store.migrate import Statement, migrate, migrations, views

CASES = [
    (
        "CREATE DATABASE IF NOT EXISTS signals COMMENT 'Views on tables'",
        "CREATE DATABASE IF NOT EXISTS signals ON CLUSTER `main` COMMENT 'Views on tables'",
    ),
    (
        """CREATE TABLE IF NOT EXISTS s.t (a Int8)
        ENGINE = ReplacingMergeTree(v, d)
        SETTINGS non_replicated_deduplication_window = 10000
        COMMENT 'ENGINE'""",
        """CREATE TABLE IF NOT EXISTS s.t ON CLUSTER `main` (a Int8)
        ENGINE = ReplicatedReplacingMergeTree(v, d)
        SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
        COMMENT 'ENGINE'""",
    ),
    (
        "ALTER TABLE s.t ADD COLUMN IF NOT EXISTS b Int8",
        "ALTER TABLE s.t ON CLUSTER `main` ADD COLUMN IF NOT EXISTS b Int8",
    ),
    (
        "CREATE OR REPLACE VIEW s.v (a Int8) AS SELECT 1 AS a",
        "CREATE OR REPLACE VIEW s.v ON CLUSTER `main` (a Int8) AS SELECT 1 AS a",
    ),
]


@pytest.mark.parametrize(("alone", "replicated"), CASES)
def test_a_statement_for_all_replicas(alone: str, replicated: str) -> None:
    """The cluster stands after the name; engine and window are those that replicate."""
    assert on_cluster(alone, "main") == replicated


@pytest.mark.parametrize("statement", [*migrations(), *views()], ids=lambda one: one.name)
def test_every_statement_is_one_for_a_cluster(store: Store, statement: Statement) -> None:
    """ClickHouse reads it as the same statement, with the cluster, on replicating tables."""
    there = on_cluster(statement.sql, "main")
    assert there.count("ON CLUSTER") == 1
    assert "non_replicated" not in there
    assert not re.search(r"ENGINE = (?!Replicated)\w*MergeTree", there)
    if "ENGINE = " in there:
        assert re.search(r"\breplicated_deduplication_window = \d{4,},", there)
    formatted = "SELECT formatQuery({sql:String})"

    def spelled(sql: str) -> str:
        found: str = store.query(formatted, {"sql": sql}).rows[0][0]
        return found

    back = re.sub(r" ON CLUSTER \w+", "", spelled(there))
    back = back.replace("ENGINE = Replicated", "ENGINE = ").replace(
        "SETTINGS replicated_", "SETTINGS non_replicated_"
    )
    back = back.replace(", replicated_deduplication_window_seconds = 604800", "")
    assert back == spelled(statement.sql)


def test_a_name_is_quoted() -> None:
    """A cluster may have any name."""
    assert " ON CLUSTER `a\\`b c` " in on_cluster("CREATE DATABASE x COMMENT ''", "a`b c")


def test_what_is_no_schema_is_no_statement_for_a_cluster() -> None:
    """Rather an error than a statement on one replica only."""
    with pytest.raises(ValueError, match="no statement of a schema"):
        on_cluster("INSERT INTO s.t VALUES (1)", "main")


def test_a_cluster_that_nobody_knows_is_an_error(store: Store) -> None:
    """It is looked up before anything is created."""
    there = Store(store.client, store.where, embedded=False, cluster="nowhere")
    with pytest.raises(StoreError, match="knows no cluster nowhere") as refused:
        migrate(there)
    assert "SIGNALS_CLICKHOUSE_CLUSTER" in refused.value.remedy
