"""Answers SQL from the embedded engine to whoever asks over HTTP: reading, and within limits.

The engine itself refuses what writes and what leaves the store (`readonly = 1`: INSERT, DDL,
`file()`, `url()`, `remote()` as tables, changed settings). It does not refuse everything that
a stranger must not do: a second statement behind a `;`, `KILL QUERY`, `INTO OUTFILE`, and the
functions that read files or call out. So a query is first written anew by the engine's own
formatter, which takes one statement only, and what it says is read from that one spelling.
"""

import json
import re
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import chdb

SAFE = frozenset(
    {
        "connect_timeout",
        "date_time_output_format",
        "distributed_product_mode",
        "extremes",
        "final",
        "format_csv_delimiter",
        "join_use_nulls",
        "max_block_size",
        "max_execution_time",
        "max_memory_usage",
        "max_result_bytes",
        "max_result_rows",
        "max_rows_to_read",
        "max_threads",
        "output_format_arrow_string_as_string",
        "output_format_json_named_tuples_as_objects",
        "output_format_json_quote_64bit_integers",
        "output_format_json_quote_decimals",
        "output_format_json_quote_denormals",
        "output_format_native_encode_types_in_binary_format",
        "result_overflow_mode",
        "session_timezone",
    }
)
"""Settings that a request may carry; all others are passed over."""

LIMITS = {
    "max_execution_time": 60,
    "max_memory_usage": 1 << 30,
    "max_result_rows": 1_000_000,
    "max_result_bytes": 256 << 20,
    "max_threads": 2,
}
"""What one query may take; a request may ask for less, not for more."""

AT_A_TIME = 4
"""Queries at a time: the pipeline itself needs the machine."""

PATIENCE = 30.0
"""Seconds that a query waits for its turn."""

_READS = re.compile(r"(?:SELECT|WITH|SHOW|DESCRIBE|EXISTS|EXPLAIN)\b|\(")
_WRITES_BEHIND = re.compile(
    r"\bINTO OUTFILE\b|\bPARALLEL WITH\b|^EXPLAIN\b.*?\b(?:INSERT INTO|CREATE|ALTER|DROP)\b"
)
_LEAVES = re.compile(
    r"""
    \b(?:file|python|catboostEvaluate|ai[A-Z]\w*)\s*\(    # called
    | \b(?:array|map)\w*\([\s(]*file\b                   # handed to one that calls it
    | \bAPPLY[\s(]*file\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`(\w*)`|`(?:[^`\\]|\\.)*`", re.DOTALL)
"""A string, a name that needs no quotes, or another one: the formatter knows no others."""
_FORMAT = re.compile(r"\bFORMAT (\w+)(?: SETTINGS .*)?$")
_ERROR = re.compile(r"Code: (\d+)\. DB::\w*Exception: ", re.DOTALL)

_SCOPE = re.compile(
    r"[\s.:]*In scope SELECT formatQuerySingleLine\(.*\) AS sql(?=\. \()", re.DOTALL
)

_SETTINGS_ASKED = "SELECT name, value, readonly FROM system.settings LIMIT 10000"
"""What clickhouse-connect asks when it opens: which settings may I send?"""

_SETTINGS_ANSWERED = """
SELECT name, value, toUInt8(NOT has({safe:Array(String)}, name)) AS readonly
FROM system.settings LIMIT 10000 FORMAT """


class Request(NamedTuple):
    """A question as it came over HTTP: `options` is what stood in the address."""

    sql: bytes
    options: Mapping[str, str]
    data: bytes = b""


class Answer(NamedTuple):
    """Bytes in a format, and what it took."""

    body: bytes
    format: str
    summary: Mapping[str, str]


class Refused(Exception):  # noqa: N818 - an answer of its own kind
    """What ClickHouse, or the guard before it, says no to; `code` is ClickHouse's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def refusal(error: Exception) -> Refused:
    """The refusal that an error of the engine tells of, with ClickHouse's code and text."""
    text = str(error).strip()
    found = _ERROR.search(text)
    if not found:
        return Refused(1002, f"Code: 1002. DB::Exception: {text} (UNKNOWN_EXCEPTION)")
    return Refused(int(found[1]), text[found.start() :])


def refused(code: int, name: str, why: str) -> Refused:
    """A refusal of our own, in ClickHouse's words."""
    return Refused(code, f"Code: {code}. DB::Exception: {why}. ({name})")


def quoted(value: str) -> str:
    """A value as a literal of SQL."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def parameters(options: Mapping[str, str]) -> dict[str, str]:
    """The values of `{name:Type}` in a query: what came as `param_name`."""
    prefix = "param_"
    return {k.removeprefix(prefix): v for k, v in options.items() if k.startswith(prefix)}


def settings(options: Mapping[str, str]) -> dict[str, str]:
    """The settings of a query: the safe ones that were asked for, within the limits."""
    taken = {name: value for name, value in options.items() if name in SAFE}
    for name, most in LIMITS.items():
        asked = taken.get(name, "")
        # 0 is ClickHouse's word for no limit.
        less = asked.isascii() and asked.isdigit() and 0 < int(asked) < most
        taken[name] = asked if less else str(most)
    return {"session_timezone": "UTC", **taken}


def run(connection: Any, sql: str | bytes, form: str, params: Mapping[str, str]) -> Answer:
    """Let the engine answer; an error of its own becomes a refusal."""
    try:
        result = connection.query(sql, form, params=dict(params))
    except (RuntimeError, ValueError) as error:
        raise refusal(error) from None
    summary = {
        "read_rows": str(result.storage_rows_read()),
        "read_bytes": str(result.storage_bytes_read()),
        "result_rows": str(result.rows_read()),
        "elapsed_ns": str(round(result.elapsed() * 1e9)),
    }
    return Answer(result.bytes() or b"", form, summary)


def connected(path: str) -> Any:
    """A connection of its own to the engine: settings and database of a query end with it."""
    connect: Any = chdb.connect  # has no types
    return connect(path)


class Reading:
    """The embedded engine in `path`, which this process has open, for those who only read."""

    def __init__(self, path: Path, at_a_time: int = AT_A_TIME) -> None:
        # The engine compares paths literally, and the driver resolves them.
        self.path = str(path.resolve())
        self.at_a_time = at_a_time
        self._turns = threading.Semaphore(at_a_time)

    def answer(self, request: Request) -> Answer:
        """Answer one query; raises Refused."""
        if not self._turns.acquire(timeout=PATIENCE):
            why = "Too many simultaneous queries: try again later"
            raise refused(202, "TOO_MANY_SIMULTANEOUS_QUERIES", why)
        try:
            with closing(connected(self.path)) as connection:
                return self._answer(connection, request)
        finally:
            self._turns.release()

    def _answer(self, connection: Any, request: Request) -> Answer:
        options = request.options
        spelled, form = checked(connection, request.sql)
        form = form or options.get("default_format") or "TabSeparated"
        changes = [f"{name} = {quoted(value)}" for name, value in settings(options).items()]
        run(connection, f"SET {', '.join(changes)}", "Null", {})
        if database := options.get("database"):
            run(connection, f"USE `{database.replace('`', '``')}`", "Null", {})
        run(connection, "SET readonly = 1", "Null", {})
        if spelled == _SETTINGS_ASKED:
            safe = {"safe": f"[{', '.join(map(quoted, sorted(SAFE)))}]"}
            return run(connection, _SETTINGS_ANSWERED + form, form, safe)
        return run(connection, request.sql, form, parameters(options))

    def finish(self, seconds: float) -> None:
        """Wait for the queries that run, but no longer."""
        end = time.monotonic() + seconds
        for _ in range(self.at_a_time):
            self._turns.acquire(timeout=max(0.0, end - time.monotonic()))


def checked(connection: Any, sql: bytes) -> tuple[str, str]:
    """The query in the engine's own spelling, and the format it asks for ("" = none).

    Raises Refused unless it is one statement that reads and stays inside the store.
    """
    try:
        text = sql.decode()
    except UnicodeDecodeError:
        raise refused(62, "SYNTAX_ERROR", "Syntax error: the query is not UTF-8") from None
    if "\0" in text:
        raise refused(62, "SYNTAX_ERROR", "Syntax error: the query has a NUL")
    if not text.strip():
        raise refused(62, "SYNTAX_ERROR", "Syntax error: the query is empty")
    asked = f"SELECT formatQuerySingleLine({quoted(text)}) AS sql"
    try:
        spelled: str = json.loads(run(connection, asked, "JSONEachRow", {}).body)["sql"]
    except Refused as error:
        # The mistake is in what was asked, not in how it was looked at.
        raise Refused(error.code, _SCOPE.sub("", error.text)) from None
    bare = _QUOTED.sub(lambda found: found[1] or "''", spelled)
    if not _READS.match(bare) or _WRITES_BEHIND.search(bare):
        raise refused(164, "READONLY", "Cannot execute query in readonly mode: it is no SELECT")
    if found := _LEAVES.search(bare):
        why = f"Not enough privileges: {found[0].strip()} would leave the store"
        raise refused(497, "ACCESS_DENIED", why)
    named = _FORMAT.search(bare)
    return (spelled[: named.start()].rstrip() if named else spelled), named[1] if named else ""
