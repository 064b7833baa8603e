"""Who only reads: a role with limits, and a user of it for Grafana.

A server keeps users beside its databases, so they are made sure of whenever it is migrated; the
embedded engine has none. The limits keep a panel from taking the server with it.
"""

import hashlib
from collections.abc import Iterator

from pipeline.errors import StoreError
from pipeline.store.client import Store

ROLE = "signals_reader"
USER = "grafana"

LIMITS = {
    # 2, not 1: drivers set formats and time-outs, which 1 refuses.
    "readonly": "2",
    "max_execution_time": "30 MAX 60",
    "max_memory_usage": "4000000000 MAX 4000000000",
    "max_result_rows": "1000000 MAX 1000000",
    "max_concurrent_queries_for_user": "20",
}


def ensure(store: Store, password: str | None) -> None:
    """Make sure of the role, and with a password of the user.

    Raises:
        StoreError: our own user may not make users.
    """
    try:
        for statement in statements(password, store.cluster):
            store.command(statement)
    except StoreError as error:
        raise StoreError(
            error.message,
            "give its user access management (access_management = 1), or GRANT ROLE ADMIN and"
            " CREATE USER; everything else is migrated",
        ) from error


def statements(password: str | None, cluster: str | None = None) -> Iterator[str]:
    """What makes sure of the role and the user; each may be repeated."""
    everywhere = ""
    if cluster is not None:
        quoted = cluster.replace("\\", "\\\\").replace("`", "\\`")
        everywhere = f" ON CLUSTER `{quoted}`"
    limits = ", ".join(f"{name} = {value}" for name, value in LIMITS.items())
    yield f"CREATE ROLE IF NOT EXISTS {ROLE}{everywhere}"
    yield f"ALTER ROLE {ROLE}{everywhere} SETTINGS {limits}"
    # A view reads its tables as the one who asks.
    for database in ("signals", "signals_store"):
        yield f"GRANT{everywhere} SELECT ON {database}.* TO {ROLE}"
    if password:
        known = hashlib.sha256(password.encode()).hexdigest()
        identified = f"IDENTIFIED WITH sha256_hash BY '{known}'"
        yield f"CREATE USER IF NOT EXISTS {USER}{everywhere} {identified}"
        yield f"GRANT{everywhere} {ROLE} TO {USER}"
        yield f"ALTER USER {USER}{everywhere} {identified} DEFAULT ROLE {ROLE}"
