"""Commands that read, while a running store holds the data directory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Signals

HOLD = """
import sys
from contextlib import nullcontext
from pathlib import Path
from pipeline.store.client import open_store
from pipeline.store.server import Readers
data = Path(sys.argv[1])
with open_store(data), Readers(data) if sys.argv[2] == "serve" else nullcontext():
    print("ready", flush=True)
    sys.stdin.read()
"""
READS = [
    ["query", "SELECT * FROM signals.work_items_now ORDER BY ALL", "--format", "csv"],
    ["query", "SELECT finding_id FROM signals.findings WHERE 0", "--format", "csv"],
    ["goals", "--json"],
    ["findings", "--json"],
    ["findings"],
    ["digest", "--json"],
    ["status"],
    ["rejected", "list", "--json"],
]


@contextmanager
def held(data: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process has the directory open; it goes when its stdin ends."""
    command = [sys.executable, "-c", HOLD, str(data), how]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.stdin.close()
            process.wait(30)


def test_what_reads_asks_the_running_store(acme: Path, signals: Signals) -> None:
    """Each answer is the one that the directory itself gives."""
    alone = [signals(*command, "--data", acme) for command in READS]
    assert all(ran.code == 0 and ran.out for ran in alone)
    with held(acme, "serve"):
        through = [signals(*command, "--data", acme) for command in READS]
    assert through == alone


def test_a_mistake_is_told_alike(acme: Path, signals: Signals) -> None:
    """The same line on stderr, but for the place."""
    command = ["query", "SELECT titel FROM signals.goals_now", "--data", acme]
    alone = signals(*command)
    with held(acme, "serve"):
        through = signals(*command)
    assert (alone.code, through.code) == (1, 1)
    assert alone.err.split("refused: ")[1] == through.err.split("refused: ")[1]


@pytest.mark.parametrize(
    "sql", ["TRUNCATE TABLE signals_store.goals", "SELECT file('/etc/passwd')"]
)
def test_nobody_writes_through_it(sql: str, acme: Path, signals: Signals) -> None:
    """Nor reads what is none of the store."""
    with held(acme, "serve"):
        ran = signals("query", sql, "--data", acme)
    assert ran.code == 1
    assert "refused" in ran.err


def test_what_writes_waits_for_the_store_to_end(acme: Path, signals: Signals) -> None:
    """One process owns the directory; the error says which."""
    with held(acme, "serve") as process:
        ran = signals("replay", "acme.ndjson", "--data", acme)
    assert ran.code == 1
    assert f"is in use by process {process.pid}" in ran.err


def test_the_address_of_a_dead_store_misleads_nobody(acme: Path, signals: Signals) -> None:
    """After a crash the directory is read directly; a process without HTTP is named."""
    command = ["query", "SELECT count() AS n FROM signals.goals_now", "--json", "--data", acme]
    with held(acme, "serve") as process:
        process.kill()
    assert json.loads((acme / "http.json").read_text())["pid"] == process.pid
    assert signals(*command).code == 0
    with held(acme, "silent") as process:
        ran = signals(*command)
    assert ran.code == 1
    assert f"is in use by process {process.pid}" in ran.err
