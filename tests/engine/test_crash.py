"""Crash: a replay that is killed at any moment and started again ends like one that was not."""

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from pipeline.simulate import simulate
from tests.engine import groups
from tests.engine.everything import assert_same, everything
from tests.engine.test_local import signals, write

EXAMPLE = Path(__file__).parent / "example.yaml"
ROOT = Path(__file__).parents[2]


class Work(NamedTuple):
    """What is replayed, in groups of how many signals."""

    files: list[Path]
    config: Path
    until: str
    group: int

    def command(self, data: Path, *, rebuild: bool) -> list[str]:
        begin = [sys.executable, str(Path(groups.__file__)), str(self.group)]
        if rebuild:
            return [*begin, "rebuild", str(data)]
        return [
            *begin,
            "replay",
            str(data),
            str(self.config),
            self.until,
            *map(str, self.files),
        ]


class Killed(NamedTuple):
    """How far a process had come when it was killed."""

    ended: bool
    outbox: int


def finish(work: Work, data: Path, *, rebuild: bool = False) -> float:
    """Run to the end; how long it took after everything was loaded."""
    with _start(work, data, rebuild=rebuild) as process:
        began = time.monotonic()
        assert process.wait(timeout=600) == 0
        return time.monotonic() - began


def kill(
    work: Work, data: Path, moment: Callable[[], bool], *, rebuild: bool = False
) -> Killed:
    """Run until the moment has come, and then no instruction further."""
    with _start(work, data, rebuild=rebuild) as process:
        while process.poll() is None and not moment():
            time.sleep(0.001)
        ended = process.poll() is not None
        process.kill()
    return Killed(ended, _outbox(data))


def _start(work: Work, data: Path, *, rebuild: bool) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        work.command(data, rebuild=rebuild),
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _outbox(data: Path) -> int:
    """Groups that are committed and not yet known to be in the store."""
    path = data / "state.sqlite"
    if not path.exists():
        return 0
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db,
    ):
        return int(db.execute("SELECT count(*) FROM outbox").fetchone()[0])
    return 0


def after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def between_commit_and_send(data: Path) -> Callable[[], bool]:
    return lambda: _outbox(data) > 0


def moments(data: Path, longest: float, seed: int) -> Iterator[Callable[[], bool]]:
    """Every third time as soon as a group is committed, else at random."""
    dice = random.Random(seed)
    number = 0
    while True:
        number += 1
        yield (
            between_commit_and_send(data)
            if number % 3 == 0
            else after(dice.uniform(0, longest))
        )


def example(folder: Path) -> Work:
    stated = yaml.safe_load(EXAMPLE.read_text())
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(stated["config"]))
    file = write(folder / "signals.ndjson", signals())
    return Work([file], config, stated["until"], 8)


def test_two_kills_leave_nothing_behind(tmp_path: Path) -> None:
    """Killed after the first commit and a little later, a replay ends with the same views."""
    work = example(tmp_path)
    finish(work, tmp_path / "whole")
    data = tmp_path / "killed"
    first = kill(work, data, between_commit_and_send(data))
    assert (first.ended, first.outbox) == (False, 1)
    kill(work, data, after(0.2))
    finish(work, data)
    assert_same(everything(tmp_path / "whole"), everything(data))


@pytest.mark.prove
def test_twenty_kills_leave_nothing_behind(tmp_path: Path) -> None:
    """Killed at 20 moments spread over the replay of an organisation, the views are the same."""
    simulation = simulate(tmp_path / "simulation", days=60, wide=True)
    work = Work(simulation.signals, simulation.config, simulation.until, 500)
    took = finish(work, tmp_path / "whole")
    data = tmp_path / "killed"
    moment = moments(data, took / 10, seed=1)
    killed = [kill(work, data, next(moment)) for _ in range(20)]
    assert not any(one.ended for one in killed)
    assert any(one.outbox for one in killed)
    finish(work, data)
    assert_same(everything(tmp_path / "whole"), everything(data))


@pytest.mark.prove
def test_a_killed_rebuild_is_finished_by_whoever_comes_next(tmp_path: Path) -> None:
    """A rebuild that is killed, again and again, ends with the views that there were."""
    simulation = simulate(tmp_path / "simulation", days=60, wide=True)
    work = Work(simulation.signals, simulation.config, simulation.until, 500)
    data = tmp_path / "data"
    finish(work, data)
    before = everything(data)
    took = finish(work, data, rebuild=True)
    moment = moments(data, took, seed=2)
    killed = [kill(work, data, next(moment), rebuild=True) for _ in range(6)]
    assert not all(one.ended for one in killed)
    finish(work, data)
    assert_same(before, everything(data))
