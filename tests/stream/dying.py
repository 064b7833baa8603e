"""A worker that kills itself at a named step: `python -m tests.stream.dying STEP TIMES RUN ...`.

It dies when it has come to the step that many times. RUN is how many records a run may have: who
comes after it cuts the same records in another way. The rest are arguments of the program.
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


def die_at(step: str, times: int) -> None:
    owner, name, when = STEPS[step]
    work: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def die() -> None:
        nonlocal calls
        calls += 1
        if calls == times:
            print(f"dies {step}", file=sys.stderr, flush=True)  # noqa: T201 - how it tells
            os.kill(os.getpid(), signal.SIGKILL)

    def before(*args: Any, **kwargs: Any) -> Any:
        die()
        return work(*args, **kwargs)

    def after(*args: Any, **kwargs: Any) -> Any:
        done = work(*args, **kwargs)
        die()
        return done

    async def after_run(*args: Any, **kwargs: Any) -> Any:
        done = await work(*args, **kwargs)
        die()
        return done

    made = before if when == "before" else after_run if name == "run" else after
    setattr(owner, name, made)


if __name__ == "__main__":
    GuardedConsumer.run_records = int(sys.argv[3])
    die_at(sys.argv[1], int(sys.argv[2]))
    sys.argv[1:] = sys.argv[4:]
    sys.exit(main())
