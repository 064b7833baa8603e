"""Real histories in the box: facts of public repositories, to try the program on."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError

UNTIL = {"controller-runtime": "2026-08-22T22:31:32Z"}
"""Name of a history to the last instant it knows anything about."""


@dataclass(frozen=True, slots=True)
class History:
    """A file of signals, the definitions that go with it, and when the history ends."""

    signals: Path
    config: Path
    until: str


def history(name: str) -> History:
    """Find a history by its name."""
    if name not in UNTIL:
        known = ", ".join(sorted(UNTIL))
        raise UsageError(f"there is no history called {name!r} in the box", f"known: {known}")
    here = Path(__file__).parent
    return History(here / f"{name}.ndjson.zst", here / f"{name}.yaml", UNTIL[name])
