"""The store over HTTP, for those who only read: the same answers, and nothing else."""

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from hypothesis import event, given, settings
from hypothesis import strategies as st

from pipeline.errors import QueryError
from pipeline.store import address, reading
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import check, views
from pipeline.store.native import BLOCK_INFO, framed
from pipeline.store.reading import Refused, checked, connected, run
from pipeline.store.server import Page, Readers
from tests.store.rows import clear, fill

SEEDED = {
    "goals": [{"goal_id": f"g{n}", "title": f"Goal '{n}' – ü\t\n"} for n in range(4)],
    "adoption_days": [{"subject": "sdk", "day": 20_000 + n, "adopters": n} for n in range(50)],
    "clock": [{"name": "clock", "at": 1_770_000_000_000}],
    "rejections": [{"rejection_id": "r1", "file": "a.ndjson", "line": 3}],
}
VIEWS = [view.name.removesuffix(".sql") for view in views()]


@pytest.fixture(scope="module")
def served(opened: Store) -> Iterator[Readers]:
    clear(opened)
    fill(opened, SEEDED)
    pages = {"/healthz": lambda: Page(200, "text/plain", b"well")}
    with Readers(Path(opened.where), pages=pages) as server:
        yield server
    clear(opened)


@pytest.fixture(scope="module")
def client(served: Readers) -> Iterator[Client]:
    host, port = served.address.split(":")
    client = clickhouse_connect.get_client(
        host=host, port=int(port), tz_mode="aware", settings={"session_timezone": "UTC"}
    )
    yield client
    client.close()


@pytest.fixture(scope="module")
def reader(served: Readers) -> Iterator[Store]:
    with open_store(None, f"http://{served.address}") as store:
        yield store


def get(served: Readers, body: bytes | None = None, **options: object) -> HTTPResponse:
    found: HTTPResponse = urllib.request.urlopen(
        f"http://{served.address}/?{urlencode(options)}", body, timeout=30
    )
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_the_same_over_http(view: str, opened: Store, reader: Store) -> None:
    """Names, types and rows, whichever way it is read."""
    sql = f"SELECT * FROM signals.{view} ORDER BY ALL"
    assert reader.query(sql) == opened.query(sql)


def test_the_plain_driver_reads_it(opened: Store, client: Client) -> None:
    """clickhouse-connect as it is: rows, arrow, a stream, one value, no rows, a schema."""
    sql = "SELECT * FROM signals.adoption_daily ORDER BY ALL"
    expected = opened.query(sql)
    assert [tuple(row) for row in client.query(sql).result_rows] == expected.rows
    assert client.query_arrow(sql).num_rows == len(expected.rows) == 50
    with client.query_rows_stream(sql) as stream:
        assert len(list(stream)) == 50
    assert client.command("SELECT count() FROM signals.goals_now") == 4
    assert client.query(f"SELECT * FROM ({sql}) WHERE 0").result_rows == []
    assert client.query(f"{sql} LIMIT 0").column_names == expected.names
    assert client.ping()


def test_the_schema_is_checked_over_http(reader: Store) -> None:
    """The commands look at it first."""
    check(reader)


def test_blocks_come_over_http(opened: Store, reader: Store) -> None:
    """What is read piece by piece is the same."""
    sql = "SELECT subject, adopters FROM signals.adoption_daily ORDER BY ALL"
    assert [b.to_pylist() for b in reader.blocks(sql)] == [
        b.to_pylist() for b in opened.blocks(sql)
    ]


@pytest.mark.parametrize(
    "text", ["plain", "it's", "\t\n\\", "ünï 😀", "{a:String}", "'; --", ""]
)
def test_parameters_are_bound(reader: Store, text: str) -> None:
    """A value is a value, whatever stands in it."""
    sql = "SELECT {text:String}, {list:Array(String)}, {number:Nullable(Int64)}"
    found = reader.query(sql, {"text": text, "list": [text, "b"], "number": None}).rows
    assert found == [(text, [text, "b"], None)]


REFUSED = [
    ("INSERT INTO signals_store.clock VALUES ('x', now(), 1, 0)", 164),
    ("INSERT INTO signals_store.clock SELECT 'x', now(), 1, 0", 164),
    ("WITH 1 AS one INSERT INTO signals_store.clock SELECT 'x', now(), one, 0", 164),
    ("INSERT INTO FUNCTION file('x.csv') SELECT 1", 164),
    ("CREATE TABLE signals.mine (a Int8) ENGINE = Memory", 164),
    ("CREATE TEMPORARY TABLE mine (a Int8)", 164),
    ("CREATE FUNCTION f AS x -> file(x)", 164),
    ("DROP DATABASE signals", 164),
    ("ALTER TABLE signals_store.clock DELETE WHERE 1", 164),
    ("TRUNCATE TABLE signals_store.clock", 164),
    ("OPTIMIZE TABLE signals_store.clock FINAL", 164),
    ("SYSTEM STOP MERGES", 164),
    ("KILL QUERY WHERE 1", 164),
    ("SET readonly = 0", 164),
    ("USE signals", 164),
    ("EXPLAIN PIPELINE INSERT INTO signals_store.clock SELECT 1", 164),
    ("SELECT 1 INTO OUTFILE 'out.csv'", 164),
    ("SELECT 1 /* */ INTO -- x\n OUTFILE 'out.csv' FORMAT CSV", 164),
    ("SELECT 1 SETTINGS readonly = 0", 164),
    ("SELECT 1 SETTINGS max_execution_time = 1000000", 164),
    ("SELECT 1; SELECT 2", 62),
    ("SELECT 1; DROP DATABASE signals", 62),
    ("SELECT * FROM file('/etc/passwd', 'LineAsString')", 497),
    ("SELECT * FROM `file`('/etc/passwd', 'LineAsString')", 497),
    ("SELECT file('/etc/passwd')", 497),
    ("SELECT \"file\" /* x */ ('/etc/passwd')", 497),
    ("SELECT 1 AS `a'`, file('/etc/passwd')", 497),
    ("SELECT 1 AS `a\\\\`, file('/etc/passwd') AS `b`", 497),
    ("SELECT 1 AS \"a'\", file('/etc/passwd') AS \"b'\"", 497),
    ("SELECT $a$ ' $a$, file('/etc/passwd'), $a$ ' $a$", 497),
    ("SELECT 'a\\\\', file('/etc/passwd'), 'b'", 497),
    ("SELECT 1 AS `a'` INTO OUTFILE 'out.csv'", 164),
    ("SELECT 1\0; SELECT 2", 62),
    ("SELECT arrayMap((file), ['/etc/passwd'])", 497),
    ("SELECT arrayMap(x -> file(x), ['/etc/passwd'])", 497),
    ("SELECT * APPLY(file) FROM (SELECT '/etc/passwd')", 497),
    ("SELECT * FROM '/etc/passwd'", 164),
    ("SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a Int8')", 164),
    ("SELECT * FROM remote('127.0.0.1:1', system.one)", 164),
    ("SELECT * FROM s3('http://127.0.0.1:1/bucket/x', 'CSV', 'a Int8')", 164),
    ("SELECT * FROM Python(reading)", 497),
    ("SELECT aiGenerate('tell')", 497),
    ("SELECT * FROM format(CSV, '1,2')", 164),
    ("nonsense, really", 47),
    ("SELEKT 1 FROM", 62),
    ("SELECT nothing FROM signals.goals_now", 47),
    ("SELECT * FROM signals.nowhere", 60),
    ("", 62),
]


def test_long_parameters_are_bound(reader: Store) -> None:
    """The driver sends what is too long for an address as a form."""
    words = [f"word {n} 'quoted' ü\r\n" for n in range(2000)]
    (row,) = reader.rows(
        "SELECT {words:Array(String)} AS words, {last:String} AS last",
        {"words": words, "last": words[-1]},
    )
    assert row == {"words": words, "last": words[-1]}


@pytest.mark.parametrize(("sql", "code"), REFUSED)
def test_what_does_not_read_is_refused(
    sql: str, code: int, served: Readers, opened: Store
) -> None:
    """With ClickHouse's code and text in header and body, and nothing has changed."""
    everything = "SELECT name, total_rows FROM system.tables WHERE database LIKE 'signals%'"
    before = opened.query(f"{everything} ORDER BY ALL").rows
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(served, sql.encode())
    error = refused.value
    said = error.read().decode()
    assert error.headers["X-ClickHouse-Exception-Code"] == str(code)
    assert re.match(rf"Code: {code}\. DB::\w*Exception: ", said), said
    assert error.code in {400, 403, 404, 500}
    assert "formatQuery" not in said
    assert opened.query(f"{everything} ORDER BY ALL").rows == before


@settings(deadline=None)  # the machine may be busy
@given(before=st.text(), after=st.text(), quote=st.sampled_from("'`\""))
def test_no_quoting_hides_a_call(opened: Store, before: str, after: str, quote: str) -> None:
    """Whatever stands in strings and names around it, `file()` is seen."""

    def name(text: str) -> str:
        return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote

    around = "1 AS {}" if quote != "'" else "{}"
    parts = (around.format(name(before)), "file('/etc/passwd')", around.format(name(after)))
    with (
        closing(connected(str(Path(opened.where) / "clickhouse"))) as connection,
        pytest.raises(Refused) as refused,
    ):
        checked(connection, f"SELECT {', '.join(parts)}".encode(errors="replace"))
    assert refused.value.code in {62, 497}
    event(str(refused.value.code))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT file, line FROM signals.rejections",
        "SELECT concat(file, ':', toString(line)), upper(file) FROM signals.rejections",
        "WITH 1 AS one SELECT one;",
        "(SELECT 1) UNION ALL SELECT 1",
        "SHOW TABLES FROM signals",
        "DESCRIBE signals.goals_now",
        "EXISTS TABLE signals.goals_now",
        "EXPLAIN SELECT 1",
        "SHOW CREATE VIEW signals.goals_now",
        "SELECT 'DROP; INTO OUTFILE file(' -- file('x')",
        "SELECT * FROM numbers(3)",
        "SELECT 1 AS `file('x')`, 2 AS `INTO OUTFILE`",
    ],
)
def test_what_reads_is_answered(sql: str, served: Readers, opened: Store) -> None:
    """Words that are only text or the name of a column do no harm."""
    with get(served, query=sql) as response:
        text = response.read()
    with closing(connected(str(Path(opened.where) / "clickhouse"))) as connection:
        assert text == run(connection, sql, "TabSeparated", {}).body != b""


def test_the_address_carries_format_database_and_settings(served: Readers) -> None:
    """As ClickHouse's own interface; a FORMAT in the query wins."""
    options: dict[str, Any] = {"database": "signals", "default_format": "JSONEachRow"}
    with get(served, query="SELECT count() AS goals FROM goals_now", **options) as response:
        assert json.loads(response.read()) == {"goals": 4}
        assert response.headers["X-ClickHouse-Format"] == "JSONEachRow"
        assert response.headers["X-ClickHouse-Timezone"] == "UTC"
        assert json.loads(response.headers["X-ClickHouse-Summary"])["read_rows"].isdigit()
    with get(served, b" FORMAT CSV", query="SELECT 1", query_id="mine", **options) as response:
        assert response.read() == b"1\n"
        assert response.headers["X-ClickHouse-Format"] == "CSV"
        assert response.headers["X-ClickHouse-Query-Id"] == "mine"
    zone = {"session_timezone": "Europe/Berlin", "query": "SELECT timeZone()"}
    with get(served, **zone) as response:
        assert response.read() == b"Europe/Berlin\n"


@pytest.mark.parametrize("name", reading.LIMITS)
@pytest.mark.parametrize(("asked", "granted"), [("1", 1), ("0", None), ("9" * 18, None)])
def test_a_limit_can_only_be_lowered(
    served: Readers, name: str, asked: str, granted: int | None
) -> None:
    """0 would be no limit at all."""
    if name in {"max_memory_usage", "max_result_bytes"} and granted:
        asked, granted = "50000000", 50_000_000
    options = {name: asked, "query": f"SELECT getSetting('{name}')"}
    with get(served, **options) as response:
        assert int(response.read()) == (granted or reading.LIMITS[name])


def test_other_settings_are_passed_over(served: Readers) -> None:
    """Neither a way around the guard nor an error for a client that means well."""
    sql = "SELECT getSetting('readonly'), getSetting('allow_ddl')"
    options = {"readonly": "0", "allow_ddl": "0", "no_such": "1", "query": sql}
    with get(served, **options) as response:
        assert response.read() == b"1\ttrue\n"


def test_a_query_is_held_within_its_limits(served: Readers) -> None:
    """Time, rows and memory: it fails, the store goes on."""
    for sql, option, code in [
        ("SELECT sum(sleepEachRow(1)) FROM numbers(3)", "max_execution_time", 159),
        ("SELECT * FROM numbers(10)", "max_result_rows", 396),
    ]:
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(served, query=sql, **{option: 1})
        assert refused.value.headers["X-ClickHouse-Exception-Code"] == str(code)
        refused.value.close()


def test_it_says_which_settings_it_takes(client: Client) -> None:
    """The driver asks, and sends no others."""
    assert not client.server_settings["max_threads"].readonly
    assert client.server_settings["async_insert"].readonly
    with pytest.raises(DatabaseError):
        client.command("INSERT INTO signals_store.clock VALUES ('x', now(), 1, 0)")


def test_readers_and_the_writer_do_not_disturb_each_other(
    opened: Store, served: Readers
) -> None:
    """While rows come in, every read is whole: each batch is there wholly or not at all."""
    batches, size = 12, 500
    wrong: list[Any] = []
    done = threading.Event()
    counts: set[int] = set()
    sql = "SELECT count() FROM signals_store.links WHERE row_version > 0"

    def read() -> None:
        with open_store(None, f"http://{served.address}") as store:
            while not done.is_set():
                count = store.query(sql).rows[0][0]
                counts.add(count)
                if count % size:
                    wrong.append(count)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for one in readers:
        one.start()
    for batch in range(batches):
        links = [{"from_": f"{batch}-{n}", "to": "x"} for n in range(size)]
        fill(opened, {"links": links}, token=f"served:{batch}")
    done.set()
    for one in readers:
        one.join(30)
    assert not wrong
    assert len(counts) > 1, "reads fell between the inserts"
    opened.command("TRUNCATE TABLE signals_store.links")


def test_pages_and_pings(served: Readers) -> None:
    """Health and metrics may be hung in; what is not there is 404."""
    for path, status, body in [
        ("ping", 200, b"Ok.\n"),
        ("", 200, b"Ok.\n"),
        ("healthz", 200, b"well"),
    ]:
        with urllib.request.urlopen(f"http://{served.address}/{path}", timeout=5) as response:
            assert (response.status, response.read()) == (status, body)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://{served.address}/secrets", timeout=5)


def test_a_body_without_end_is_refused(served: Readers) -> None:
    """Nobody fills the memory of the store."""
    request = urllib.request.Request(f"http://{served.address}/", b"x", method="POST")
    request.add_unredirected_header("Content-Length", str(1 << 40))
    with pytest.raises(urllib.error.HTTPError, match="413"):
        urllib.request.urlopen(request, timeout=5)


def test_answers_are_packed_where_that_is_understood(served: Readers) -> None:
    """As gzip, which every client has."""
    request = urllib.request.Request(
        f"http://{served.address}/?query=SELECT+1", headers={"Accept-Encoding": "gzip, br"}
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        assert response.headers["Content-Encoding"] == "gzip"


COLUMNS = [
    "1::UInt8", "1::Int256", "1.5::Float64", "true", "'text – ü'", "repeat('x', 300)", "''",
    "today()", "toDateTime(9)", "toDateTime64(1, 3, 'UTC')", "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')",
    "toIPv4('127.0.0.1')", "toIPv6('::1')", "toDecimal64(1.5, 3)", "'a'::Enum8('a' = 1)",
    "toFixedString('abc', 3)", "NULL", "1::Nullable(UInt32)", "['a', 'bc']", "[]::Array(UInt8)",
    "[[1, 2], []]::Array(Array(UInt16))", "tuple(1, 'x')", "map('a', 1, 'b', 2)",
    "'x'::LowCardinality(String)", "NULL::LowCardinality(Nullable(String))",
    "['x', 'y']::Array(LowCardinality(String))", "[tuple(toDateTime64(1, 3), NULL::Nullable(Float64))]",
    "tuple('x'::LowCardinality(String), ['y'::LowCardinality(String)])",
]  # fmt: skip


@pytest.mark.parametrize("value", COLUMNS)
@pytest.mark.parametrize("rows", [1, 300])
def test_columns_are_framed_for_newer_protocols(value: str, rows: int, opened: Store) -> None:
    """A header before each block, a byte after each type, all else as it was."""
    count = bytes([rows]) if rows < 128 else bytes([rows & 0x7F | 0x80, rows >> 7])

    def native(columns: str) -> bytes:
        sql = f"SELECT {columns} FROM numbers({rows})"
        return run(connection, sql, "Native", {}).body

    def column(sql: str, name: bytes) -> bytes:
        # A block is the number of columns and of rows, then of each name, type and values.
        column = native(sql).removeprefix(b"\x01" + count)
        head = len(name) + 1 + column.removeprefix(name)[0]
        return column[:head] + b"\0" + column[head:]

    with closing(connected(str(Path(opened.where) / "clickhouse"))) as connection:
        data = native(f"{value} AS a, 7::UInt8 AS z")
        columns = column(f"{value} AS a", b"\x01a") + column("7::UInt8 AS z", b"\x01z")
    assert framed(data, 54460) == BLOCK_INFO + b"\x02" + count + columns
    assert framed(data, 54405) == data


def test_the_address_stands_in_the_data_directory(opened: Store, served: Readers) -> None:
    """It counts only while the process that wrote it holds the engine."""
    data = Path(opened.where)
    file = data / address.FILE
    said = json.loads(file.read_text())
    assert said["address"] == served.address == address.running(data)
    try:
        for stale in [{**said, "pid": said["pid"] + 1}, {"address": 1}, [], None]:
            file.write_text(json.dumps(stale))
            assert address.running(data) is None
        file.write_text("{cut o")
        assert address.running(data) is None
    finally:
        address.write(data, served.address)


def test_who_stops_takes_the_address_back(opened: Store) -> None:
    """Afterwards nobody listens there."""
    data = Path(opened.where)
    before = address.running(data)
    with Readers(data) as server:
        where = server.address
        assert address.running(data) == where
        with open_store(None, f"http://{where}") as store:
            store.query("SELECT 1")
    assert address.running(data) is None
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://{where}/ping", timeout=5)
    if before:
        address.write(data, before)


def test_a_mistake_is_told_as_the_user_made_it(reader: Store) -> None:
    """One line of what ClickHouse said, about what was asked."""
    with pytest.raises(QueryError, match="Unknown expression identifier `titel`") as refused:
        reader.query("SELECT titel FROM signals.goals_now")
    assert "formatQuery" not in str(refused.value)
