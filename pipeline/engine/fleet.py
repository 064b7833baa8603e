"""Several workers on one machine from one command: one Python process has one core.

`--workers N` starts N processes that react, which is where the work is, and one more with the
other stages that were asked for. So the embedded store, which one process alone may open, stays
in one process. Kafka shares the partitions among them, as among machines.

A process that ends by itself ends all of them, and the command fails: whoever started it
(systemd, compose, Kubernetes) starts all anew and counts how often. To start one again in here
would hide what fails again and again.

Where SIGNALS_HTTP names a port, the first process answers there and the others at the ports
behind it, in the order of the log.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from pipeline import logs
from pipeline.config import Settings, variable
from pipeline.engine import topics
from pipeline.engine.worker import open_stored
from pipeline.errors import UsageError, WorkerEnded

KILL_AFTER = 9.5
"""Seconds from the first word to the last: a worker ends itself a little earlier."""

LOOK_EVERY = 0.1

log = logging.getLogger(__name__)


class Member(NamedTuple):
    """A process of the fleet."""

    name: str
    process: subprocess.Popen[bytes]


def stages_of(only: Sequence[str], workers: int) -> list[list[str]]:
    """The stages of each process."""
    if "react" not in only:
        raise UsageError("--workers says how many processes react", "add react to --only")
    others = [stage for stage in only if stage != "react"]
    return [*([others] if others else []), *([["react"]] * workers)]


def work_together(settings: Settings, only: Sequence[str], workers: int) -> None:
    """Run a fleet until SIGTERM or SIGINT; raises WorkerEnded where one ends before."""
    shared = stages_of(only, workers)
    topics.check(settings)
    if "store" in only and not settings.embedded:
        open_stored(settings).close()  # what is wrong with it is said once, and here
    told = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: told.set())
    logs.to_stderr()
    fleet: list[Member] = []
    ended = None
    try:
        for number, stages in enumerate(shared):
            fleet.append(_begin(settings, number, stages))
        while ended is None and not told.wait(LOOK_EVERY):
            ended = next((one for one in fleet if one.process.poll() is not None), None)
    finally:
        _stop(fleet)
    if ended is not None:
        raise WorkerEnded(
            f"{ended.name} ended with exit code {ended.process.returncode},"
            " so the others were stopped",
            "its log says why",
        )
    log.info("stopped")


def _begin(settings: Settings, number: int, stages: list[str]) -> Member:
    command = [sys.executable, "-m", "pipeline.cli", "worker"]
    command += ["--only", ",".join(stages), "--number", str(number), "--of", str(os.getpid())]
    if settings.origin("data").startswith("flag"):
        command += ["--data", str(settings.data)]
    # Ctrl-C is for the fleet, which passes it on once
    environ = os.environ | _http(settings, number)
    process = subprocess.Popen(command, env=environ, start_new_session=True)  # noqa: S603 - ours
    name = f"worker {number} ({','.join(stages)})"
    log.info("%s began as process %s", name, process.pid)
    return Member(name, process)


def _http(settings: Settings, number: int) -> dict[str, str]:
    if settings.http is None:
        return {}
    host, _, port = settings.http.rpartition(":")
    # port 0 is any that is free
    return {variable("http"): f"{host}:{int(port) + number if int(port) else 0}"}


def _stop(fleet: list[Member]) -> None:
    for one in fleet:
        if one.process.poll() is None:
            one.process.terminate()
    end = time.monotonic() + KILL_AFTER
    for one in fleet:
        try:
            one.process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s did not end and is killed; what it left comes again", one.name)
            one.process.kill()
            one.process.wait()
