"""What cannot work fails at the start: soon, in one line that names the setting, with exit 1."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.kafka import broker
from pipeline.config import Settings, variable
from pipeline.engine import topics
from pipeline.engine.replay import replay
from pipeline.engine.topics import topic_name
from pipeline.store.client import OLDEST
from pipeline.store.reading import Answer, Request, refused
from pipeline.store.server import Server
from tests.engine.test_pseudonyms import UNTIL, signals
from tests.engine.test_pseudonyms import config as hashed
from tests.stream.broker import Broker, free_ports
from tests.stream.deployment import MAIN, ROOT

WITHIN = 10.0
"""Seconds in which a command fails."""

PATIENCE = 2.5
"""So many times longer a busy machine may take."""

CONFIG = "organisation: {name: Acme, timezone: UTC}\n"

COMMANDS = ["worker", "publish acme.ndjson", "config publish acme.yaml"]
PROVED = [pytest.param(command, marks=pytest.mark.prove) for command in COMMANDS[1:]]
"""Commands that ask Kafka first, as `test_no_topics` shows in every run."""
ALL = ["worker", "topics", "status", *PROVED]


class Wrong(NamedTuple):
    """A deployment, to which commands are given that cannot work."""

    settings: Settings
    folder: Path

    def said(self, command: str, main: str = MAIN, **environ: str) -> str:
        """The one line on stderr with which a command fails."""
        (self.folder / "acme.yaml").write_text(CONFIG)
        (self.folder / "acme.ndjson").write_text("{}\n")
        named = {
            variable(name): str(getattr(self.settings, name))
            for name in ("kafka", "kafka_prefix")
        }
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", main, *command.split()],
            env={**os.environ, "PYTHONPATH": str(ROOT), **named, **environ},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        took = time.monotonic() - begun
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1, done.stderr
        assert took < WITHIN * PATIENCE, done.stderr
        return done.stderr


@pytest.fixture
def wrong(settings: Settings, tmp_path: Path) -> Wrong:
    return Wrong(settings, tmp_path)


@pytest.fixture
def silent() -> Iterator[str]:
    """host:port of what takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("command", ALL)
def test_nobody_listens(command: str, wrong: Wrong) -> None:
    """Every command that needs Kafka names the address and its setting."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    said = wrong.said(command, SIGNALS_KAFKA=address)
    assert f"no Kafka listens at {address}" in said
    assert "correct SIGNALS_KAFKA" in said


def test_it_is_no_kafka(wrong: Wrong, silent: str) -> None:
    """What never answers is told of, too."""
    assert "SIGNALS_KAFKA" in wrong.said("worker", SIGNALS_KAFKA=silent)


class Lost(Broker):
    """A broker that sends its clients to where nobody listens."""

    def _answers(self) -> bool:
        """Whether it has begun to listen: nobody can ask it more."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def test_brokers_out_of_reach(
    wrong: Wrong, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mistake of every first Kafka in a container: it answers, and names itself wrongly."""
    (nobody,) = free_ports(1)
    named = broker.PROPERTIES.replace(
        "advertised.listeners=PLAINTEXT://127.0.0.1:{port}",
        f"advertised.listeners=PLAINTEXT://127.0.0.1:{nobody}",
    )
    assert named != broker.PROPERTIES
    monkeypatch.setattr(broker, "PROPERTIES", named)
    lost = Lost(tmp_path / "broker")
    lost.start()
    try:
        said = wrong.said("worker", SIGNALS_KAFKA=lost.address)
    finally:
        lost.kill()
    assert "a broker that it names cannot be reached" in said
    assert "advertised.listeners, or name others in SIGNALS_KAFKA" in said


@pytest.mark.parametrize("command", ["worker", "publish acme.ndjson"])
def test_wrong_password(command: str, wrong: Wrong, shared_broker: Broker) -> None:
    """The setting is named, and the password is not shown."""
    security = "sasl_plaintext://signals:hunter2@plain"
    said = wrong.said(
        command, SIGNALS_KAFKA=shared_broker.sasl_address, SIGNALS_KAFKA_SECURITY=security
    )
    assert "user and password" in said
    assert "correct SIGNALS_KAFKA_SECURITY" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("command", [*COMMANDS, "status", "status --wait-idle"])
def test_no_topics(command: str, wrong: Wrong) -> None:
    """The first one is named, and the command that makes them."""
    said = wrong.said(command)
    assert f"has no topic {topic_name(wrong.settings, 'raw')} and 4 more" in said
    assert "run `signals topics`" in said


@pytest.mark.parametrize("command", ALL)
def test_another_partition_count(command: str, wrong: Wrong) -> None:
    """Entities would be looked for elsewhere: the setting is told that fits."""
    topics.ensure(wrong.settings)
    said = wrong.said(command, SIGNALS_KAFKA_PARTITIONS="4")
    assert "partitions is 8, not 4" in said
    assert "set SIGNALS_KAFKA_PARTITIONS=8" in said


class Door:
    """A ClickHouse that knows no user, or has a version and no settings."""

    def __init__(self, version: str | None = None) -> None:
        self.version = version

    def answer(self, request: Request) -> Answer:
        if self.version is None:
            raise refused(516, "AUTHENTICATION_FAILED", "signals: Authentication failed")
        asked = b"version()" in request.sql
        said = f"{self.version}\tUTC\n" if asked else ""
        return Answer(said.encode(), "TabSeparated" if asked else "Native", {})


@pytest.fixture
def ready(wrong: Wrong) -> Wrong:
    topics.ensure(wrong.settings)
    return wrong


def test_clickhouse_is_not_there(ready: Wrong) -> None:
    """A wrong address of ClickHouse is told with its setting."""
    (port,) = free_ports(1)
    said = ready.said("worker", SIGNALS_CLICKHOUSE_URL=f"http://127.0.0.1:{port}")
    assert f"ClickHouse at http://127.0.0.1:{port} does not answer: Connection refused" in said
    assert "correct SIGNALS_CLICKHOUSE_URL" in said


def test_clickhouse_never_answers(ready: Wrong, silent: str) -> None:
    """Nobody waits minutes for the first word."""
    said = ready.said("worker", SIGNALS_CLICKHOUSE_URL=f"http://{silent}")
    assert "does not answer: Read timed out" in said
    assert "SIGNALS_CLICKHOUSE_URL" in said


def test_clickhouse_knows_no_such_user(ready: Wrong) -> None:
    """A wrong password is told, and not shown."""
    with Server(Door()) as server:
        url = f"http://signals:hunter2@{server.address}"
        said = ready.said("worker", SIGNALS_CLICKHOUSE_URL=url)
    assert "Authentication failed" in said
    assert "SIGNALS_CLICKHOUSE_URL" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("command", ["worker", "migrate"])
def test_clickhouse_is_too_old(command: str, ready: Wrong) -> None:
    """The version before the oldest that our SQL works with is refused."""
    year, month = OLDEST
    with Server(Door(f"{year}.{month - 1}.2.39")) as server:
        said = ready.said(command, SIGNALS_CLICKHOUSE_URL=f"http://{server.address}")
    assert f"is of version {year}.{month - 1}.2.39" in said
    assert f"{year}.{month} or newer is needed" in said
    assert "SIGNALS_CLICKHOUSE_URL" in said


def test_rocksdb_is_not_installed(ready: Wrong) -> None:
    """What is missing is named, and how to get it."""
    without = f"import sys; sys.modules['rocksdict'] = None; {MAIN}"
    said = ready.said("worker", main=without, SIGNALS_STATE="rocksdb")
    assert "SIGNALS_STATE (rocksdb): needs the package rocksdict" in said
    assert "install delivery-signals[rocksdb]" in said


def test_pseudonyms_of_another_key(ready: Wrong, tmp_path: Path) -> None:
    """Where the store has adopters hashed with another key, none is counted a second time."""
    data = tmp_path / "data"
    replay(
        [signals(tmp_path)], data, hashed(tmp_path, "hashed", hashed=True), UNTIL, salt="a" * 20
    )
    given = {"SIGNALS_DATA": str(data), "SIGNALS_SALT": "b" * 20}
    for command in ("worker", "config publish acme.yaml"):
        said = ready.said(command, **given)
        assert "hashed with another key" in said
        assert "set SIGNALS_SALT" in said
