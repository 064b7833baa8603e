"""Tries again what may go well later: the network, and the conditions of a server that pass."""

import logging
import time
from collections.abc import Callable
from secrets import SystemRandom
from typing import NamedTuple, TypeVar

from pipeline.errors import StoreUnavailable

log = logging.getLogger(__name__)

Value = TypeVar("Value")

CONDITIONS = {
    "159": "timeout exceeded",
    "202": "too many queries",
    "203": "no free connection",
    "209": "socket timeout",
    "210": "network error",
    "236": "aborted",
    "241": "memory limit",
    "242": "table is read only",
    "243": "not enough space",
    "252": "too many parts",
    "285": "too few live replicas",
    "319": "unknown state of an insert",
    "394": "query was cancelled",
    "425": "system error",
    "439": "no free thread",
    "473": "deadlock avoided",
    "745": "server overloaded",
    "999": "keeper error",
    "1000": "network error",
}
"""Codes of ClickHouse that tell of its condition, not of the SQL."""

REFUSED_LOGIN = {"192": "unknown user", "193": "wrong password", "516": "authentication failed"}
"""Codes of ClickHouse for a wrong user or password: no time heals that."""


class Patience(NamedTuple):
    """How long to try: pauses double from `first` to `most` until `seconds` are over."""

    seconds: float
    first: float = 0.1
    most: float = 5.0


NEVER = Patience(0.0)
"""The first failure is the answer, as a person at a terminal wants it."""

WORKER = Patience(30.0)
"""A program that runs on: longer than a restart takes, shorter than its own watchdog waits."""


def retried(
    act: Callable[[], Value],
    patience: Patience,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Value:
    """Do it until it succeeds, or raise the last StoreUnavailable when patience is over.

    Nothing else is tried again. What was done although its answer was lost is done twice.
    """
    end = clock() + patience.seconds
    pause = patience.first
    while True:
        try:
            return act()
        except StoreUnavailable as error:
            # Many workers that lost the same server must not come back in step.
            wait = pause * SystemRandom().uniform(0.5, 1.0)
            if clock() + wait > end:
                raise
            log.warning("%s; again in %.1f s", error.message, wait)
            sleep(wait)
            pause = min(2 * pause, patience.most)
