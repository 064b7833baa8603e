"""Breaks a deployment at moments that a seed decides, and remembers what was hit when."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from pipeline.engine.lag import Lag, lags
from pipeline.engine.publish import publish
from pipeline.engine.topics import topic_name
from pipeline.errors import BrokerUnavailable
from tests.stream.deployment import Deployment

RESUMES_WITHIN = 15.0
"""Seconds from a fault to progress wherever work is left."""

PATIENCE = 12.0
"""So many times longer a busy machine may take before a test calls it stuck."""

FROZEN = 9.0
"""Seconds: longer than the session of a worker."""

LOOK_EVERY = 0.2
"""Seconds between two looks at Kafka: they cost the workers what they cost."""

PARSE_AND_STORE = "store"
"""The name of the worker that parses and stores; all others react."""


@dataclass
class Fault:
    """A line of the table: what was done, and what came of it."""

    round: str
    fault: str
    step: str = ""
    left: int | None = None
    seconds: float | None = None
    rows: int | None = None

    def cells(self) -> list[str]:
        slow = self.seconds is not None and self.seconds > RESUMES_WITHIN
        return [
            self.round,
            self.fault,
            self.step,
            "" if self.left is None else f"{self.left}",
            "" if self.seconds is None else f"{self.seconds:.1f}{' SLOW' if slow else ''}",
            "" if self.rows is None else f"{self.rows}",
        ]


HEADS = ["round", "fault", "step hit", "work left", "resumed after s", "rows compared"]

FAULTS: list[Fault] = []
"""All of this session, for the table at its end."""


def table(faults: list[Fault]) -> str:
    lines = [HEADS, ["---"] * len(HEADS), *(fault.cells() for fault in faults)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEADS))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


class Chaos:
    """Faults for the workers of a deployment, which have names."""

    def __init__(self, deployment: Deployment, seed: int, name: str) -> None:
        self.deployment = deployment
        self.random = random.Random(seed)
        self.name = name
        self.faults: list[Fault] = []
        self.number = 0
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._places: dict[str, Path] = {}

    def __str__(self) -> str:
        return f"what happened:\n{table(self.faults)}"

    def begin_round(self) -> None:
        self.number += 1

    def fault(self, what: str, step: str = "", left: int | None = None) -> Fault:
        found = Fault(f"{self.name} {self.number}", what, step, left)
        self.faults.append(found)
        FAULTS.append(found)
        return found

    # -- workers ---------------------------------------------------------------------------

    def start(self, *names: str) -> None:
        for name in names:
            place = self.deployment.folder / f"{name}.step"
            # an insert costs more than a group, so rows come in longer runs
            run = self.random.randint(*((50, 500) if name == PARSE_AND_STORE else (10, 60)))
            worker = self.deployment.begin(
                *("worker", "--only", "parse,store" if name == PARSE_AND_STORE else "react"),
                data="data" if name == PARSE_AND_STORE else name,
                by=("-m", "tests.stream.dying", str(place), str(run)),
                stdin=subprocess.PIPE,
            )
            self.deployment.workers.append(worker)
            self._workers[name], self._places[name] = worker, place

    def leave(self, name: str) -> None:
        """SIGTERM; it hands its partitions over and ends."""
        worker = self._workers.pop(name)
        self.deployment.wait_working(worker)
        left = self._left()
        self.deployment.workers.remove(worker)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0, self.deployment.logs()
        self._resumes(self.fault(f"{name} leaves"), left)

    def join(self, name: str) -> None:
        left = self._left()
        self.start(name)
        self.deployment.wait_working(self._workers[name])
        self._resumes(self.fault(f"{name} joins"), left)

    def place(self, name: str) -> str:
        """The step that a worker has passed last."""
        passed = self._places[name].read_bytes().decode().strip()
        return f"last passed: {passed}" if passed else "before its first run"

    def kill(self, *names: str) -> None:
        """SIGKILL workers at once and start them anew, on their own data."""
        left = self._left()
        hit = {}
        for name in names:
            self.deployment.kill(self._workers[name])
            hit[name] = self.place(name)
        self.start(*names)
        faults = [self.fault(f"{name} killed", step) for name, step in hit.items()]
        self._resumes(faults[-1], left)

    # -- at a step -------------------------------------------------------------------------

    def arm(self, name: str, how: str, step: str, times: int = 1) -> None:
        stdin = self._workers[name].stdin
        assert stdin is not None
        stdin.write(f"{how} {times} {step}\n".encode())
        stdin.flush()

    def hit(self, name: str) -> subprocess.Popen[bytes]:
        """Wait until a worker that is armed was hit; fails where its step is never reached."""
        worker = self._workers[name]
        limit = time.monotonic() + RESUMES_WITHIN * PATIENCE
        flags = os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, worker.pid, flags) is None:
            if time.monotonic() > limit:
                never = f"{name} was never hit: {lags(self.deployment.settings)}\n{self}"
                raise AssertionError(f"{never}\n{self.deployment.logs()}")
            time.sleep(0.05)
        return worker

    def dies(self, name: str, step: str, ended: int = -signal.SIGKILL) -> None:
        """Wait until an armed worker has ended, and start it anew."""
        worker = self.hit(name)
        left = self._left()
        self.deployment.workers.remove(worker)
        assert worker.wait() == ended, f"{step}\n{self.deployment.logs()}"
        assert self.place(name) == f"last passed: {step}"
        self.start(name)
        how = "SIGKILL" if ended < 0 else "raise"
        self._resumes(self.fault(f"{name}: {how}", step), left)

    @contextmanager
    def frozen(self, name: str, step: str) -> Iterator[None]:
        """What is done while an armed worker is frozen, longer than its session; it goes on."""
        worker = self.hit(name)
        assert self.place(name) == f"last passed: {step}"
        left = self._left()
        began = time.monotonic()
        try:
            fault = self.fault(f"{name}: SIGSTOP", step)
            self._resumes(fault, left)
            yield
            time.sleep(max(0.0, FROZEN - (time.monotonic() - began)))
        finally:
            worker.send_signal(signal.SIGCONT)

    # -- work and progress -----------------------------------------------------------------

    @contextmanager
    def publishing(self, file: Path, config: Path) -> Iterator[None]:
        """Publish a file while something is done; all of it is sent at the end."""
        settings = self.deployment.settings.model_copy(update={"config": config})

        def sent() -> int:
            return sum(lag.end for lag in lags(settings) if lag.stage == "react")

        failed: list[BaseException] = []

        def send() -> None:
            try:
                publish(settings, [file])
            except BaseException as error:  # noqa: BLE001 - told where it is waited for
                failed.append(error)

        before = sent()
        thread = threading.Thread(target=send)
        thread.start()
        try:
            self.wait_until(lambda: bool(failed) or sent() > before)
            yield
        finally:
            thread.join()
        if failed and isinstance(failed[0], BrokerUnavailable):
            publish(settings, [file])  # as it asks for; what was sent before counts once
        elif failed:
            raise failed[0]

    def wait_until(self, holds: Callable[[], bool]) -> None:
        limit = time.monotonic() + RESUMES_WITHIN * PATIENCE
        while not holds():
            assert time.monotonic() < limit, f"{self}\n{self.deployment.logs()}"
            time.sleep(LOOK_EVERY)

    def wait(self, least: float, most: float) -> None:
        """A moment that nobody chose."""
        time.sleep(self.random.uniform(least, most))

    def resumes_after(self, what: str) -> None:
        """Something else was broken; see that all goes on."""
        self._resumes(self.fault(what), self._left())

    def _left(self) -> list[Lag]:
        return [lag for lag in lags(self.deployment.settings) if lag.records]

    def _resumes(self, fault: Fault, before: list[Lag]) -> None:
        """Wait until every partition that had work left has done some of it."""
        began = time.monotonic()
        fault.left = sum(lag.records for lag in before)
        behind = {(lag.stage, lag.partition): lag.end - lag.records for lag in before}
        while behind:
            time.sleep(LOOK_EVERY)
            for lag in lags(self.deployment.settings):
                if lag.end - lag.records > behind.get((lag.stage, lag.partition), lag.end):
                    del behind[lag.stage, lag.partition]
            took = time.monotonic() - began
            late = f"{fault}: no progress for {took:.0f} s at {sorted(behind)}\n{self}"
            assert took < RESUMES_WITHIN * PATIENCE, f"{late}\n{self.deployment.logs()}"
        fault.seconds = time.monotonic() - began


def ends(deployment: Deployment) -> int:
    """How many records there are, those of state included."""
    settings = deployment.settings
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka)
    try:
        name = topic_name(settings, "state")
        state = [TopicPartition(name, n) for n in range(settings.kafka_partitions)]
        return sum(consumer.end_offsets(state).values()) + sum(
            lag.end for lag in lags(settings)
        )
    finally:
        consumer.close()
