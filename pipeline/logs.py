"""Logs of long-running programs: one event, one line of JSON on stderr.

    {"time": "2026-03-02T10:00:00.000Z", "level": "info", "stage": "react", "message": "..."}

The stage is that of the task that speaks. Where one signal is concerned, `signal` has its id:
whoever speaks of one says `extra={"signal": id}`.
"""

import datetime as dt
import json
import logging
from contextvars import ContextVar

STAGE: ContextVar[str | None] = ContextVar("stage", default=None)
"""Set before a stage starts: the tasks that it starts inherit it."""

EXTRAS = ("signal", "rejection")
"""What an event may be about, by the name of its field."""

LIBRARIES = ("aiokafka", "faust", "kafka", "mode")
"""Of these warnings are enough: they tell of each of their services."""


class Lines(logging.Formatter):
    """An event as one line of JSON, whatever its message holds."""

    def format(self, record: logging.LogRecord) -> str:
        at = dt.datetime.fromtimestamp(record.created, dt.UTC)
        event: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "stage": STAGE.get(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: getattr(record, name, None) for name in EXTRAS},
        }
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in event.items() if value is not None})


def to_stderr() -> None:
    """Log to stderr, as lines of JSON; in place of all other ways."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
