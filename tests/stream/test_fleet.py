"""Several workers from one command: they share the work, and end together."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config import Settings, variable
from pipeline.engine.fleet import stages_of
from pipeline.engine.replay import replay
from pipeline.errors import UsageError
from pipeline.simulate import simulate
from tests.engine.everything import assert_same, everything
from tests.stream.deployment import Deployment
from tests.stream.test_health import get
from tests.stream.workers import wait_until


@pytest.fixture
def deployment(settings: Settings, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(settings, tmp_path) as deployment:
        yield deployment


def begin(deployment: Deployment) -> subprocess.Popen[bytes]:
    fleet = deployment.begin("worker", "--workers", "2")
    deployment.workers.append(fleet)
    return fleet


def members(deployment: Deployment) -> list[int]:
    """The processes that the command says it began."""
    return [int(pid) for pid in re.findall(r"began as process (\d+)", log_of(deployment))]


def log_of(deployment: Deployment) -> str:
    return (deployment.folder / "worker-0.log").read_text()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def ports(count: int) -> int:
    """The first of so many ports in a row that are free."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as one:
            first: int = one.getsockname()[1]
        try:
            for n in range(count):
                socket.create_server(("127.0.0.1", first + n)).close()
        except OSError:
            continue
        return first


def test_who_does_what() -> None:
    """N processes react, and one more has the other stages, the embedded store among them."""
    assert stages_of(["parse", "react", "store"], 2) == [
        ["parse", "store"],
        ["react"],
        ["react"],
    ]
    assert stages_of(["react"], 3) == [["react"]] * 3
    with pytest.raises(UsageError, match="add react"):
        stages_of(["parse"], 2)


@pytest.mark.prove
def test_they_share_the_work(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two react, each at its own port; the views are those of one process; SIGTERM ends all."""
    organisation = simulate(tmp_path / "organisation", days=6, seed=1)
    replay(organisation.signals, tmp_path / "local", organisation.config)
    first = ports(3)
    monkeypatch.setenv(variable("http"), f"127.0.0.1:{first}")
    fleet = begin(deployment)
    addresses = [f"127.0.0.1:{first + n}" for n in range(3)]
    for address in addresses:
        wait_until(
            f"{address} is ready", lambda at=address: get(at, "/readyz") == (200, "ok\n")
        )
    files = [str(file) for file in organisation.signals]
    deployment.run("config", "publish", str(organisation.config))
    deployment.run("publish", *files, "--config", str(organisation.config))
    deployment.idle()

    shared = []
    for address in addresses:
        answer = get(address, "/metrics")
        assert answer is not None
        lag = re.findall(r'lag_records{partition="(\d)",stage="react"}', answer.text)
        shared.append(set(lag))
    assert shared[0] == set()
    assert len(shared[1]) == len(shared[2]) == 4
    assert shared[1] | shared[2] == set("01234567")

    fleet.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    assert fleet.wait(20) == 0, deployment.logs()
    assert time.monotonic() - begun < 10
    assert len(members(deployment)) == 3
    assert all(map(gone, members(deployment)))
    assert_same(everything(tmp_path / "local"), everything(tmp_path / "data"))


def test_one_that_dies_ends_all(deployment: Deployment) -> None:
    """The command fails, says who it was, and leaves nobody behind."""
    fleet = begin(deployment)
    wait_until("all have begun", lambda: len(members(deployment)) == 3)
    killed = members(deployment)[2]
    os.kill(killed, signal.SIGKILL)
    assert fleet.wait(20) == 1, deployment.logs()
    assert all(map(gone, members(deployment)))
    last = deployment.logs().splitlines()[-1]
    assert last.startswith("error: worker 2 (react) ended with exit code -9"), last


@pytest.mark.prove
def test_nobody_is_left_alone(deployment: Deployment) -> None:
    """Where the command itself is killed its processes end by themselves."""
    fleet = begin(deployment)
    deployment.wait_store()
    wait_until("working", lambda: log_of(deployment).count("react is working") == 2)
    deployment.kill(fleet)
    wait_until("all are gone", lambda: all(map(gone, members(deployment))), 20)
