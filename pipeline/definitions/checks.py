"""What is wrong between records: names nobody defines, goals in a circle, dates in disorder."""

import difflib
from collections.abc import Iterable, Iterator
from itertools import chain

from pipeline.definitions import records
from pipeline.definitions.located import Path
from pipeline.definitions.reading import LISTS, Entry
from pipeline.errors import Problem

TIERS = ("production", "staging", "testing", "development", "other")
"""Tiers of environments; only production counts as shipped."""


def cross_check(entries: list[Entry]) -> Iterator[Problem]:
    """All problems between the records; what cannot be used by itself is left out."""
    usable = [entry for entry in entries if entry.record is not None]
    known = {
        section: sorted({entry.id for entry in entries if entry.section == section and entry.id})
        for section in LISTS
    }
    return chain(
        _twice(entries),
        _dangling(usable, known),
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
        start = entry.said.get("from")
        other = first.setdefault((entry.section, entry.id, start), entry)
        if other is not entry:
            place = f"{other.source.file}:{other.source.line((*other.at, 'id'))}"
            yield entry.problem(
                ("id",),
                f"is defined in {place} too",
                "rename one, or give a version its `from:` date",
            )


def _references(entry: Entry) -> Iterator[tuple[Path, str, str | None]]:
    """Every name in a record that must be defined elsewhere: its place, section and id."""
    match entry.record:
        case records.Service() as service:
            yield ("team",), "teams", service.team
            for n, subject in enumerate(service.subjects or ()):
                yield ("subjects", n), "subjects", subject
        case records.Subject() as subject:
            yield ("team",), "teams", subject.team
        case records.Goal() as goal:
            for n, owner in enumerate(goal.owners or ()):
                yield ("owners", n), "teams", owner
            for n, parent in enumerate(goal.parents or ()):
                yield ("parents", n, "id"), "goals", parent.id
            if goal.metric is not None:
                yield ("metric", "subject"), "subjects", goal.metric.subject
        case records.Scenario() as scenario:
            yield ("goal",), "goals", scenario.goal
        case records.Source() as source:
            for name, project in (source.projects or {}).items():
                yield ("projects", name, "team"), "teams", project.team
            for n, deploy in enumerate(source.deploys or ()):
                yield ("deploys", n, "service"), "services", deploy.service
            for n, use in enumerate(source.uses or ()):
                yield ("uses", n, "subject"), "subjects", use.subject
        case records.Reader() as reader:
            for n, goal_id in enumerate(reader.goals or ()):
                yield ("goals", n), "goals", goal_id
            for n, team in enumerate(reader.teams or ()):
                yield ("teams", n), "teams", team
        case _:
            pass


def _dangling(entries: Iterable[Entry], known: dict[str, list[str]]) -> Iterator[Problem]:
    for entry in entries:
        for keys, section, name in _references(entry):
            if name is None or name in known[section]:
                continue
            kind = LISTS[section].name
            close = difflib.get_close_matches(name, known[section], n=1)
            remedy = f"did you mean `{close[0]}`?" if close else f"add it to `{section}:`"
            said = f"no {kind} has this id"
            if keys == ("metric", "subject"):
                said = "nobody measures this subject"
            yield entry.problem(keys, said, remedy, value=name, level="dangling")


def _circles(entries: Iterable[Entry]) -> Iterator[Problem]:
    """A goal cannot be above itself; each circle is named once, as a whole."""
    above: dict[str, list[tuple[str, Entry, int]]] = {}
    for entry in entries:
        if isinstance(entry.record, records.Goal):
            edges = above.setdefault(entry.record.id, [])
            edges += [(p.id, entry, n) for n, p in enumerate(entry.record.parents or ())]
    clear: set[str] = set()
    for start in above:
        trail = [start]
        # The ways up still to be tried, per goal of the trail; chains may be too long to recurse.
        ahead = [iter(above[start])]
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


def _notes(entry: Entry, known: dict[str, list[str]]) -> Iterator[Problem]:
    """What is allowed and probably not meant."""
    match entry.record:
        case records.Goal() as goal:
            for key, said in goal.lacks():
                yield entry.problem(
                    tuple(key.split(".")),
                    f"goal {goal.id} {said}: it will be shown as incomplete",
                    level="note",
                )
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
