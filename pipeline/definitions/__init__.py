"""Configuration as code: teams, services, subjects, goals and all else that is measured.

One YAML file or a folder of them. `check_definitions` says everything that is wrong, with file
and line; `load_definitions` gives the typed result and refuses what cannot be used.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.definitions import records
from pipeline.definitions.checks import cross_check
from pipeline.definitions.reading import LISTS, SINGLES, Entry, check_record, read_entries
from pipeline.errors import ConfigError, Problem

__all__ = ["Definitions", "check_definitions", "check_record", "load_definitions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """All records of a configuration; a record with several versions stands several times."""

    organisation: records.Organisation | None = None
    teams: tuple[records.Team, ...] = ()
    services: tuple[records.Service, ...] = ()
    subjects: tuple[records.Subject, ...] = ()
    goals: tuple[records.Goal, ...] = ()
    scenarios: tuple[records.Scenario, ...] = ()
    sources: tuple[records.Source, ...] = ()
    audience: tuple[records.Reader, ...] = ()
    notify: records.Notify | None = None
    rules: records.Rules | None = None
    problems: tuple[Problem, ...] = ()
    """What did not keep it from being loaded: dangling names and notes."""

    def records(self) -> Iterator[tuple[str, str, dt.date | None, dict[str, Any]]]:
        """Every record as (kind, id, from, JSON-able dict), in the order of the contract.

        The dict says what the file says: no defaults, `from` and `class` by these names.
        """
        for section in ("organisation", *LISTS, "notify", "rules"):
            kind = {**SINGLES, **LISTS}[section]
            found = getattr(self, section)
            if isinstance(found, records.Record):
                yield kind.name, kind.name, None, found.written()
            elif found:
                for record in found:
                    yield kind.name, record.id, record.from_, record.written()

    def without_from(self) -> list[tuple[str, str]]:
        """Kind and id of what is in force from the beginning: a change rewrites the past."""
        return [(kind, id) for kind, id, start, _ in self.records() if start is None]


def check_definitions(path: Path) -> list[Problem]:
    """Everything that is wrong in a file or folder, by file and line."""
    entries, problems = read_entries(path)
    return _sorted([*problems, *cross_check(entries)])


def load_definitions(path: Path) -> Definitions:
    """Read a file or a folder of definitions.

    Raises ConfigError when a part cannot be used. A name that is not defined here (a team, a
    subject) does not stop it: a signal may define it. It stands in `problems`.
    """
    entries, problems = read_entries(path)
    problems = _sorted([*problems, *cross_check(entries)])
    if broken := [problem for problem in problems if problem.level == "broken"]:
        raise ConfigError(broken)
    found: dict[str, Any] = {}
    for section in LISTS:
        found[section] = tuple(_of(entries, section))
    for section in SINGLES:
        found[section] = next(iter(_of(entries, section)), None)
    return Definitions(**found, problems=tuple(problems))


def _of(entries: list[Entry], section: str) -> list[records.Record]:
    return [e.record for e in entries if e.section == section and e.record is not None]


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda p: (p.file or "", p.line or 0, p.key, p.message))
