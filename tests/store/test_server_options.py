"""A ClickHouse server by address and settings: trust, user, version."""

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.config import Settings
from pipeline.errors import StoreError, StoreUnavailable
from pipeline.store import client
from pipeline.store.client import ServerOptions, Store, open_store, server_options
from pipeline.store.reading import Answer, Request, refused
from pipeline.store.server import Handler, Server
from tests.store.faulty import Whole

CERTIFICATE = Path(__file__).parent / "tls.pem"


class Guarded(Handler):
    """Knows one user."""

    def ask(self, body: bytes) -> None:
        login = base64.b64encode("writer:päss:wörd@/".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {login}":
            assert isinstance(self.server.engine, Doors)
            self.server.engine.closed = True
        super().ask(body)


class Doors(Whole):
    closed = False

    def answer(self, request: Request) -> Answer:
        if self.closed:
            self.closed = False
            raise refused(516, "AUTHENTICATION_FAILED", "writer: Authentication failed")
        return super().answer(request)


@pytest.fixture(scope="module")
def https(opened: Store) -> Iterator[str]:
    """host:port of a server with TLS, a certificate of its own and one user."""
    server = Server(Doors(Path(opened.where) / "clickhouse"), handler=Guarded, takes_data=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server.listener.socket = context.wrap_socket(
        server.listener.socket, server_side=True, do_handshake_on_connect=False
    )
    yield server.address
    server.close()


def test_user_and_password_from_settings(https: str) -> None:
    """Any character may stand in a password; the certificate is checked against the given one."""
    settings = Settings.load(
        {
            "SIGNALS_CLICKHOUSE_URL": f"https://{https}",
            "SIGNALS_CLICKHOUSE_USER": "writer",
            "SIGNALS_CLICKHOUSE_PASSWORD": "päss:wörd@/",
            "SIGNALS_CLICKHOUSE_CA": str(CERTIFICATE),
        }
    )
    options = server_options(settings)
    with open_store(None, settings.clickhouse_url, server=options) as store:
        assert store.query("SELECT 1").rows == [(1,)]
    shown = {one.name: one.value for one in settings.shown()}
    assert shown["clickhouse_password"] == "***"


def test_user_and_password_from_the_address(https: str) -> None:
    """Percent-encoded, as in any URL."""
    url = f"https://writer:p%C3%A4ss%3Aw%C3%B6rd%40%2F@{https}/?ca_cert={CERTIFICATE}"
    with open_store(None, url) as store:
        assert store.query("SELECT 1").rows == [(1,)]


def test_a_wrong_password_is_told(https: str) -> None:
    """At once, and with the name of the setting."""
    options = ServerOptions("writer", "wrong", CERTIFICATE, patience=client.Patience(60))
    with pytest.raises(StoreError, match="Authentication failed") as told:
        open_store(None, f"https://{https}", server=options)
    assert not isinstance(told.value, StoreUnavailable)
    assert "SIGNALS_CLICKHOUSE_URL" in told.value.remedy


def test_a_stranger_is_not_trusted(https: str) -> None:
    """A certificate that nobody vouches for ends the conversation."""
    with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        open_store(None, f"https://{https}")


def test_https_is_spoken_on_any_port(https: str) -> None:
    """The scheme of the address decides, not its port."""
    with pytest.raises(StoreUnavailable):
        open_store(None, f"http://{https}")


def test_an_old_server_is_refused(
    opened: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its version, in one line that names the setting."""
    monkeypatch.setattr(client, "OLDEST", (99, 1))
    with Server(Whole(Path(opened.where) / "clickhouse")) as server:
        monkeypatch.setattr("sys.argv", ["signals", "goals"])
        monkeypatch.setenv("SIGNALS_CLICKHOUSE_URL", f"http://{server.address}")
        with pytest.raises(SystemExit):
            main()
    said = capsys.readouterr().err
    assert "is of version 26." in said
    assert "99.1 or newer is needed: see SIGNALS_CLICKHOUSE_URL" in said
