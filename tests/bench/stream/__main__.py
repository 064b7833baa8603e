"""How fast the stream engine is here: `make bench-stream`, or `python -m tests.bench.stream PART ...`.

Parts: `fold` (against stock Faust and Quix Streams), `path` (CPU by stage), `latency` (at a steady
rate), `workers` (CPU by number of workers), `recovery` (of a large state). All run on a broker of
their own. It reports and never fails.
"""

# ruff: noqa: T201 -- a benchmark prints

import argparse
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path

from deploy.kafka.broker import POM, Broker
from tests.bench.stream import fold, latency, path, recovery

PARTS = ("fold", "path", "latency", "workers", "recovery")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stream", description=__doc__)
    parser.add_argument("what", nargs="*", help=f"of {', '.join(PARTS)}; else all")
    parser.add_argument("--signals", type=int, default=200_000, help="of the fold")
    parser.add_argument("--load", type=int, default=20_000, help="signals of path and workers")
    parser.add_argument("--rate", type=int, default=1000, help="signals per second of latency")
    parser.add_argument("--minutes", type=float, default=10.0, help="of latency")
    parser.add_argument("--workers", type=int, default=2, help="that react, of latency")
    parser.add_argument("--parts", type=int, default=1_000_000, help="of state, of recovery")
    parser.add_argument("--quix", type=Path, help="a Python that has Quix Streams")
    parser.add_argument("--note", default="", help="what else the machine does, for the table")
    arguments = parser.parse_args()
    what = arguments.what or PARTS
    if unknown := set(what) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}: {', '.join(PARTS)}")
    print(_machine(arguments.note), flush=True)
    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="bench-stream") as folder:
        place = Path(folder)
        broker = Broker(place / "broker")
        broker.start()
        try:
            if "fold" in what:
                rows += fold.measured(broker, place, arguments.signals, arguments.quix)
            if "path" in what:
                rows += path.measured(broker, place, arguments.load)
            if "latency" in what:
                rows += latency.measured(
                    broker, place, arguments.rate, arguments.minutes, arguments.workers
                )
            if "workers" in what:
                rows += path.by_workers(broker, place, arguments.load)
            if "recovery" in what:
                rows += recovery.measured(broker, place, arguments.parts)
        finally:
            broker.stop()
    print("\n| what | measured | aim |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def _machine(note: str) -> str:
    kafka = POM.read_text(encoding="utf-8").partition("kafka_2.13</artifactId>")[2]
    kafka = kafka.partition("<version>")[2].partition("<")[0]
    names = ("faust-streaming", "aiokafka", "chdb")
    found = [f"{name} {version(name)}" for name in names]
    said = [
        platform.processor() or platform.machine(),
        f"{os.cpu_count()} cores, broker included",
        f"load {os.getloadavg()[0]:.1f} before",
        f"Python {platform.python_version()}",
        f"Kafka {kafka}",
        *found,
    ]
    return ", ".join([*said, note] if note else said)


if __name__ == "__main__":
    main()
