"""What is wrong between records: names nobody defines, goals in a circle, dates in disorder."""

import difflib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from pipeline.definitions import records
from pipeline.definitions.located import Path
from pipeline.definitions.reading import LISTS, Entry
from pipeline.errors import Problem

TIERS = ("production", "staging", "testing", "development", "other")
"""Tiers of environments; only production counts as shipped."""

Known = dict[str, dict[str, None]]
"""Per section the ids that are defined, in the order of the files."""


def cross_check(entries: list[Entry]) -> Iterator[Problem]:
    """All problems between the records; what cannot be used by itself is left out."""
    usable = [entry for entry in entries if entry.record is not None]
    known: Known = {section: {} for section in LISTS}
    for entry in entries:
        if entry.section in known and entry.id is not None:
            known[entry.section][entry.id] = None
    return chain(
        _twice(entries),
        _dangling(entries, known),
        _circles(usable),
        _days(usable),
        chain.from_iterable(_notes(entry, known) for entry in usable),
    )


def _twice(entries: Iterable[Entry]) -> Iterator[Problem]:
    """An id may stand again only as another version of the same record."""
    first: dict[tuple[str, str, object], Entry] = {}
    for entry in entries:
        if entry.section not in LISTS or entry.id is None:
            continue
        start = str(entry.said.get("from"))  # it may be of any type here
        other = first.setdefault((entry.section, entry.id, start), entry)
        if other is not entry:
            place = f"{other.source.file}:{other.source.line((*other.at, 'id'))}"
            yield entry.problem(
                ("id",),
                f"is defined in {place} too",
                "rename one, or give a version its `from:` date",
            )


REFERENCES: tuple[tuple[str, Path, str], ...] = (
    ("services", ("team",), "teams"),
    ("services", ("subjects", "*"), "subjects"),
    ("subjects", ("team",), "teams"),
    ("goals", ("owners", "*"), "teams"),
    ("goals", ("parents", "*"), "goals"),
    ("goals", ("parents", "*", "id"), "goals"),
    ("goals", ("metric", "subject"), "subjects"),
    ("scenarios", ("goal",), "goals"),
    ("sources", ("projects", "*", "team"), "teams"),
    ("sources", ("deploys", "*", "service"), "services"),
    ("sources", ("uses", "*", "subject"), "subjects"),
    ("audience", ("goals", "*"), "goals"),
    ("audience", ("teams", "*"), "teams"),
)
"""Section, place in its records (* = each), and the section that must define the name there."""


def _places(value: Any, pattern: Path, keys: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What stands at a place, in a record that may be wrong elsewhere."""
    if not pattern:
        yield keys, value
        return
    step, *rest = pattern
    steps: Iterable[Any] = ()
    if isinstance(value, dict):
        steps = value if step == "*" else [step] if step in value else ()
    elif isinstance(value, list) and step == "*":
        steps = range(len(value))
    for one in steps:
        yield from _places(value[one], tuple(rest), (*keys, one))


def _dangling(entries: Iterable[Entry], known: Known) -> Iterator[Problem]:
    for entry in entries:
        for section, pattern, defining in REFERENCES:
            if section != entry.section:
                continue
            for keys, name in _places(entry.said, pattern):
                if isinstance(name, str | int) and str(name) not in known[defining]:
                    yield _unknown(entry, keys, str(name), defining, known[defining])


def _unknown(
    entry: Entry, keys: Path, name: str, defining: str, known: Iterable[str]
) -> Problem:
    close = difflib.get_close_matches(name, list(known), n=1)
    remedy = f"did you mean `{close[0]}`?" if close else f"add it to `{defining}:`"
    said = f"no {LISTS[defining].name} has this id"
    if keys == ("metric", "subject"):
        said = "nobody measures this subject"
    return entry.problem(keys, said, remedy, value=name, level="dangling")


def _circles(entries: Iterable[Entry]) -> Iterator[Problem]:
    """A goal cannot be above itself; each circle is named once, as a whole."""
    above: dict[str, list[tuple[str, Entry, int]]] = {}
    for entry in entries:
        if isinstance(entry.record, records.Goal):
            edges = above.setdefault(entry.record.id, [])
            edges += [(p.id, entry, n) for n, p in enumerate(entry.record.parents or ())]
    clear: set[str] = set()
    for start, first in above.items():
        trail = [start]
        # The ways up still to be tried, per goal of the trail; it may be too long to recurse.
        ahead = [iter(first)]
        while trail:
            step = next(ahead[-1], None)
            if step is None:
                clear.add(trail.pop())
                ahead.pop()
                continue
            goal, entry, n = step
            if goal in trail:
                circle = " -> ".join([*trail[trail.index(goal) :], goal])
                said = f"goals in a circle: {circle}"
                yield entry.problem(("parents", n), said, "remove one of these", value=goal)
            elif goal in above and goal not in clear:
                trail.append(goal)
                ahead.append(iter(above[goal]))


def _days(entries: Iterable[Entry]) -> Iterator[Problem]:
    for entry in entries:
        match entry.record:
            case records.Goal(starts_on=starts, due_on=due) if starts and due and due < starts:
                yield entry.problem(
                    ("due_on",), f"is before starts_on, {starts}", "swap or correct them"
                )
            case records.Subject(measure=records.Usage(days=days, within=within)) if (
                days and within and days > within
            ):
                yield entry.problem(
                    ("measure", "days"),
                    f"is more than fit within {within} days",
                    "lower `days` or raise `within`",
                )
            case _:
                pass


def _notes(entry: Entry, known: Known) -> Iterator[Problem]:
    """What is allowed and probably not meant."""
    match entry.record:
        case records.Goal() as goal:
            if lacks := list(goal.lacks()):
                said = f"goal {goal.id} will be shown as incomplete: {', '.join(lacks)}"
                yield entry.problem((), said, level="note")
            if goal.pm is not None and known["audience"] and goal.pm not in known["audience"]:
                yield entry.problem(
                    ("pm",), "is nobody of `audience`: nobody gets its digest", level="note"
                )
        case records.Service() as service:
            for name, tier in (service.environments or {}).items():
                if tier not in TIERS:
                    yield entry.problem(
                        ("environments", name),
                        "is no usual tier: it will not count as production",
                        f"one of {', '.join(TIERS)}",
                        level="note",
                    )
        case _:
            pass
