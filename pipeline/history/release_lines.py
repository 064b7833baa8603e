"""The definitions that go with the history: what is asked of every release line.

A line X.Y is a subject: a consumer has adopted it when it requires X.Y.0 or more. The goal is
that half of the consumers take it up within 90 days.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any

import yaml

from pipeline.history.corpus import NAME, PACKAGE, REPOSITORY, Row, read

REQUIRED = "required"
"""The subject that every version meets: who requires the library at all."""

ANY_VERSION = "0.0.0-0"
"""The lowest of all versions."""

DUE = timedelta(days=90)
"""Half of the consumers should have taken a line up after this time."""


def day(row: Row, column: str) -> date:
    """The day of a time, UTC as everything in the corpus."""
    return datetime.fromisoformat(row[column]).astimezone(UTC).date()


def eligible(corpus: Path) -> dict[date, list[str]]:
    """Who requires the library from a day on: from the first pin until it is removed."""
    present: set[str] = set()
    closing: dict[date, list[str]] = {}
    for row in sorted(read(corpus, "adoption.csv"), key=lambda row: row["at"]):
        (present.add if row["version"] else present.discard)(row["consumer"])
        closing[day(row, "at")] = sorted(present)
    before: list[str] = []
    found: dict[date, list[str]] = {}
    for on, names in closing.items():
        if names != before:
            found[on] = before = names
    return found


def subject(id_: str, title: str, at_least: str) -> dict[str, Any]:
    """Requiring a version or a higher one."""
    return {
        "id": id_,
        "title": title,
        "team": NAME,
        "unit": "repo",
        "measure": {"kind": "pinned", "package": PACKAGE, "at_least": at_least},
    }


def versions(
    minor: str, released_on: date, lists: Mapping[date, list[str]]
) -> Iterator[dict[str, Any]]:
    """The subject of a line, anew on each day on which other consumers are eligible."""
    first = subject(f"v{minor}", f"{NAME} {minor}", f"{minor}.0") | {
        "target": {"share": 0.5},
        # Nobody was asked: moving the pin is the only answer this history holds.
        "verification": {"share": 0, "yes": 0},
        "work": {"labels": [f"line:v{minor}"]},
    }
    known = max((on for on in lists if on <= released_on), default=None)
    yield first | {"eligible": lists[known] if known else []}
    for on, names in lists.items():
        if on > released_on:
            yield first | {"from": on.isoformat(), "eligible": names}


def goal(minor: str, released_on: date) -> dict[str, Any]:
    """Half of the consumers on a line."""
    metric = {"kind": "adoption", "subject": f"v{minor}", "unit": "share"}
    return {
        "id": f"half-on-v{minor}",
        "title": f"Half of the consumers on {minor}",
        "level": "product",
        "owners": [NAME],
        "metric": metric | {"baseline": 0, "target": 0.5},
        "starts_on": released_on.isoformat(),
        "due_on": (released_on + DUE).isoformat(),
        "work": {"labels": [f"line:v{minor}"]},
    }


def definitions(corpus: Path) -> dict[str, Any]:
    """Everything that is defined, as the file says it."""
    released: dict[str, date] = {}
    for release in read(corpus, "releases.csv"):
        if release["prerelease"] == "false":
            released.setdefault(release["minor"], day(release, "time"))
    lists = eligible(corpus)
    subjects = [subject(REQUIRED, f"{NAME} at all", ANY_VERSION)]
    for minor, on in released.items():
        subjects += versions(minor, on, lists)
    someone = min(lists)
    return {
        "organisation": {"name": NAME, "timezone": "UTC", "epoch": "2018-01-01"},
        "teams": [{"id": NAME, "title": f"{NAME} maintainers"}],
        "services": [
            {"id": NAME, "repository": REPOSITORY, "team": NAME, "releases": "v*"},
        ],
        "subjects": subjects,
        # The first line was released before anybody was there to take it up.
        "goals": [goal(minor, on) for minor, on in released.items() if on >= someone],
    }


def text(definitions: Mapping[str, Any]) -> str:
    """YAML, one record per line; what repeats (a record, a list of consumers) is named once."""
    said: list[str] = []
    lists: dict[str, str] = {}
    for section, records in definitions.items():
        if not isinstance(records, list):
            said.append(f"{section}: {_flow(records)}")
            continue
        said.append(f"{section}:")
        said += [f"  - {_version(record, lists)}" for record in records]
    return "\n".join(said) + "\n"


def _version(record: Mapping[str, Any], lists: dict[str, str]) -> str:
    if "eligible" not in record:
        return _flow(record)
    names = _flow(record["eligible"])
    if names in lists:
        names_or_alias = f"*{lists[names]}"
    else:
        lists[names] = f"consumers-{len(lists)}"
        names_or_alias = f"&{lists[names]} {names}"
    anchor = record["id"].replace(".", "-")
    if "from" in record:
        # The rest stands in the first version.
        on = _flow({"from": record["from"]})[1:-1]
        return f"{{<<: *{anchor}, {on}, eligible: {names_or_alias}}}"
    rest = _flow({name: value for name, value in record.items() if name != "eligible"})
    return f"&{anchor} {rest[:-1]}, eligible: {names_or_alias}}}"


def _flow(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=inf)
    return text.strip()
