"""Pins of controller-runtime as three views see them, and a subject for every release.

The history in the box has the view `required` and a subject per release line; here stand the
parts that only the proof needs. Each view is a package of its own.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.history.corpus import NAME, PACKAGE
from pipeline.history.release_lines import ANY_VERSION
from tests.history.lines import Event, Row, comma, event

VIEWS = ("required", "direct", "effective")
PRESENT = "present"
"""Version label of the subject that any version meets."""


def package(view: str) -> str:
    return f"{PACKAGE} ({view})"


def subject(view: str, version: str) -> str:
    return f"{view}/{version}"


def _series(corpus: Path, view: str) -> Iterator[tuple[Row, str]]:
    """Rows in the order of the file (that of time for one consumer), and the version."""
    if view == "direct":
        for row in comma(corpus / "adoption_state.csv"):
            yield row, row["version"] if row["relation"] == "direct" else ""
    else:
        file = "adoption.csv" if view == "required" else "adoption_effective.csv"
        for row in comma(corpus / file):
            yield row, row["version"]


def pins(corpus: Path, view: str) -> Iterator[Event]:
    for n, (row, version) in enumerate(_series(corpus, view)):
        data = {
            "package": package(view),
            "adopter": row["consumer"],
            "version": version or None,
        }
        yield event(f"{view}/{n:05}", "go-mod", "subject.pinned", row["at"], data)


def minors(corpus: Path) -> list[Row]:
    """The releases that begin a line: X.Y.0."""
    return [row for row in full(corpus) if re.fullmatch(r"\d+\.\d+\.0", row["version"])]


def full(corpus: Path) -> list[Row]:
    return [row for row in comma(corpus / "releases.csv") if row["prerelease"] == "false"]


def definitions(subjects: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Subjects by id, from the package and the version that it takes to have adopted."""
    return {
        "organisation": {"name": NAME, "timezone": "UTC"},
        "teams": [{"id": NAME}],
        "subjects": [
            {
                "id": name,
                "team": NAME,
                "unit": "repo",
                "measure": {"kind": "pinned", "package": package, "at_least": at_least},
            }
            for name, (package, at_least) in subjects.items()
        ],
    }


def lines_of_views(corpus: Path) -> dict[str, Any]:
    """Per view: who requires the library at all, and who is on each line."""
    versions = {PRESENT: ANY_VERSION}
    versions |= {row["version"]: row["version"] for row in minors(corpus)}
    return definitions(
        {
            subject(view, name): (package(view), at_least)
            for view in VIEWS
            for name, at_least in versions.items()
        }
    )


def every_release(corpus: Path) -> dict[str, Any]:
    """Who requires the library at all, and who is on each full release or above."""
    versions = {PRESENT: ANY_VERSION}
    versions |= {row["version"]: row["version"] for row in full(corpus)}
    return definitions(
        {
            subject("required", name): (package("required"), at_least)
            for name, at_least in versions.items()
        }
    )
