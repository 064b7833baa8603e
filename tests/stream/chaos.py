"""Breaks a deployment at moments that a seed decides, and remembers what was hit when."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.engine.lag import Lag, lags
from tests.stream.deployment import Deployment

RESUMES_WITHIN = 20.0
"""Seconds from a fault to progress wherever work is left."""

PATIENCE = 3.0
"""So many times longer a busy machine may take before a test calls it stuck."""

FROZEN = 9.0
"""Seconds: longer than the session of a worker."""

PARSE_AND_STORE = "store"
"""The name of the worker that parses and stores; all others react."""


class Chaos:
    """Faults for the workers of a deployment, which have names."""

    def __init__(self, deployment: Deployment, seed: int) -> None:
        self.deployment = deployment
        self.random = random.Random(seed)
        self.happened: list[str] = []
        self._began = time.monotonic()
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    def note(self, what: str) -> None:
        self.happened.append(f"{time.monotonic() - self._began:6.1f} s  {what}")

    def __str__(self) -> str:
        return "what happened:\n" + "\n".join(self.happened)

    def start(self, *names: str) -> None:
        for name in names:
            if name == PARSE_AND_STORE:
                self._workers[name] = self.deployment.start("parse,store")
            else:
                self._workers[name] = self.deployment.start("react", name)

    def dies(self, name: str, step: str, times: int, run: int) -> None:
        """A worker that kills itself at this step."""
        worker = self._hit(name, "SIGKILL", step, times, run)
        assert worker.wait() == -signal.SIGKILL, f"{step}\n{self.deployment.logs()}"

    def fails(self, name: str, step: str, times: int, run: int) -> None:
        """A worker that an error ends at this step."""
        worker = self._hit(name, "raise", step, times, run)
        assert worker.wait() == 1, f"{step}\n{self.deployment.logs()}"

    @contextmanager
    def freezes(self, name: str, step: str, times: int, run: int) -> Iterator[None]:
        """A worker that is frozen at this step while something is done, and then goes on."""
        worker = self._hit(name, "SIGSTOP", step, times, run)
        try:
            yield
        finally:
            worker.send_signal(signal.SIGCONT)
            self.deployment.workers.append(worker)
        self.note(f"{name} goes on")

    def _hit(
        self, name: str, how: str, step: str, times: int, run: int
    ) -> subprocess.Popen[bytes]:
        worker = self.deployment.begin(
            *("worker", "--only", "store" if name == PARSE_AND_STORE else "react"),
            data="data" if name == PARSE_AND_STORE else name,
            by=("-m", "tests.stream.dying", how, step, str(times), str(run)),
        )
        limit = time.monotonic() + RESUMES_WITHIN * PATIENCE
        flags = os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, worker.pid, flags) is None:
            late = f"never {step}: {lags(self.deployment.settings)}\n{self}"
            assert time.monotonic() < limit, f"{late}\n{self.deployment.logs()}"
            time.sleep(0.1)
        self.note(f"{name}: {how} {step}, the {times}. time, with runs of {run}")
        return worker

    def wait(self, least: float, most: float) -> None:
        """A moment that nobody chose."""
        time.sleep(self.random.uniform(least, most))

    def kill(self, name: str) -> None:
        """SIGKILL a worker and start it anew, on its own data."""
        before = self._left()
        self.deployment.kill(self._workers[name])
        self.start(name)
        self._resumes(f"{name} killed", before)

    def freeze(self, name: str) -> None:
        """SIGSTOP past the session; what the others do meanwhile, then SIGCONT."""
        worker = self._workers[name]
        before = self._left()
        worker.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            self._resumes(f"{name} frozen", before)
            time.sleep(max(0.0, FROZEN - (time.monotonic() - began)))
        finally:
            worker.send_signal(signal.SIGCONT)
        self.note(f"{name} goes on")

    def resumes_after(self, what: str) -> None:
        """Something else was broken; see that all goes on."""
        self._resumes(what, self._left())

    def _left(self) -> list[Lag]:
        return [lag for lag in lags(self.deployment.settings) if lag.records]

    def _resumes(self, what: str, before: list[Lag]) -> None:
        """Wait until every partition that had work left has done some of it."""
        began = time.monotonic()
        behind = {(lag.stage, lag.partition): lag.end - lag.records for lag in before}
        while behind:
            for lag in lags(self.deployment.settings):
                if lag.end - lag.records > behind.get((lag.stage, lag.partition), lag.end):
                    del behind[lag.stage, lag.partition]
            took = time.monotonic() - began
            late = f"{what}: no progress for {took:.0f} s at {sorted(behind)}\n{self}"
            assert took < RESUMES_WITHIN * PATIENCE, f"{late}\n{self.deployment.logs()}"
        took = time.monotonic() - began
        slow = "  SLOW" if took > RESUMES_WITHIN else ""
        work = sum(lag.records for lag in before)
        self.note(f"{what} with {work} records left; all go on after {took:.1f} s{slow}")
