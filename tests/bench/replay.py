"""Replays of a large workload to committed rows: rate, memory, cost by size, and a late handful."""

# ruff: noqa: T201 -- a benchmark prints

import cProfile
import json
import os
import platform
import pstats
import resource
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, get_args

import chdb

from pipeline.engine.local import LocalEngine
from pipeline.engine.replay import run
from pipeline.simulate.load import Mix, load
from pipeline.store.client import open_store
from pipeline.store.migrate import migrate

MIXES: tuple[Mix, ...] = get_args(Mix)
SMALL = 10_000
FEW = 100
ADOPTERS_PER_SIGNAL = 0.2
"""200,000 adopters at a million signals."""


def measure(files: Sequence[Path], data: Path, config: Path) -> dict[str, Any]:
    """Replay files into a data directory, in this process."""
    wall, cpu = perf_counter(), process_time()
    with open_store(data) as store:
        migrate(store)
        opened = perf_counter()
        with LocalEngine(data, store) as engine:
            summary = run(engine, files, config=config)
            reads, writes = engine.parts.reads, engine.parts.writes
    return {
        "lines": summary.lines,
        "wall": perf_counter() - wall,
        "start": opened - wall,
        "cpu": process_time() - cpu,
        "reads": reads,
        "writes": writes,
        "peak": peak_memory(),
    }


def peak_memory() -> int:
    """Bytes that this process held at most.

    What the system tells of a process counts its parent's memory on Linux, where both are one
    until the program starts; what it tells of the memory does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        held = next(line for line in status.read_text().splitlines() if "VmHWM" in line)
        return int(held.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def apart(files: Sequence[Path], data: Path, config: Path) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, *map(str, (data, config, *files))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def say(name: str, found: dict[str, Any]) -> None:
    lines, cpu = found["lines"], found["cpu"]
    print(
        f"{name:28} {lines:>9,}  {found['wall']:7.1f} s  {lines / found['wall']:>8,.0f}/s"
        f"  {cpu / lines * 1e6:6.1f} µs  {found['peak'] / 2**20:6.0f} MiB"
        f"  {found['reads'] / lines:5.2f}  {found['writes'] / lines:5.2f}",
        flush=True,
    )


def main(signals: int, mixes: Sequence[Mix], *, profiled: bool) -> None:
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores,", end=" ")
    print(f"Python {platform.python_version()}, chDB {chdb.__version__}")
    heads = ("wall", "signals/s", "cpu/signal", "peak", "reads", "writes")
    print(f"{'replay':28} {'signals':>9}", *(f"{head:>10}" for head in heads))
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        for mix in mixes:
            for size in (SMALL, signals):
                place = Path(folder, f"{mix}-{size}")
                file = place / "load.ndjson"
                adopters = int(size * ADOPTERS_PER_SIGNAL)
                config = load(file, signals=size, mix=mix, adopters=adopters)
                say(mix, apart([file], place / "data", config))
            more = apart([late(file, place)], place / "data", config)
            say(f"{mix}, {FEW} more onto it", more)
            if profiled:
                _profile([file], place / "again", config)


def late(file: Path, place: Path) -> Path:
    """A file of a few new signals: the last ones of another again, under other ids."""
    with file.open(encoding="utf-8") as lines:
        last = deque(lines, FEW)
    found = place / "late.ndjson"
    text = "".join(line.replace('"id":"', '"id":"late-', 1) for line in last)
    found.write_text(text, encoding="utf-8")
    return found


def _profile(files: Sequence[Path], data: Path, config: Path) -> None:
    profile = cProfile.Profile()
    profile.runcall(measure, files, data, config)
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    target, settings, *paths = map(Path, sys.argv[1:])
    json.dump(measure(paths, target, settings), sys.stdout)
