"""`make stack`: from nothing to a first answer in one terminal, and nothing left behind."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.kafka.broker import MissingError, jars
from tests.stream.deployment import ROOT
from tests.stream.workers import wait_until


@pytest.fixture(autouse=True)
def _can_run() -> None:
    try:
        jars()
    except MissingError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


class Running:
    """A stack in a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.out = folder / "out"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "deploy.kafka.stack",
                    "--folder",
                    folder / "stack",
                    *arguments,
                ],
                stdout=out,
                stderr=out,
                cwd=ROOT,
                env=os.environ | environ,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.out.read_text()

    def wait_for(self, words: str) -> None:
        def said() -> bool:
            assert self.process.poll() is None or words in self.text, self.text
            return words in self.text

        wait_until(words, said, 150)

    def told(self) -> list[str]:
        """The commands that it tells to type, as lines of a shell."""
        return re.findall(r"^  (\S.*)$", self.text, re.MULTILINE)

    def ctrl_c(self) -> float:
        """As a terminal does; seconds until it had ended."""
        begun = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.wait(40) == 0, self.text
        return time.monotonic() - begun


@contextmanager
def stack(folder: Path, *arguments: str) -> Iterator[Running]:
    running = Running(folder, *arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def typed(commands: list[str]) -> str:
    """What a shell prints that is given these lines."""
    return subprocess.run(
        ["sh", "-ec", "\n".join(commands)], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout


def left(folder: Path) -> list[str]:
    """Processes that name the folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


@pytest.mark.prove
def test_what_it_tells_to_type_works(tmp_path: Path) -> None:
    """The demo is published and answers; Ctrl-C ends all; the next start goes on with it.

    Linux ends all as well where the stack itself is killed.
    """
    with stack(tmp_path) as running:
        running.wait_for("Ctrl-C ends it all")
        told = running.told()
        words = [shlex.split(line) for line in told]
        assert [line[1] for line in words[1:]] == ["publish", "status", "query", "digest"]
        answer = typed(told)
        assert "Tracking kept" in answer
        assert "Basically done:" in answer
        assert left(tmp_path)
        assert running.ctrl_c() < 30
        assert "the data stays in" in running.text.splitlines()[-1]
    assert left(tmp_path) == []

    with stack(tmp_path) as running:
        running.wait_for("Ctrl-C ends it all")
        sql = "SELECT count() AS n FROM signals.signals"
        query = f"{running.told()[3].split(' query ')[0]} query '{sql}' --json"
        assert json.loads(typed([running.told()[0], query]))[0]["n"] > 18_000
        running.process.kill()
        running.process.wait()
        if sys.platform == "linux":
            wait_until("nobody is left alone", lambda: not left(tmp_path), 30)


@pytest.mark.prove
def test_wrong_definitions(tmp_path: Path) -> None:
    """What cannot be used is told in a line, and nothing is left running."""
    definitions = tmp_path / "acme.yaml"
    definitions.write_text("teems: []\n")
    with stack(tmp_path, "--config", str(definitions)) as running:
        assert running.process.wait(150) == 1
        last = running.text.splitlines()[-1]
        assert last.startswith(f"error: {definitions}:1: teems")
    assert left(tmp_path / "stack") == []


def test_no_java(tmp_path: Path) -> None:
    """One line says what is missing."""
    (tmp_path / "bin").mkdir()
    running = Running(tmp_path, PATH=str(tmp_path / "bin"))
    assert running.process.wait(60) == 1
    (line,) = running.text.splitlines()
    assert line.startswith("error: no `java` on the PATH: the broker needs Java 17")


def test_no_maven(tmp_path: Path) -> None:
    """The same where the jars are still to be fetched."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text("#!/bin/sh\necho 'openjdk version \"21.0.1\"' >&2\n")
    (tmp_path / "bin" / "java").chmod(0o755)
    path = f"{tmp_path / 'bin'}"
    running = Running(tmp_path, PATH=path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert running.process.wait(60) == 1
    assert running.text.splitlines()[-1].startswith("error: no `mvn` on the PATH")
