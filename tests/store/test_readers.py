"""Who only reads, on a server."""

import hashlib
from typing import cast

import pytest

from pipeline.errors import StoreError
from pipeline.store import readers
from pipeline.store.client import Store


class Server:
    """Takes down what it is told; the embedded engine knows no users."""

    cluster = None

    def __init__(self, refuses: str = "") -> None:
        self.told: list[str] = []
        self.refuses = refuses

    def command(self, sql: str) -> None:
        if self.refuses and sql.startswith(self.refuses):
            raise StoreError("ClickHouse refused: Not enough privileges", "")
        self.told.append(sql)


@pytest.mark.parametrize("cluster", [None, "acme `1`"])
def test_clickhouse_understands_every_statement(opened: Store, cluster: str | None) -> None:
    """Each of them is a statement in the words of the real engine, on a cluster too."""
    for statement in readers.statements("pässword '", cluster):
        assert opened.query(f"EXPLAIN AST {statement}").rows


def test_a_password_makes_a_user() -> None:
    """The user has the role and nothing else; its password never travels."""
    server = Server()
    readers.ensure(cast(Store, server), "secret")
    assert server.told[-1].endswith("DEFAULT ROLE signals_reader")
    assert hashlib.sha256(b"secret").hexdigest() in server.told[-1]
    assert not any("'secret'" in sql for sql in server.told)
    assert not any(
        word in sql for sql in server.told for word in ("INSERT", "ALL ON", "ALTER ON")
    )


def test_without_a_password_there_is_no_user() -> None:
    """Whoever keeps users elsewhere finds the role to give to them."""
    server = Server()
    readers.ensure(cast(Store, server), None)
    assert not any("USER" in sql for sql in server.told)


def test_who_may_not_make_users_is_told_what_is_needed() -> None:
    """The error names what the server's user lacks."""
    with pytest.raises(StoreError) as raised:
        readers.ensure(cast(Store, Server("CREATE ROLE")), "secret")
    assert "access_management" in (raised.value.remedy or "")
