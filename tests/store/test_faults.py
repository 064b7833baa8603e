"""Rows over HTTP: whatever fails on the way, they are there once."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StoreError, StoreUnavailable
from pipeline.store.client import ServerOptions, Store, open_store
from pipeline.store.migrate import migrate
from pipeline.store.retry import NEVER, Patience
from pipeline.store.writer import Writer
from tests.store.faulty import FAULTS, Faulty
from tests.store.rows import clear, made

PATIENT = Patience(30.0, first=0.01, most=0.2)

ROWS = {
    "goals": [{"goal_id": f"g{n}", "title": "Ein Ziel – ünï\t\n\\"} for n in range(3)],
    "adoption_days": [{"subject": "sdk", "day": 20_000, "adopters": 3}],
    "adopters": [{"subject": "sdk", "adopter": "web", "stays": []}],
}
COUNTED = " UNION ALL ".join(
    f"SELECT '{table}' AS name, count() AS rows, groupBitXor(cityHash64(toString(tuple(*)))) AS content"
    f" FROM signals_store.{table}"
    for table in sorted(ROWS)
)


@pytest.fixture(scope="module")
def faulty(opened: Store) -> Iterator[Faulty]:
    server = Faulty(Path(opened.where) / "clickhouse")
    yield server
    server.close()


@pytest.fixture
def over_http(store: Store, faulty: Faulty) -> Iterator[Store]:
    """The same empty store as `store`, over HTTP, with patience; it does not wait for long."""
    faulty.hits.clear()
    faulty.faults.clear()
    options = ServerOptions(patience=PATIENT)
    url = f"{faulty.url}?send_receive_timeout=1"
    with open_store(None, url, server=options) as opened:
        yield opened
    faulty.busy.over()


def write(store: Store, token: str = "rows-0-17") -> None:
    writer = Writer(store)
    rows = [made(writer, table, row) for table, found in ROWS.items() for row in found]
    writer.write([(1, row) for row in rows], [], token)


@pytest.fixture
def expected(store: Store) -> list[Any]:
    """What the tables hold when nothing fails."""
    write(store)
    found = sorted(store.query(COUNTED).rows)
    clear(store)
    assert [rows for _, rows, _ in found] == [1, 1, 3]
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_insert_is_repeated_once_in_effect(
    fault: str, expected: list[Any], store: Store, faulty: Faulty, over_http: Store
) -> None:
    """Each insert fails once, before or after it has happened; the rows are there once."""
    faulty.faults.extend([fault, None] * len(ROWS))
    write(over_http, token=f"rows-0-{fault}")
    faulty.busy.over()
    assert faulty.hits == [fault] * len(ROWS), "the fault has hit each insert"
    assert sorted(store.query(COUNTED).rows) == expected


@pytest.mark.parametrize("fault", FAULTS)
def test_who_died_before_the_answer_writes_it_again(
    fault: str, expected: list[Any], store: Store, faulty: Faulty, over_http: Store
) -> None:
    """Without patience the writer fails; a later one with the same token completes it."""
    over_http.patience = NEVER
    faulty.faults.append(fault)
    with pytest.raises(StoreUnavailable):
        write(over_http, token=f"later-{fault}")
    assert faulty.hits == [fault]
    write(store, token=f"later-{fault}")
    faulty.busy.over()
    assert sorted(store.query(COUNTED).rows) == expected


def test_a_server_that_is_away_is_waited_for(
    expected: list[Any], store: Store, faulty: Faulty, over_http: Store
) -> None:
    """Nothing listens for a while; then the rows arrive, once."""
    with faulty.away():
        writing = threading.Thread(target=write, args=(over_http, "away"))
        writing.start()
        writing.join(0.3)
        assert writing.is_alive(), "it waits"
    writing.join(30)
    assert sorted(store.query(COUNTED).rows) == expected


def test_a_server_that_stays_away_is_reported(faulty: Faulty, over_http: Store) -> None:
    """When patience is over the error names the server."""
    over_http.patience = Patience(0.2, first=0.05)
    with faulty.away(), pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1.*does not answer"):
        write(over_http, "stays away")


def test_what_no_time_heals_is_not_repeated(faulty: Faulty, over_http: Store) -> None:
    """A table that is not there is an error at once."""
    before = faulty.inserts
    columns = Writer(over_http)
    with pytest.raises(StoreError, match=r"does not exist|UNKNOWN_TABLE"):
        over_http.insert_rows("signals_store.nowhere", ["a"], [[1]])
    assert faulty.inserts <= before + 1
    assert columns.layouts


def test_each_insert_is_synchronous_and_named(faulty: Faulty, over_http: Store) -> None:
    """`async_insert=0` and the token of batch and table go with every insert."""
    asked: list[dict[str, str]] = []
    answer = faulty.answer
    faulty.answer = lambda request: asked.append(dict(request.options)) or answer(request)  # type: ignore[func-returns-value,method-assign,return-value]
    try:
        write(over_http, "rows-1-5")
    finally:
        del faulty.answer
    inserts = [one for one in asked if "async_insert" in one]
    assert {one["async_insert"] for one in inserts} == {"0"}
    tokens = {one["insert_deduplication_token"] for one in inserts}
    assert tokens == {f"rows-1-5:{table}" for table in ROWS}


def test_every_table_remembers_its_inserts(store: Store) -> None:
    """No table of rows is without a window of at least a thousand inserts."""
    sql = "SELECT name, engine_full FROM system.tables WHERE database = 'signals_store'"
    for name, engine in store.query(sql).rows:
        if name != "migrations":
            found = engine.rpartition("non_replicated_deduplication_window = ")[2].split(",")[0]
            assert int(found) >= 1000, name


def test_a_store_migrates_over_http(faulty: Faulty, over_http: Store) -> None:
    """The schema is applied over HTTP as it is directly."""
    assert migrate(over_http) == []
    over_http.command("DROP DATABASE signals SYNC")
    over_http.command("DROP DATABASE signals_store SYNC")
    assert len(migrate(over_http)) > 20
