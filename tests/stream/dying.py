"""A worker that hits itself at a step: `python -m tests.stream.dying SIGNAL STEP TIMES RUN ...`.

SIGNAL is SIGKILL, SIGSTOP, or `raise` for an error that nobody foresaw; it comes when the step has
been reached that many times. RUN is how many records a run may have: who comes after it cuts the
same records in another way. The rest are arguments of the program.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from pipeline.cli import main
from pipeline.engine import stream
from pipeline.engine.partition import PartitionParts
from pipeline.engine.stream import Keep, React
from pipeline.engine.transport import GuardedConsumer

STEPS: dict[str, tuple[Any, str, str]] = {
    "before it is written down": (PartitionParts, "begin", "before"),
    "before messages": (React, "_effects", "before"),
    "between messages and rows": (stream.wire, "shipment", "before"),
    "before state": (PartitionParts, "commit", "before"),
    "after state": (React, "run", "after"),
    "before the insert": (Keep, "run", "before"),
    "after the insert": (stream, "_write", "after"),
}
"""Step to what is called there."""


def hit_at(how: str, step: str, times: int) -> None:
    owner, name, when = STEPS[step]
    work: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def hit() -> None:
        nonlocal calls
        calls += 1
        if calls == times:
            print(f"{how} {step}", file=sys.stderr, flush=True)  # noqa: T201 - how it tells
            if how == "raise":
                raise RuntimeError("told to")
            os.kill(os.getpid(), signal.Signals[how])

    def before(*args: Any, **kwargs: Any) -> Any:
        hit()
        return work(*args, **kwargs)

    def after(*args: Any, **kwargs: Any) -> Any:
        done = work(*args, **kwargs)
        hit()
        return done

    async def after_run(*args: Any, **kwargs: Any) -> Any:
        done = await work(*args, **kwargs)
        hit()
        return done

    made = before if when == "before" else after_run if name == "run" else after
    setattr(owner, name, made)


if __name__ == "__main__":
    GuardedConsumer.run_records = int(sys.argv[4])
    hit_at(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    sys.argv[1:] = sys.argv[5:]
    sys.exit(main())
