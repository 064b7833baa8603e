"""A deployment of the stream engine on the test broker: its workers are processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pipeline.config import Settings, variable
from pipeline.engine import topics
from pipeline.engine.lag import lags, wait_idle
from pipeline.store import address
from pipeline.store.client import open_reader
from tests.engine.everything import Rows, views

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from pipeline.cli import main; sys.exit(main())"


class Deployment:
    """Workers and commands that share settings; `folder` holds data and logs."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self._begun: list[subprocess.Popen[bytes]] = []
        self._logs: dict[int, Path] = {}
        topics.ensure(settings)

    def environment(self, data: str) -> dict[str, str]:
        named = ["kafka", "kafka_prefix", "kafka_partitions"]
        if self.settings.clickhouse_url is not None:
            named.append("clickhouse_url")
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            variable("data"): str(self.folder / data),
            variable("ticker"): "off",
            **{variable(name): str(getattr(self.settings, name)) for name in named},
        }

    def start(self, only: str, data: str = "data") -> subprocess.Popen[bytes]:
        worker = self.begin("worker", "--only", only, data=data)
        self.workers.append(worker)
        return worker

    def begin(
        self,
        *arguments: str,
        data: str = "data",
        by: Sequence[str] = ("-c", MAIN),
        stdin: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command of the program, and let it run."""
        number = len(self._begun)
        with (self.folder / f"{arguments[0]}-{number}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *by, *arguments],
                env=self.environment(data),
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        self._begun.append(process)
        self._logs[process.pid] = Path(log.name)
        return process

    def wait_working(self, worker: subprocess.Popen[bytes], within: float = 90) -> None:
        """Wait until a worker has started, by its log."""
        limit = time.monotonic() + within
        while b"is working" not in self._logs[worker.pid].read_bytes():
            assert worker.poll() is None, self.logs()
            assert time.monotonic() < limit, self.logs()
            time.sleep(0.05)

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """SIGKILL; nobody expects this worker to live from now on."""
        self.workers.remove(worker)
        worker.kill()
        worker.wait()

    def run(self, *arguments: str, data: str = "data") -> None:
        """Run a command of the program to its end."""
        subprocess.run(
            [sys.executable, "-c", MAIN, *arguments],
            env=self.environment(data),
            check=True,
            cwd=ROOT,
        )

    def wait_store(self, data: str = "data", within: float = 60) -> None:
        """Wait until the worker with the store can be asked: it alone opens the directory."""
        limit = time.monotonic() + within
        while address.running(self.folder / data) is None:
            assert all(worker.poll() is None for worker in self.workers), self.logs()
            assert time.monotonic() < limit, self.logs()
            time.sleep(0.05)

    def idle(self, within: float = 120) -> None:
        """Wait until all work is done; fails at once where a worker has ended."""
        limit = time.monotonic() + within
        while not wait_idle(self.settings, 5):
            assert all(worker.poll() is None for worker in self.workers), self.logs()
            assert time.monotonic() < limit, f"{lags(self.settings)}\n{self.logs()}"

    def views(self) -> dict[str, Rows]:
        """Every public view, from whoever holds the store now."""
        url = self.settings.clickhouse_url
        if url is None:
            self.wait_store()
        with open_reader(self.folder / "data", url) as store:
            return views(store)

    def logs(self) -> str:
        files = sorted(self.folder.glob("*-*.log"))
        return "\n".join(f"{file.name}: {file.read_text()[-3000:]}" for file in files)

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(12)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

        for process in self._begun:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
