"""The dashboards of this moment over HTTP, for this machine only: each request asks the store."""

import threading
from collections.abc import Callable, Mapping
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from plotly.offline import get_plotlyjs

from dashboards.preview.page import Page, Preview

HOST = "127.0.0.1"
THEMES = ("light", "dark")

Fresh = Callable[[Callable[[Preview], Page | None]], Page | None]
"""Calls with a preview of what the store knows now, and gives back what that gave."""

_SAFE: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Handler(BaseHTTPRequestHandler):
    """One request: a section, or the chart library."""

    server: "Server"
    server_version = "delivery-signals"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with a page."""
        # A page elsewhere may let a name of its own point here: it is not answered.
        if self.headers.get("Host", "").rpartition(":")[0] not in (HOST, "localhost"):
            self._send(403, "text/plain", "this page is for this machine only\n")
            return
        parts = urlsplit(self.path)
        if parts.path == "/plotly.min.js":
            self._send(200, "text/javascript", get_plotlyjs())
            return
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        theme = asked.pop("theme", self.server.theme)
        theme = theme if theme in THEMES else ""
        uid = parts.path.strip("/")
        try:
            page = self.server.page(uid, asked, theme)
        except Exception as error:  # noqa: BLE001 - the next request may go well
            said = f"<h1>The store did not answer</h1><p>{escape(str(error))}</p>"
            self._send(503, "text/html", said)
            return
        if page is None:
            said = '<h1>There is no such page</h1><p><a href="/">All dashboards</a></p>'
            self._send(404, "text/html", said)
        else:
            self._send(200, "text/html", page.html)

    def do_HEAD(self) -> None:
        """Answer without the answer."""
        self.do_GET()

    def _send(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        heads = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}
        for name, value in {**heads, **_SAFE}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing: the address was printed once."""


class Server(ThreadingHTTPServer):
    """Listens on a free port of the loopback interface, or on the one that is named."""

    daemon_threads = True

    def __init__(self, fresh: Fresh, theme: str = "", port: int = 0) -> None:
        self.theme = theme
        self._fresh = fresh
        # The store answers one question at a time.
        self._turn = threading.Lock()
        super().__init__((HOST, port), Handler)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}/"

    def page(self, uid: str, chosen: Mapping[str, str], theme: str) -> Page | None:
        """The section with this address; without a uid that of the first dashboard."""

        def draw(preview: Preview) -> Page | None:
            return preview.served(uid or preview.boards[0].uid, chosen, theme)

        with self._turn:
            return self._fresh(draw)
