"""What can be seen of a history after the pipeline has run."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from tests.history.lines import Event
from tests.history.maths import Stays


class Views:
    """The public views of one data directory; instants come as milliseconds UTC."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        # The embedded ClickHouse takes a second to load; half of the tests here do not need it.
        from pipeline.store.client import open_store  # noqa: PLC0415

        with open_store(self._data) as store:
            found = store.rows(sql, parameters)
        return [{name: _plain(value) for name, value in row.items()} for row in found]

    def one(self, sql: str, **parameters: Any) -> Any:
        """The only value of the only row."""
        [row] = self.rows(sql, **parameters)
        [value] = row.values()
        return value

    def stays(self, subject: str) -> Stays:
        """Per adopter, from when until when it had adopted the subject."""
        sql = "SELECT adopter, stays FROM signals.adopters WHERE subject = {subject:String}"
        found = self.rows(sql, subject=subject)
        return {row["adopter"]: sorted(row["stays"]) for row in found if row["stays"]}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, list | tuple):
        return type(value)(_plain(part) for part in value)
    return value


class ReplayFiles(Protocol):
    def __call__(self, files: list[Path], config: Path, until: str | None = None) -> Views: ...


class ReplayEvents(Protocol):
    def __call__(self, events: Iterable[Event], definitions: Mapping[str, Any]) -> Views: ...
