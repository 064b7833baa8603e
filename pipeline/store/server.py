"""ClickHouse's HTTP interface, small: for the store whose engine is embedded in this process.

One process owns the data directory. While it runs, `signals query`, the preview and Grafana
read through it: GET or POST `/?query=...`, `/ping`, bound parameters (in the address, or in a form
where they are long), formats, ClickHouse's headers and errors. Who answers is handed in, so the same server stands before other engines.
"""

import gzip
import json
import logging
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

from pipeline.errors import StoreError
from pipeline.store import address
from pipeline.store.native import framed
from pipeline.store.reading import Answer, Reading, Refused, Request, refused

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1:0"
"""Where it listens unless told otherwise: this machine only, on a free port."""

LONGEST = 16 << 20
"""Bytes of a request's body."""

IDLE = 60.0
"""Seconds that a connection may say nothing."""

GRACE = 5.0
"""Seconds that running queries get when the store stops."""

_STATUS = {62: 400, 164: 403, 497: 403, 516: 401, 60: 404, 81: 404, 46: 404, 159: 408, 202: 503}
"""HTTP's word for ClickHouse's code; 500 for all others, as ClickHouse has it."""

_TEXTS = {"JSON": "application/json; charset=UTF-8", "CSV": "text/csv; charset=UTF-8"}


class Engine(Protocol):
    """Who answers queries."""

    def answer(self, request: Request) -> Answer:
        """Answer, or raise Refused."""
        ...


class Page(NamedTuple):
    """An answer that is none of ClickHouse's: health, metrics."""

    status: int
    kind: str
    body: bytes


Pages = Mapping[str, Callable[[], Page]]


class Handler(BaseHTTPRequestHandler):
    """One connection; `server` knows the engine."""

    protocol_version = "HTTP/1.1"
    server_version = "delivery-signals"
    sys_version = ""
    timeout = IDLE
    server: "Listener"

    def do_GET(self) -> None:
        """Answer a question in the address."""
        parts = urlsplit(self.path)
        if page := self.server.pages.get(parts.path):
            self.send(*page())
        elif parts.path == "/ping":
            self.send(200, "text/html; charset=UTF-8", b"Ok.\n")
        elif parts.path in {"/", ""} and parts.query:
            self.ask(b"")
        elif parts.path in {"/", ""}:
            self.send(200, "text/html; charset=UTF-8", b"Ok.\n")
        else:
            said = b"There is no handle %s\n" % parts.path.encode()
            self.send(404, "text/plain; charset=UTF-8", said)

    def do_HEAD(self) -> None:
        """Answer without the answer."""
        self.do_GET()

    def do_POST(self) -> None:
        """Answer a question in the body, or in the address with its data in the body."""
        body = self.body()
        if body is not None:
            self.ask(body)

    def body(self) -> bytes | None:
        """Return what came along; None where it was too much, which is then said."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = self._chunks()
        else:
            length = self.headers.get("Content-Length", "0")
            fits = length.isascii() and length.isdigit() and int(length) <= self.server.longest
            body = self.rfile.read(int(length)) if fits else None
        if body is None:
            self.close_connection = True
            said = f"the request is longer than {self.server.longest} bytes\n"
            self.send(413, "text/plain; charset=UTF-8", said.encode())
        return body

    def _chunks(self) -> bytes | None:
        parts: list[bytes] = []
        room = self.server.longest
        while True:
            head = self.rfile.readline(64).split(b";")[0].strip()
            try:
                size = int(head, 16)
            except ValueError:
                return None
            room -= size
            if size < 0 or room < 0:
                return None
            if not size:
                while self.rfile.readline(1024).strip():
                    pass
                return b"".join(parts)
            parts.append(self.rfile.read(size))
            self.rfile.readline(2)

    def ask(self, body: bytes) -> None:
        """Let the engine answer, and say it as ClickHouse does."""
        given = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        options = {**self._from_headers(), **dict(given)}
        if self.headers.get_content_type() == "multipart/form-data":
            options |= self._form(body)
            body = b""
        sql = options.pop("query", "").encode()
        options.setdefault("query_id", str(uuid.uuid4()))
        # With a query in the address the body is the rest of it, or the data of an insert.
        if body and sql and not self.server.takes_data:
            sql, body = sql + b"\n" + body, b""
        request = Request(sql, options, body) if sql else Request(body, options)
        heads = {
            "X-ClickHouse-Query-Id": options["query_id"].replace("\r", "").replace("\n", ""),
            "X-ClickHouse-Server-Display-Name": "delivery-signals",
            "X-ClickHouse-Timezone": "UTC",
        }
        try:
            answer = self.server.engine.answer(request)
            result = self._framed(answer, options)
        except Refused as error:
            heads["X-ClickHouse-Exception-Code"] = str(error.code)
            text = f"{error.text}\n".encode()
            self.send(_STATUS.get(error.code, 500), "text/plain; charset=UTF-8", text, heads)
            return
        heads["X-ClickHouse-Summary"] = json.dumps(dict(answer.summary))
        heads["X-ClickHouse-Format"] = answer.format
        kind = next((_TEXTS[k] for k in _TEXTS if answer.format.startswith(k)), None)
        kind = kind or "text/tab-separated-values; charset=UTF-8"
        self.send(200, kind, self._packed(result, options, heads), heads)

    @staticmethod
    def _framed(answer: Answer, options: Mapping[str, str]) -> bytes:
        version = options.get("client_protocol_version", "")
        if answer.format != "Native" or not version.isascii() or not version.isdigit():
            return answer.body
        try:
            return framed(answer.body, int(version))
        except NotImplementedError as error:
            raise refused(
                48, "NOT_IMPLEMENTED", f"No Native of this protocol for {error}"
            ) from None

    def _from_headers(self) -> dict[str, str]:
        names = {"database": "X-ClickHouse-Database", "default_format": "X-ClickHouse-Format"}
        found = {name: self.headers.get(head) for name, head in names.items()}
        return {name: value for name, value in found.items() if value}

    def _form(self, body: bytes) -> dict[str, str]:
        """The fields of a form, in which drivers send parameters that are long for an address."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = BytesParser(policy=HTTP).parsebytes(head + body)
        return {
            str(part.get_param("name", header="content-disposition")): bytes(
                part.get_payload(decode=True) or b""
            ).decode("utf-8", "replace")
            for part in form.iter_parts()
        }

    def _packed(self, body: bytes, options: Mapping[str, str], heads: dict[str, str]) -> bytes:
        taken = "gzip" in self.headers.get("Accept-Encoding", "")
        if not body or not taken or options.get("enable_http_compression") == "0":
            return body
        heads["Content-Encoding"] = "gzip"
        return gzip.compress(body, compresslevel=1)

    def send(
        self, status: int, kind: str, body: bytes, heads: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, **(heads or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Keep it for those who look."""
        log.debug(format, *args)


class Listener(ThreadingHTTPServer):
    """The socket; one thread per connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        where: tuple[str, int],
        engine: Engine,
        pages: Pages,
        *,
        handler: type[Handler] = Handler,
        takes_data: bool = False,
        longest: int = LONGEST,
    ) -> None:
        self.engine = engine
        self.pages = pages
        self.takes_data = takes_data
        self.longest = longest
        self.address_family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        self._open: set[socket.socket] = set()
        super().__init__(where, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection, and keep it in mind until it is closed."""
        connection, peer = super().get_request()
        self._open.add(connection)
        return connection, peer

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close all connections, also those that wait for a next question."""
        for connection in list(self._open):
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over who went away before the answer came."""
        log.debug("connection %s of %s: %s", request, client_address, sys.exception())


class Server:
    """Serves an engine until it is closed; `address` is host:port as it came out."""

    def __init__(
        self, engine: Engine, listen: str = LOOPBACK, pages: Pages | None = None, **options: Any
    ) -> None:
        host, _, port = listen.rpartition(":")
        try:
            self.listener = Listener(
                (host.strip("[]"), int(port)), engine, pages or {}, **options
            )
        except OSError as error:
            raise StoreError(
                f"Nothing can listen at {listen}: {error.strerror}",
                "name another address in SIGNALS_HTTP",
            ) from error
        bound = self.listener.server_address
        name = f"[{host.strip('[]')}]" if ":" in host else host
        self.address = f"{name}:{bound[1]}"
        self._thread = threading.Thread(
            target=self.listener.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and hang up."""
        self.listener.shutdown()
        self.listener.server_close()
        self.listener.hang_up()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Readers(Server):
    """The store's embedded engine for those who only read; its address stands in a file."""

    def __init__(self, data: Path, listen: str = LOOPBACK, pages: Pages | None = None) -> None:
        self.reading = Reading(address.engine(data))
        super().__init__(self.reading, listen, pages)
        self.data = data
        address.write(data, address.reachable(self.address))

    def close(self) -> None:
        """Take the address back and stop."""
        address.remove(self.data)
        super().close()
        self.reading.finish(GRACE)
