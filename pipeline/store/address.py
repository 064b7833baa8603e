"""Where a running store can be asked: a small file in the data directory.

One process holds the directory of the embedded engine and serves readers over HTTP. The file
says where, and which process wrote it: it counts only while that process holds the engine, so
a file that a crash left behind misleads nobody.
"""

import fcntl
import json
import os
import re
import socket
from pathlib import Path

FOLDER = "clickhouse"
"""Folder of the embedded engine inside the data directory."""

FILE = "http.json"
"""In the data directory: `{"address": "127.0.0.1:8123", "pid": 4711}`."""


_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - not to listen at

SOON = 2.0
"""Seconds in which a store on this machine takes a connection."""


def engine(data: Path) -> Path:
    """The folder of the embedded engine in a data directory."""
    return data / FOLDER


def write(data: Path, address: str) -> None:
    """Say where this process can be asked; readers see the whole file or none."""
    new = data / f"{FILE}.{os.getpid()}"
    new.write_text(json.dumps({"address": address, "pid": os.getpid()}), encoding="utf-8")
    new.replace(data / FILE)


def remove(data: Path) -> None:
    """Take the file away, if it is of this process."""
    if _said(data)[1] == os.getpid():
        (data / FILE).unlink(missing_ok=True)


def running(data: Path) -> str | None:
    """Return host:port of the store that holds the directory, None if none says so."""
    address, pid = _said(data)
    # To look at the lock is to hold it for a moment: only if there is a reason.
    if address is None or not _answers(address):
        return None
    return address if pid == holder(data) else None


def holder(data: Path) -> int | None:
    """Return the process that holds the engine's folder, 0 if unknown, None if nobody does."""
    status = engine(data) / "status"
    try:
        with status.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        found = re.search(r"PID: (\d+)", status.read_text())
        return int(found[1]) if found else 0
    except OSError:
        return None
    return None


def reachable(address: str) -> str:
    """Where this machine reaches what listens at `address`, which may be everywhere."""
    host, _, port = address.rpartition(":")
    return f"{_EVERYWHERE.get(host, host)}:{port}"


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=SOON).close()
    except (OSError, ValueError):
        return False
    return True


def _said(data: Path) -> tuple[str | None, int]:
    try:
        said = json.loads((data / FILE).read_text(encoding="utf-8"))
        return str(said["address"]), int(said["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, 0
