"""A worker says whether it lives, whether it works, and what it has done."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline import metrics
from pipeline.config import Settings, variable
from pipeline.engine import health, lag
from pipeline.engine.health import Health, NoEngine
from pipeline.engine.stream import Parse
from pipeline.errors import StoreUnavailable
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import migrate
from pipeline.store.server import LOOPBACK, Server
from tests.store.faulty import Faulty
from tests.stream.deployment import MAIN, ROOT, Deployment
from tests.stream.workers import wait_until

SOON = 60.0
"""Seconds in which a worker has started, on a busy machine."""

SIGNALS = [
    {
        "specversion": "1.0",
        "id": f"use-{n}",
        "source": "/shop",
        "type": "delivery.subject.used.v1",
        "time": f"2026-03-02T10:00:{n:02}Z",
        "data": {"subject": "one-click-pay", "adopter": f"team-{n}"},
    }
    for n in range(20)
]
BAD = {**SIGNALS[0], "id": "bad-1", "time": "2026-03-02T10:00:00"}
"""A time without offset."""


class Answer(NamedTuple):
    status: int
    text: str


def get(address: str, path: str) -> Answer | None:
    """Ask; None where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
            return Answer(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode())
    except (urllib.error.URLError, ConnectionError):
        return None


class Worker(NamedTuple):
    deployment: Deployment
    process: subprocess.Popen[bytes]
    address: str

    def get(self, path: str) -> Answer | None:
        return get(self.address, path)

    def wait_ready(self) -> list[Answer]:
        """Every answer of /readyz up to the first that says yes."""
        limit = time.monotonic() + SOON
        answers: list[Answer] = []
        while not answers or answers[-1].status != 200:
            assert time.monotonic() < limit, self.deployment.logs()
            assert self.process.poll() is None, self.deployment.logs()
            answer = self.get("/readyz")
            answers += [answer] if answer else []
            time.sleep(0.02)
        return answers

    def metrics(self) -> dict[tuple[str, str], float]:
        """Values by name and stage (or whatever the first label says), summed over the others."""
        answer = self.get("/metrics")
        assert answer is not None
        assert answer.status == 200
        found: dict[tuple[str, str], float] = {}
        for family in text_string_to_metric_families(answer.text):
            assert family.documentation, family.name
            for sample in family.samples:
                label = next(
                    (sample.labels[n] for n in ("stage", "reason") if n in sample.labels), ""
                )
                key = sample.name, label
                found[key] = found.get(key, 0) + sample.value
        return found


def free_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def deployment(settings: Settings, tmp_path: Path) -> Iterator[Deployment]:
    few = settings.model_copy(update={"kafka_partitions": 2})
    with Deployment(few, tmp_path) as deployment:
        yield deployment


@pytest.fixture
def worker(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """All stages in one process."""
    monkeypatch.setenv(variable("http"), address := free_address())
    return Worker(deployment, deployment.start("parse,react,store"), address)


def test_what_a_worker_says_of_itself(worker: Worker, tmp_path: Path) -> None:
    """It is ready when all stages work; counts what it takes and rejects; stops within 10 s."""
    answers = worker.wait_ready()
    assert answers[-1].text == "ok\n"
    before = [answer for answer in answers if answer.status != 200]
    assert all(answer.status == 503 for answer in before)
    assert any("has not" in answer.text or "waits" in answer.text for answer in before)
    assert worker.get("/healthz") == Answer(200, "ok\n")

    file = tmp_path / "signals.ndjson"
    file.write_text("\n".join(json.dumps(one) for one in [*SIGNALS, BAD]) + "\n")
    worker.deployment.run("publish", str(file))
    worker.deployment.idle()

    found = worker.metrics()
    assert found["signals_records_total", "react"] >= len(SIGNALS) + 1
    for stage in ("react", "store"):
        runs = found["signals_runs_total", stage]
        assert 0 < runs <= found["signals_records_total", stage]
        assert 0 < found["signals_run_seconds_count", stage] <= runs
        assert found["signals_durable_seconds_count", stage] == runs
        assert found["signals_run_seconds_sum", stage] > 0
    for stage in ("parse", "react", "store"):
        assert found["signals_rebalances_total", stage] >= 1
        assert found["signals_records_expired_total", stage] == 0
    assert found["signals_lag_records", "react"] == 0
    assert found["signals_ready", ""] == 1
    assert found["signals_rejects_total", "naive_time"] == 1
    assert found["process_resident_memory_bytes", ""] > 1e7

    begun = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(12) == 0, worker.deployment.logs()
    assert time.monotonic() - begun < 10

    lines = (tmp_path / "worker-0.log").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert all({"time", "level", "message"} <= event.keys() for event in events)
    about = [event for event in events if event.get("signal") == "bad-1"]
    assert [(event["stage"], event["level"]) for event in about] == [("react", "warning")]
    assert events[-1]["message"] == "stopped"


@pytest.mark.prove
def test_lag_is_kept(worker: Worker) -> None:
    """The store has, a little later, what waits per stage and partition, as of now."""
    begun = time.time()
    worker.wait_ready()
    worker.deployment.idle()
    sql = "SELECT *, toUnixTimestamp64Milli(at) AS ms FROM signals.pipeline_lag"
    limit = time.monotonic() + SOON
    while not (rows := json.loads(asked(worker, "query", sql, "--json"))):
        assert time.monotonic() < limit, worker.deployment.logs()
    assert {(one["stage"], one["partition"]) for one in rows} == {
        (stage, n) for stage in ("parse", "react", "store") for n in range(2)
    }
    assert {(one["lag_records"], one["lag_seconds"]) for one in rows} == {(0, 0.0)}
    assert all(begun < int(one["ms"]) / 1000 < time.time() for one in rows)


def test_what_fails_to_measure_stops_nobody(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is away is told and counted, and measured again when it is back."""
    monkeypatch.setattr(lag, "MEASURE_EVERY", 0.1)
    stopped = threading.Event()
    opened: list[Store] = []
    tries = iter([StoreUnavailable("away")])

    def open_() -> Store:
        if error := next(tries, None):
            raise error
        opened.append(open_store(tmp_path))
        return opened[0]

    retries = metrics.RETRIES.labels("measuring lag")
    before = retries._value.get()
    measuring = threading.Thread(
        target=lag.keep_measuring, args=(deployment.settings, open_, lambda: True, stopped)
    )
    with open_store(tmp_path) as store:
        migrate(store)
        measuring.start()
        try:
            wait_until("measured", lambda: store.rows("SELECT * FROM signals.pipeline_lag"))
        finally:
            stopped.set()
            measuring.join()
        assert len(store.rows("SELECT * FROM signals.pipeline_lag")) == 3 * 2
    opened[0].close()
    assert retries._value.get() == before + 1


def test_a_loop_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing moves the process is ill; when it goes on, it is well again."""
    monkeypatch.setattr(health, "BEAT", 0.01)
    monkeypatch.setattr(health, "HANGS", 0.3)
    looked_at = Health([])
    with Server(NoEngine(), LOOPBACK, looked_at.pages()) as server:

        async def hang() -> None:
            beating = asyncio.create_task(looked_at.beat())
            await asyncio.sleep(0.02)
            assert get(server.address, "/healthz") == Answer(200, "ok\n")
            limit = time.monotonic() + 10
            # waiting for an answer without `await` is what holds up the loop
            while (answer := get(server.address, "/healthz")) and answer.status == 200:
                assert time.monotonic() < limit
            assert answer == Answer(503, "the loop has hung for 0 s\n")
            await asyncio.sleep(0.05)
            assert get(server.address, "/healthz") == Answer(200, "ok\n")
            beating.cancel()

        asyncio.run(hang())


def test_a_stage_that_crashed_is_told(tmp_path: Path) -> None:
    """Faust stops what has crashed and leaves the process: somebody must start a new one."""
    looked_at = Health(["parse"])
    assert looked_at.not_ready() == "parse has not started"

    async def crash() -> None:
        stage = Parse(Settings(kafka="127.0.0.1:1"), tmp_path)
        looked_at.started(stage)
        assert looked_at.ill() is None
        assert looked_at.not_ready() == "parse has not joined its group"
        await stage.app.crash(RuntimeError())

    asyncio.run(crash())
    assert looked_at.ill() == looked_at.not_ready() == "parse has crashed"


CRASHES = f"""
from pipeline.engine.table import Table
async def crash(*_, **__):
    raise RuntimeError("told to")
Table.on_rebalance = crash
{MAIN}
"""


def test_a_stage_that_crashed_ends_the_worker(deployment: Deployment) -> None:
    """Somebody must start a new one, and nobody does while the process is there."""
    worker = deployment.begin("worker", "--only", "react", by=("-c", CRASHES))
    assert worker.wait(SOON) == 1, deployment.logs()
    assert "a stage has crashed" in deployment.logs()


def test_status_where_no_kafka_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting, in one line."""
    monkeypatch.setenv(variable("kafka"), "127.0.0.1:1")
    ran = subprocess.run(
        [sys.executable, "-c", MAIN, "status"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert variable("kafka") in ran.stderr


def test_a_worker_without_a_store_answers_no_query(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pages are those of health only; a query is refused with a reason."""
    monkeypatch.setenv(variable("http"), address := free_address())
    worker = Worker(deployment, deployment.start("parse"), address)
    worker.wait_ready()
    answer = worker.get("/?query=SELECT%201")
    assert answer is not None
    assert answer.status == 500
    assert "no embedded store" in answer.text


@pytest.mark.prove
def test_a_store_that_hangs_holds_up_no_stop(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM ends a worker within 10 s also in the middle of an insert without an answer."""
    faulty = Faulty(tmp_path / "clickhouse", slowness=11.5)
    monkeypatch.setenv(variable("clickhouse_url"), faulty.url)
    monkeypatch.setenv(variable("http"), address := free_address())
    worker = Worker(deployment, deployment.start("react,store"), address)
    worker.wait_ready()
    faulty.faults.append("slow")
    file = tmp_path / "signals.ndjson"
    file.write_text("".join(json.dumps(one) + "\n" for one in SIGNALS))
    deployment.run("publish", str(file))
    limit = time.monotonic() + SOON
    while not faulty.hits:
        assert time.monotonic() < limit, deployment.logs()
        time.sleep(0.05)
    begun = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(20) == 0, deployment.logs()
    assert time.monotonic() - begun < 10
    faulty.busy.over()
    faulty.close()


def test_status_of_a_deployment(worker: Worker, tmp_path: Path) -> None:
    """`signals status` has what waits per stage and partition, beside the sources."""
    worker.wait_ready()
    file = tmp_path / "signals.ndjson"
    file.write_text("".join(json.dumps(one) + "\n" for one in SIGNALS))
    worker.deployment.run("publish", str(file))
    worker.deployment.idle()
    status = json.loads(asked(worker, "status", "--json"))
    (source,) = (one for one in status["sources"] if one["source"] == "/shop")
    assert source["received"] == len(SIGNALS)
    assert len(status["lag"]) == 3 * 2
    assert {(one["lag_records"], one["lag_seconds"]) for one in status["lag"]} == {(0, 0.0)}

    # nobody takes what is published now
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(12) == 0
    worker.deployment.run("publish", str(file))
    status = json.loads(asked(worker, "status", "--json"))
    waiting = [one for one in status["lag"] if one["lag_records"]]
    assert {one["stage"] for one in waiting} == {"react"}
    assert sum(one["lag_records"] for one in waiting) >= len(SIGNALS)
    assert all(0 < one["lag_seconds"] < 120 for one in waiting)
    table = asked(worker, "status").splitlines()
    assert table[0].split() == ["stage", "waiting", "seconds", "partitions"]
    assert [line.split()[0] for line in table[1:4]] == ["parse", "react", "store"]


def asked(worker: Worker, *arguments: str) -> str:
    """What a command of the program prints."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        env=worker.deployment.environment("data"),
        check=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
