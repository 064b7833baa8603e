"""Files of the corpora in, files of signals out."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

Event = dict[str, Any]
Row = dict[str, str]


def event(name: str, source: str, kind: str, time: str, data: Mapping[str, Any]) -> Event:
    return {
        "specversion": "1.0",
        "id": name,
        "source": source,
        "type": f"delivery.{kind}.v1",
        "time": time,
        "data": dict(data),
    }


def tsv(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def comma(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def instant(text: str) -> int:
    """Milliseconds UTC of a time as the corpora write it."""
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1000


def first_parents(commits: Iterable[Row]) -> Iterator[str]:
    """The commits of the default branch, newest first: each one's first parent is next.

    A log begins with the head of the branch.
    """
    parents = {row["sha"]: row["parents"].split() for row in commits}
    sha: str | None = next(iter(parents))
    while sha is not None:
        yield sha
        sha = next(iter(parents[sha]), None)


def write_signals(path: Path, events: Iterable[Event]) -> Path:
    """One event per line, in the order of time."""
    ordered = sorted(events, key=lambda event: (instant(event["time"]), event["id"]))
    text = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in ordered)
    path.write_text(text, encoding="utf-8")
    return path


def write_definitions(path: Path, definitions: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(dict(definitions), sort_keys=False), encoding="utf-8")
    return path
