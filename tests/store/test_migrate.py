"""Schema: what a store goes through from one version to the next."""

import re
from pathlib import Path

import pytest

from pipeline.errors import SchemaOutdated, StoreError
from pipeline.store.client import Store
from pipeline.store.migrate import apply, check, migrate, migrations, views
from tests.store.rows import fill

SCHEMA = """
    SELECT database, table, name, type, comment, position FROM system.columns
    WHERE database IN ('signals', 'signals_store') ORDER BY ALL
"""
OLD = "0022"
"""A version before this migration is the older one: its adopters have no `stays`."""


@pytest.fixture
def bare(opened: Store) -> Store:
    """A store that was never migrated."""
    opened.command("DROP DATABASE IF EXISTS signals SYNC")
    opened.command("DROP DATABASE IF EXISTS signals_store SYNC")
    return opened


def test_names_are_numbered_without_a_gap() -> None:
    """Steps run in the order of their names, so numbers say when a step was added."""
    numbers = [int(step.name[:4]) for step in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_one_file_is_one_statement() -> None:
    """A crash cannot leave half of a step."""
    for statement in [*migrations(), *views()]:
        code = re.sub(r"'[^']*'|--.*", "", statement.sql)
        assert ";" not in code, statement.name


def test_a_step_may_be_repeated(bare: Store) -> None:
    """A crash between the steps and their records does no harm."""
    migrate(bare)
    before = bare.query(SCHEMA)
    for step in migrations():
        bare.command(step.sql)
    assert bare.query(SCHEMA) == before


def test_migrating_twice_changes_nothing(bare: Store) -> None:
    """The second time there is nothing to do, and rows and schema stand."""
    assert migrate(bare) == [step.name for step in migrations()]
    fill(bare, {"goals": [{"goal_id": "g", "title": "Kept"}]})
    before = bare.query(SCHEMA)
    assert migrate(bare) == []
    assert bare.query(SCHEMA) == before
    assert bare.query("SELECT goal_id, title FROM signals.goals_now").rows == [("g", "Kept")]
    check(bare)


def test_an_older_store_is_upgraded_with_its_rows(bare: Store) -> None:
    """Rows of the older schema are in the views of this one; new columns are empty."""
    older = [step for step in migrations() if step.name < OLD]
    later = [step.name for step in migrations() if step.name >= OLD]
    apply(bare, older)
    bare.command(
        "INSERT INTO signals_store.adopters (subject, adopter, eligible, row_version)"
        " VALUES ('sdk', 'web', true, 1)"
    )
    with pytest.raises(SchemaOutdated, match=f"lacks {later[0]}; run `signals migrate`"):
        check(bare)
    assert migrate(bare) == later
    check(bare)
    rows = bare.query("SELECT adopter, eligible, adopted_at, stays FROM signals.adopters").rows
    assert rows == [("web", True, None, [])]


def test_views_of_an_older_version_are_replaced(bare: Store) -> None:
    """A view is always that of this version, whatever stood in its place."""
    migrate(bare)
    expected = bare.query(SCHEMA)
    bare.command("CREATE OR REPLACE VIEW signals.goals_now AS SELECT 1 AS old")
    migrate(bare)
    assert bare.query(SCHEMA) == expected


def test_views_of_this_version_stay(bare: Store) -> None:
    """Whoever starts again takes no view away from those who read, and makes what is missing."""
    made = "SELECT name, uuid FROM system.tables WHERE database = 'signals' ORDER BY name"
    migrate(bare)
    before = bare.query(made)
    migrate(bare)
    assert bare.query(made) == before
    bare.command("DROP VIEW signals.goals_now")
    migrate(bare)
    assert [name for name, _ in bare.query(made).rows] == [name for name, _ in before.rows]


@pytest.mark.parametrize("act", [migrate, check])
def test_a_newer_store_is_refused(bare: Store, act: object) -> None:
    """What a newer version wrote is left alone, and the error says so."""
    assert callable(act)
    migrate(bare)
    name = "9999_from_the_future.sql"
    bare.insert_rows("signals_store.migrations", ("name", "checksum"), [(name, "x")])
    with pytest.raises(SchemaOutdated) as refused:
        act(bare)
    assert f"was written by a newer version ({name})" in str(refused.value)
    assert "install the newer version" in refused.value.remedy


def test_an_edited_step_is_refused(bare: Store) -> None:
    """The record of what was applied and the file must agree."""
    migrate(bare)
    step = migrations()[3]
    bare.insert_rows("signals_store.migrations", ("name", "checksum"), [(step.name, "edited")])
    with pytest.raises(StoreError, match=f"{step.name} is not what was applied") as refused:
        migrate(bare)
    assert "never edited" in refused.value.remedy


def test_an_empty_store_is_told_apart_from_an_old_one(bare: Store) -> None:
    """Nothing was ever migrated: the first step is missing."""
    with pytest.raises(SchemaOutdated, match=migrations()[0].name):
        check(bare)


def test_the_files_are_in_the_package() -> None:
    """Steps and views are read from the package, wherever it is installed."""
    folder = Path(__file__).parents[2] / "pipeline" / "store"
    assert len(migrations()) == len(list((folder / "migrations").glob("*.sql")))
    assert len(views()) == len(list((folder / "views").glob("*.sql")))
