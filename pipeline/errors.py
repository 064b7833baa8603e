"""Everything that may go wrong on purpose, named by what the caller does next.

    DeliverySignalsError      print it, exit with `exit_code`
    ├── UsageError            correct the command (exit 2)
    ├── ConfigError           correct a file or a variable
    ├── InputError            name another file: it is missing or cannot be read
    ├── NotFound              ask for something else: nothing has this name
    ├── QueryError            correct the SQL
    ├── WorkerEnded           read its log, then start all workers anew
    ├── BrokerError           look after Kafka
    │   ├── BrokerUnavailable try again later, or correct `SIGNALS_KAFKA`
    │   └── TopicsDiffer      run `signals topics`, or what the message says
    └── StoreError            look after the store
        ├── StoreUnavailable  try again later
        ├── StoreLocked       wait for the other process, or stop it
        └── SchemaOutdated    run `signals migrate`

A bad line, delivery or signal is no error: it goes to `rejections` and the run goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Level = Literal["broken", "dangling", "note"]
"""broken: cannot be used. dangling: names what is not defined here; a signal may still define
it. note: allowed, worth knowing."""


class DeliverySignalsError(Exception):
    """What is wrong and where (`message`), and what to do about it (`remedy`)."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class UsageError(DeliverySignalsError):
    """The command was called wrongly."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a file or a variable, and what to do about it."""

    message: str
    remedy: str = ""
    file: str | None = None
    line: int | None = None
    key: str = ""
    value: str | None = None
    level: Level = "broken"

    @property
    def where(self) -> str:
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        value = "" if self.value is None else f" ({self.value})"
        said = ": ".join(part for part in (self.where, self.key + value, self.message) if part)
        return f"{said}; {self.remedy}" if self.remedy else said


class ConfigError(DeliverySignalsError):
    """A setting or a definition cannot be used; `problems` has all of them, worst first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = len(problems) - 1
        said = str(first) if not more else f"{first} (and {more} more: `signals config check`)"
        super().__init__(said)
        self.remedy = first.remedy
        self.problems = tuple(problems)
        self.file = first.file
        self.line = first.line
        self.key = first.key
        self.value = first.value

    def __str__(self) -> str:
        return self.message


class InputError(DeliverySignalsError):
    """A file that was named is missing or cannot be read."""


class NotFound(DeliverySignalsError):  # noqa: N818 - it says what the answer is
    """Nothing has the name that was asked for."""


class QueryError(DeliverySignalsError):
    """ClickHouse refused the SQL that a user wrote."""


class WorkerEnded(DeliverySignalsError):  # noqa: N818 - as NotFound
    """One of several workers ended by itself."""


class BrokerError(DeliverySignalsError):
    """Kafka did not do what it was told."""


class BrokerUnavailable(BrokerError):  # noqa: N818 - as NotFound
    """No broker answers; later one may."""


class TopicsDiffer(BrokerError):  # noqa: N818 - as NotFound
    """Topics are not as the settings say."""


class StoreError(DeliverySignalsError):
    """The store did not do what it was told."""


class StoreUnavailable(StoreError):  # noqa: N818 - as NotFound
    """The server does not answer; later it may."""


class StoreLocked(StoreError):  # noqa: N818 - as NotFound
    """Another process holds the data directory; the embedded engine allows one."""


class SchemaOutdated(StoreError):  # noqa: N818 - as NotFound
    """The store's schema is not that of this version."""
