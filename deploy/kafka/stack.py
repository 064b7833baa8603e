"""A whole deployment on this machine, in one terminal and without Docker: `make stack`.

Kafka from its jars, the topics, one worker with the embedded ClickHouse, and a configuration:
that of a simulated organisation, whose signals lie ready, or your own. All of it lives in one
folder, which the next start goes on with. Ctrl-C ends it all.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from deploy.kafka.broker import Broker, MissingError, cache, end_with_us, java_version
from pipeline.simulate import simulate
from pipeline.store import address

FOLDER = Path(".stack")

READY_WITHIN = 120.0
"""Seconds; a worker takes ten where nothing else runs."""

SIGNALS = (sys.executable, "-m", "pipeline.cli")


class FailedError(Exception):
    """It cannot go on; the message says why."""


def say(text: str = "") -> None:
    print(text, flush=True)


def main() -> None:
    """Run the stack until Ctrl-C; exit code 1 and one line where that cannot be."""
    asked = arguments()
    signal.signal(signal.SIGTERM, interrupt)
    # a shell without job control starts what is in the background without Ctrl-C
    signal.signal(signal.SIGINT, interrupt)
    try:
        with Stack(asked.folder.resolve(), asked.config, asked.workers).running() as stack:
            say(stack.next())
            stack.watch()
    except KeyboardInterrupt:
        say(
            f"stopped; the data stays in {asked.folder}: start again to go on, remove it to begin anew"
        )
    except (MissingError, FailedError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make stack", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where all of it lives")
    parser.add_argument(
        "--config", type=Path, help="your definitions, in place of the simulated"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that react")
    return parser.parse_args()


def interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


class Stack:
    """What runs, and where."""

    def __init__(self, folder: Path, config: Path | None, workers: int) -> None:
        self.folder = folder
        self.settings = folder / "settings.toml"
        self.data = folder / "data"
        self.log = folder / "worker.log"
        self.config = config
        self.workers = workers
        self.signals: list[Path] = []
        self.broker: Broker | None = None
        self.worker: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator["Stack"]:
        """Start everything; stop it in the end, also what was half started."""
        try:
            self._start()
            yield self
        finally:
            # who presses Ctrl-C again waits no longer for it
            for name in (signal.SIGINT, signal.SIGTERM):
                signal.signal(name, signal.SIG_IGN)
            self._stop()

    def _start(self) -> None:
        java_version()
        self.folder.mkdir(parents=True, exist_ok=True)
        if not cache().exists():
            say("kafka     fetches its jars, once: 43 MB through Maven ...")
        self.broker = Broker(self.folder / "kafka")
        self.broker.start()
        say(f"kafka     listens at {self.broker.address}")
        if self.config is None:
            simulated = simulate(self.folder / "demo")
            self.config, self.signals = simulated.config, list(simulated.signals)
        self._write_settings(self.broker.address)
        self._run("topics")
        say("topics    are there")
        self._start_worker()
        say(
            f"worker    works; health and metrics at http://{address.running(self.data)}/metrics"
        )
        self._run("config", "publish", str(self.config))
        say(f"config    {self.config} is published")

    def _write_settings(self, kafka: str) -> None:
        settings = {
            "kafka": kafka,
            "data": str(self.data),
            "config": str(self.config),
            # the simulated signals are of the past and bring their own time
            "ticker": "off" if self.signals else "on",
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        self.settings.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def environ(self) -> Mapping[str, str]:
        """Nothing from outside changes what stands in the settings file."""
        kept = {name: value for name, value in os.environ.items() if "SIGNALS_" not in name}
        return kept | {"SIGNALS_SETTINGS": str(self.settings)}

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [*SIGNALS, *command], env=self.environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise FailedError(done.stderr.strip().removeprefix("error: "))

    def _start_worker(self) -> None:
        with self.log.open("ab") as log:
            self.worker = subprocess.Popen(
                [*SIGNALS, "worker", "--workers", str(self.workers)],
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the stack, which stops it
                preexec_fn=end_with_us,  # noqa: PLW1509 - no thread of ours forks
            )
        limit = time.monotonic() + READY_WITHIN
        while not self._ready():
            if self.worker.poll() is not None or time.monotonic() > limit:
                raise self._worker_failed("did not become ready")
            time.sleep(0.2)

    def _ready(self) -> bool:
        where = address.running(self.data)
        if where is None:
            return False
        try:
            with urllib.request.urlopen(f"http://{where}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    def _worker_failed(self, what: str) -> FailedError:
        lines = self.log.read_text(errors="replace").splitlines() or [""]
        return FailedError(f"the worker {what}, see {self.log}: {lines[-1]}")

    def next(self) -> str:
        """What to type now."""
        signals = f"{sys.prefix}/bin/signals"
        files = f"{self.signals[0].parent}/signals-*" if self.signals else "FILE..."
        return f"""
In another terminal:

  export SIGNALS_SETTINGS={self.settings}
  {signals} publish {files}
  {signals} status --wait-idle
  {signals} query "SELECT title, value, target, status FROM signals.goals_now"
  {signals} digest

Ctrl-C ends it all. The log of the worker is {self.log}.
"""

    def watch(self) -> NoReturn:
        """Wait for Ctrl-C; raises FailedError where something ends by itself."""
        assert self.worker is not None
        assert self.broker is not None
        while True:
            if self.worker.poll() is not None:
                raise self._worker_failed(f"ended with exit code {self.worker.returncode}")
            if not self.broker.lives:
                raise FailedError(
                    f"Kafka ended by itself, see {self.folder / 'kafka'}/broker.log"
                )
            time.sleep(0.2)

    def _stop(self) -> None:
        if self.worker is not None and self.worker.poll() is None:
            say("stopping ...")
            self.worker.terminate()
            try:
                self.worker.wait(15)
            except subprocess.TimeoutExpired:
                self.worker.kill()
                self.worker.wait()
        if self.broker is not None:
            self.broker.stop()


if __name__ == "__main__":
    main()
