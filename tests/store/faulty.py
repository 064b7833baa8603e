"""A ClickHouse over HTTP that fails on demand: the real engine behind the server of the store.

It takes inserts and DDL as a server does. A fault is told beforehand and hits the next insert;
`hits` says at which step it really hit.
"""

import gzip
import io
import re
import socket
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import lz4.frame
import zstandard

from pipeline.store.reading import (
    Answer,
    Refused,
    Request,
    connected,
    parameters,
    quoted,
    refused,
    run,
)
from pipeline.store.server import Handler, Server

FAULTS = (
    "error before",
    "error after",
    "error 503",
    "cut before",
    "cut after",
    "half an answer",
    "slow",
)
"""Before or after: whether the insert has happened."""

_TRANSPORT = re.compile(
    r"database|default_format|query_id|session_\w+|param_\w+|client_protocol_version"
    r"|wait_end_of_query|compress|decompress|\w*progress\w*|enable_http_compression|user|password"
)
_INSERT = re.compile(rb"\s*(INSERT INTO .*?)\s+FORMAT (\w+)\s*(?:\n|$)", re.DOTALL)
_UNPACKED = {"gzip": gzip.decompress, "lz4": lz4.frame.decompress}


class Whole:
    """The engine for whoever may do everything, as a server without users has it."""

    def __init__(self, path: Path) -> None:
        self.path = str(path.resolve())

    def answer(self, request: Request) -> Answer:
        with closing(connected(self.path)) as connection:
            options = request.options
            for name, value in options.items():
                if not _TRANSPORT.fullmatch(name):
                    run(connection, f"SET {name} = {quoted(value)}", "Null", {})
            if database := options.get("database"):
                run(connection, f"USE `{database}`", "Null", {})
            if found := _INSERT.match(request.sql):
                return self._insert(connection, request, found)
            asked = re.search(rb"\sFORMAT (\w+)\s*$", request.sql)
            form = asked[1].decode() if asked else options.get("default_format", "TabSeparated")
            return run(connection, request.sql, form, parameters(options))

    @staticmethod
    def _insert(connection: Any, request: Request, found: re.Match[bytes]) -> Answer:
        form = found[2].decode()
        with tempfile.NamedTemporaryFile() as file:
            file.write(request.sql[found.end() :] + request.data)
            file.flush()
            source = f"{found[1].decode()} FROM INFILE {quoted(file.name)} FORMAT {form}"
            return run(connection, source, "TabSeparated", {})


class FaultyHandler(Handler):
    """Answers as told."""

    def body(self) -> bytes | None:
        body = super().body()
        packed = self.headers.get("Content-Encoding", "")
        if not body or not packed:
            return body
        if packed == "zstd":
            return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body)).read()
        return _UNPACKED[packed](body)

    def ask(self, body: bytes) -> None:
        faulty: Faulty = self.server.engine
        inserts = b"INSERT INTO" in body[:200] or "INSERT" in self.path
        fault = faulty.faults.popleft() if inserts and faulty.faults else None
        faulty.inserts += inserts
        with faulty.busy:
            if fault is None:
                super().ask(body)
                return
        faulty.hits.append(fault)
        with faulty.busy:
            self._fail(fault, body, faulty)

    def _fail(self, fault: str, body: bytes, faulty: "Faulty") -> None:
        if fault == "slow":
            time.sleep(faulty.slowness)
            super().ask(body)
        elif fault == "error 503":
            self.send(503, "text/plain", b"upstream is away\n")
        elif fault.startswith("error"):
            before = refused(252, "TOO_MANY_PARTS", "Too many parts")
            after = refused(319, "UNKNOWN_STATUS_OF_INSERT", "Who knows")
            self._instead(body, before if fault == "error before" else after)
        else:
            if fault != "cut before":
                self._instead(body, None)
            if fault == "half an answer":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _instead(self, body: bytes, said: Refused | None) -> None:
        """Do it, unless it is refused before, and say something else, or nothing."""
        whole: Faulty = self.server.engine
        real, kept = self.wfile, self.close_connection
        if said is None or said.code != 252:
            self.wfile = io.BytesIO()
            super().ask(body)
            self.wfile, self.close_connection = real, kept
        if said is not None:
            whole.instead.append(said)
            super().ask(b"SELECT 1")


class Busy:
    """Counts what is under way."""

    def __init__(self) -> None:
        self.count = 0
        self.changed = threading.Condition()

    def __enter__(self) -> None:
        self._add(1)

    def __exit__(self, *_: object) -> None:
        self._add(-1)

    def _add(self, one: int) -> None:
        with self.changed:
            self.count += one
            self.changed.notify_all()

    def over(self) -> None:
        """Wait until nothing is under way: also what nobody waits for any more."""
        with self.changed:
            assert self.changed.wait_for(lambda: not self.count, 30)


class Faulty(Whole):
    """What to do wrong, and what was done."""

    def __init__(self, path: Path, slowness: float = 1.5) -> None:
        super().__init__(path)
        self.slowness = slowness
        self.faults: deque[str | None] = deque()  # None: this one goes well
        self.hits: list[str] = []
        self.instead: list[Refused] = []
        self.inserts = 0
        self.busy = Busy()
        self.server = self._server("127.0.0.1:0")
        self.url = f"http://{self.server.address}"

    def _server(self, where: str) -> Server:
        most = 1 << 30
        return Server(self, where, handler=FaultyHandler, takes_data=True, longest=most)

    def answer(self, request: Request) -> Answer:
        if self.instead:
            raise self.instead.pop()
        return super().answer(request)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens meanwhile."""
        where = self.server.address
        self.server.close()
        try:
            yield
        finally:
            self.server = self._server(where)

    def close(self) -> None:
        self.server.close()
