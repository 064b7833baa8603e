"""The store as the rest of the pipeline sees it, embedded in this process or on a server."""

import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from clickhouse_connect.driver.httpclient import HttpClient
from urllib3 import Timeout

from pipeline.config import Settings
from pipeline.errors import QueryError, StoreError, StoreLocked, StoreUnavailable
from pipeline.store import address
from pipeline.store.retry import CONDITIONS, NEVER, REFUSED_LOGIN, Patience, retried

THREADS = 2
"""Threads of one query of the embedded engine; the pipeline itself needs the other cores."""

MEMORY = 4 << 30
"""Bytes that one query of the embedded engine may take: it fails, not the process."""

SPILL = 1 << 30
"""Bytes after which an embedded sort or aggregation goes on on disk."""

MEMORY_BACKED = Path("/dev/shm")  # noqa: S108 - only bytes on their way into the engine
"""The driver hands rows to the embedded engine in a file; here that file costs no disk."""

_EMBEDDED = {
    "session_timezone": "UTC",
    "max_threads": str(THREADS),
    "max_insert_threads": "1",
    "max_memory_usage": str(MEMORY),
    "max_bytes_before_external_group_by": str(SPILL),
    "max_bytes_before_external_sort": str(SPILL),
    # Machine code for expressions takes longer to make than a store of this size to read.
    "compile_expressions": "0",
    "compile_aggregate_expressions": "0",
    "compile_sort_description": "0",
}
READ_ONLY = "164"
"""Code of ClickHouse for what a client that only reads may not do."""

READING = {"readonly": "2"}
"""ClickHouse refuses everything but reading; its settings may be set."""

OLDEST = (26, 3)
"""The oldest ClickHouse server that takes our SQL. 26.1 does not parse the comment of a view that
stands before its query, which is in every view; 26.3, with long support, takes everything."""

CONNECT = 4
"""Seconds to wait for a connection to a server; the driver tries twice."""

GREETING = 5
"""Seconds to wait for its first answers: a wrong address shall be told at once."""

ANSWER = 300
"""Seconds to wait for its answer; `?send_receive_timeout=` in the address says otherwise."""


class Result(NamedTuple):
    """What a query answered, column names and types also where there are no rows."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class ServerOptions(NamedTuple):
    """How to talk to a server, beside its address."""

    user: str | None = None
    password: str | None = None
    ca: Path | None = None
    cluster: str | None = None
    patience: Patience = NEVER


def server_options(settings: Settings, patience: Patience = NEVER) -> ServerOptions:
    """What the settings say about the server beside its address."""
    return ServerOptions(
        settings.clickhouse_user,
        settings.clickhouse_password,
        settings.clickhouse_ca,
        settings.clickhouse_cluster,
        patience,
    )


class Store:
    """A ClickHouse that answers SQL and takes rows.

    Instants come as aware datetimes in UTC. One store belongs to one thread at a time; an
    embedded data directory may be open in several stores of one process.
    """

    def __init__(
        self,
        client: Client,
        where: str,
        *,
        embedded: bool,
        cluster: str | None = None,
        patience: Patience = NEVER,
    ) -> None:
        self.client = client
        self.where = where
        self.embedded = embedded
        self.cluster = cluster
        self.patience = patience

    def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        formats: Mapping[str, str] | None = None,
    ) -> Result:
        """Answer `sql`; `{"bytes": "bytes"}` in `formats` keeps a column's bytes undecoded."""
        return retried(lambda: self._query(sql, parameters, formats), self.patience)

    def _query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None,
        formats: Mapping[str, str] | None,
    ) -> Result:
        named = dict(parameters) if parameters is not None else None
        with _wrapped(self.where, QueryError):
            result = self.client.query(
                sql, parameters=named, column_formats=dict(formats) if formats else None
            )
            if result.column_names:
                types = tuple(type_.name for type_ in result.column_types)
                rows = [tuple(row) for row in result.result_rows]
                return Result(tuple(result.column_names), types, rows)
            # Without a single row the driver's format has no columns either.
            head = self.client.raw_query(sql, named, fmt="TabSeparatedWithNamesAndTypes")
        if not head:
            return Result((), (), [])
        names, types = (_unescaped(line) for line in head.decode().split("\n")[:2])
        return Result(names, types, [])

    def rows(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        formats: Mapping[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        """Answer `sql` with one dict per row; as `query`."""
        names, _, rows = self.query(sql, parameters, formats=formats)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def blocks(
        self, sql: str, parameters: Mapping[str, Any] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Answer `sql` piece by piece as it is read, for more than fits into memory.

        Text comes as bytes. Until the last piece is taken this store answers nothing else.
        """
        named = dict(parameters) if parameters is not None else None
        with (
            _wrapped(self.where, QueryError),
            self.client.query_arrow_stream(sql, parameters=named, use_strings=False) as stream,
        ):
            yield from stream

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Do what `sql` says, which may be done twice; it has no answer."""
        named = dict(parameters) if parameters else None
        self._do(lambda: self.client.command(sql, parameters=named))

    def insert_rows(
        self, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert a few rows, which may come twice; for many rows see `insert_arrow`."""
        settings = _insert_settings("")
        self._do(lambda: self.client.insert(table, rows, names, settings=settings))

    def insert_arrow(self, table: str, columns: pa.Table, token: str) -> None:
        """Insert columns once in effect: a second insert with the same token is dropped.

        The token wins over the content: other columns with a known token are dropped too. So
        whoever got no answer may send the same again, and this store does.
        """
        settings = _insert_settings(token)
        self._do(lambda: self.client.insert_arrow(table, columns, settings=settings))

    def _do(self, act: Callable[[], object]) -> None:
        def once() -> None:
            with _wrapped(self.where, StoreError):
                act()

        retried(once, self.patience)

    def close(self) -> None:
        """Let go of the store; another process may then open an embedded one."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_store(
    data: Path | None,
    url: str | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    server: ServerOptions | None = None,
) -> Store:
    """Open the server at `url`, without one the embedded engine in the directory `data`.

    `settings` are ClickHouse settings for this client, such as `{"readonly": "2"}`.
    """
    if url is not None:
        return _open_server(url, settings or {}, server or ServerOptions())
    if data is None:
        raise StoreError(
            "No store is named", "set SIGNALS_CLICKHOUSE_URL or name a data directory"
        )
    return _open_embedded(data, settings or {})


def open_reader(
    data: Path | None, url: str | None = None, *, server: ServerOptions | None = None
) -> Store:
    """Open a store only to read from it; a running store that holds `data` is asked itself."""
    running = address.running(data) if url is None and data is not None else None
    if running is not None:
        return _open_server(f"http://{running}", {}, ServerOptions())
    return open_store(data, url, settings=READING, server=server)


def _open_server(url: str, settings: Mapping[str, str], server: ServerOptions) -> Store:
    where = _without_password(url)
    # What the driver logs comes as an error too; where nobody asked for logs it stays silent.
    logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))

    def connect() -> Client:
        with _wrapped(where, StoreUnavailable):
            return clickhouse_connect.get_client(
                dsn=url,
                # The driver itself looks at the port only.
                interface=parts.scheme,
                username=server.user,
                password=server.password or "",
                # Sessions would forbid two queries at a time.
                autogenerate_session_id=False,
                tz_mode="aware",
                settings={"session_timezone": "UTC", **settings},
                **_transport(given, server),
            )

    client = retried(connect, server.patience)
    if "send_receive_timeout" not in given:
        assert isinstance(client, HttpClient)
        client.timeout = Timeout(connect=CONNECT, read=ANSWER)
    found = tuple(int(part) for part in re.findall(r"\d+", client.server_version or "")[:2])
    if found < OLDEST:
        client.close()
        raise StoreError(
            f"ClickHouse at {where} is of version {client.server_version}",
            f"{'.'.join(map(str, OLDEST))} or newer is needed: see SIGNALS_CLICKHOUSE_URL",
        )
    return Store(
        client, where, embedded=False, cluster=server.cluster, patience=server.patience
    )


def _transport(given: Mapping[str, str], server: ServerOptions) -> dict[str, Any]:
    """Time and trust of a connection; what stands in the address wins."""
    options: dict[str, Any] = {
        "connect_timeout": CONNECT,
        "send_receive_timeout": GREETING,
        "ca_cert": str(server.ca) if server.ca else None,
    }
    return {name: value for name, value in options.items() if name not in given and value}


def _open_embedded(data: Path, settings: Mapping[str, str]) -> Store:
    path = address.engine(data)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{data} cannot be used as a data directory: {error.strerror}",
            "name a directory that can be written",
        ) from error
    _keep_passing_files_in_memory()
    try:
        client = clickhouse_connect.get_client(
            interface="chdb",
            path=str(path),
            tz_mode="aware",
            settings={**_EMBEDDED, **settings},
        )
    except ClickHouseError as error:
        holder = address.holder(data)
        if holder is not None:
            raise StoreLocked(
                f"{data} is in use by process {holder}",
                "wait until it ends, or stop it; the embedded engine allows one process",
            ) from error
        if "already initialized with path" in str(error):
            raise StoreLocked(
                f"{data} cannot be opened while this process has another store open",
                "close that one first",
            ) from error
        raise StoreError(
            f"{data} cannot be opened: {_first_line(error)}",
            "see whether the directory can be written and the disk has space",
        ) from error
    return Store(client, str(data), embedded=True)


def _keep_passing_files_in_memory() -> None:
    """Let the driver's passing files live in memory, unless TMPDIR says where they live."""
    if tempfile.tempdir is None and MEMORY_BACKED.is_dir():
        with suppress(OSError), tempfile.NamedTemporaryFile(dir=MEMORY_BACKED):
            tempfile.tempdir = str(MEMORY_BACKED)


def _insert_settings(token: str) -> dict[str, str]:
    # An asynchronous insert would answer before the rows are stored and drop the token.
    settings = {"async_insert": "0"}
    if token:
        settings["insert_deduplication_token"] = token
    return settings


@contextmanager
def _wrapped(where: str, refused: type[StoreError | QueryError]) -> Iterator[None]:
    """Turn what the driver raises into what the caller can do something about."""
    try:
        yield
    except OperationalError as error:
        if _code(error) is None:
            raise StoreUnavailable(
                f"ClickHouse at {where} does not answer: {_first_line(error)}",
                "see whether it runs and can be reached, or correct SIGNALS_CLICKHOUSE_URL",
            ) from error
        raise _refusal(error, where, refused) from error
    except ClickHouseError as error:
        raise _refusal(error, where, refused) from error


def _refusal(
    error: ClickHouseError, where: str, refused: type[StoreError | QueryError]
) -> StoreError | QueryError:
    said = f"ClickHouse at {where} refused: {_first_line(error)}"
    if _code(error) in REFUSED_LOGIN:
        return StoreError(said, "correct user and password of SIGNALS_CLICKHOUSE_URL")
    if _code(error) in CONDITIONS or re.search(r"HTTP status (?:429|50[234])\b", str(error)):
        return StoreUnavailable(said, "look after the server, then try again")
    if _code(error) == READ_ONLY:
        return refused(said, "this command reads; only the pipeline writes")
    return refused(said)


def _code(error: ClickHouseError) -> str | None:
    found = re.search(r"Code: (\d+)", str(error))
    return found[1] if found else None


def _first_line(error: ClickHouseError) -> str:
    """Return what ClickHouse said, without the query, the addresses and the version."""
    text = re.sub(r"^.*?Code: \d+\. DB::Exception: ", "", str(error).strip(), flags=re.DOTALL)
    line = text.splitlines()[0] if text else type(error).__name__
    line = re.sub(r" with url: \S+| \(for url \S+\)", "", line)
    if network := re.search(
        r"\[Errno -?\d+\] ([^\"')]+)|(Read timed out|Connection to .* timed out)", line
    ):
        return network[1] or network[2]
    return line[:400].rstrip(" .:,")


def _without_password(url: str) -> str:
    """Return the address without user, password and options, for messages."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


def _unescaped(line: str) -> tuple[str, ...]:
    plain = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}
    return tuple(
        re.sub(r"\\(.)", lambda found: plain.get(found[1], found[1]), field)
        for field in line.split("\t")
    )
