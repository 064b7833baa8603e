"""A worker that hits itself at a step: `python -m tests.stream.dying PLACE RUN ...`.

A line on stdin arms it: `HOW TIMES STEP`. HOW is SIGKILL, SIGSTOP, or `raise` for an error that
nobody foresaw; it comes when the step has been reached that many times from then on. PLACE is a
file that always holds the name of the step that was passed last, so that one knows where a fault
from outside hit. RUN is how many records a run may have: who comes after it cuts the same records
in another way. The rest are arguments of the program.
"""

import functools
import inspect
import mmap
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.cli import main
from pipeline.engine import stream, table
from pipeline.engine.partition import PartitionParts
from pipeline.engine.stream import Parse, React
from pipeline.engine.transport import GuardedConsumer

REACT: dict[str, tuple[Any, str, str]] = {
    "before it is written down": (PartitionParts, "begin", "before"),
    "before messages": (React, "_effects", "before"),
    "after messages, before rows": (stream.wire, "shipment", "before"),
    "after rows": (React, "_effects", "after"),
    "before state": (PartitionParts, "commit", "before"),
    "between check and changelog": (table, "send_whole", "before"),
    "after changelog": (table, "send_whole", "after"),
    "before ack": (React, "run", "after"),
    "after ack": (GuardedConsumer, "ack", "after"),
}
STORE: dict[str, tuple[Any, str, str]] = {
    "before the insert": (stream, "_write", "before"),
    "after the insert": (stream, "_write", "after"),
    "after ack": (GuardedConsumer, "ack", "after"),
}
PARSE: dict[str, tuple[Any, str, str]] = {
    "before parse": (Parse, "run", "before"),
    "after parse": (Parse, "run", "after"),
}
STEPS = REACT | STORE | PARSE
"""Step to what is called there."""

NAME = 64
"""Bytes of the file that holds the name of a step."""


class Steps:
    """Sees every step pass, and strikes where it was told to."""

    def __init__(self, place: Path) -> None:
        place.write_bytes(b" " * NAME)
        with place.open("r+b") as file:
            # what is written there outlives a SIGKILL
            self._place = mmap.mmap(file.fileno(), NAME)
        self._armed: tuple[str, str] = ("", "")
        self._left = 0
        self._lock = threading.Lock()  # the insert has a thread of its own

    def listen(self) -> None:
        for line in sys.stdin:
            how, times, step = line.rstrip("\n").split(" ", 2)
            with self._lock:
                self._armed, self._left = (step, how), int(times)

    def passed(self, step: str) -> None:
        with self._lock:
            self._place[:] = step.encode().ljust(NAME)
            if step != self._armed[0]:
                return
            self._left -= 1
            if self._left:
                return
            how, self._armed = self._armed[1], ("", "")
        if how == "raise":
            raise RuntimeError("told to")
        os.kill(os.getpid(), signal.Signals[how])

    def watch(self, step: str) -> None:
        owner, name, when = STEPS[step]
        work: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(work)
        def before(*args: Any, **kwargs: Any) -> Any:
            self.passed(step)
            return work(*args, **kwargs)

        @functools.wraps(work)
        def after(*args: Any, **kwargs: Any) -> Any:
            done = work(*args, **kwargs)
            self.passed(step)
            return done

        @functools.wraps(work)
        async def after_waiting(*args: Any, **kwargs: Any) -> Any:
            done = await work(*args, **kwargs)
            self.passed(step)
            return done

        waits = inspect.iscoroutinefunction(inspect.unwrap(work))
        setattr(owner, name, before if when == "before" else after_waiting if waits else after)


if __name__ == "__main__":
    steps = Steps(Path(sys.argv[1]))
    for name in STEPS:
        steps.watch(name)
    threading.Thread(target=steps.listen, daemon=True).start()
    GuardedConsumer.run_records = int(sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    sys.exit(main())
