"""Files of definitions to records, and what is wrong with each of them by itself."""

import csv
import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from pipeline.definitions import records
from pipeline.definitions.located import Located, dotted, read
from pipeline.definitions.located import Path as Keys
from pipeline.errors import Problem


class Kind(NamedTuple):
    """The name of a kind of record, and its shape."""

    name: str
    shape: type[records.Record]


LISTS: Mapping[str, Kind] = {
    "teams": Kind("team", records.Team),
    "services": Kind("service", records.Service),
    "subjects": Kind("subject", records.Subject),
    "goals": Kind("goal", records.Goal),
    "scenarios": Kind("scenario", records.Scenario),
    "sources": Kind("source", records.Source),
    "audience": Kind("audience", records.Reader),
}
"""Sections that are lists of records with an id."""

SINGLES: Mapping[str, Kind] = {
    "organisation": Kind("organisation", records.Organisation),
    "notify": Kind("notify", records.Notify),
    "rules": Kind("rules", records.Rules),
}
"""Sections that are one record."""

ADOPTER_HEADERS = frozenset({"adopter", "adopters", "id"})
"""First cells of an eligible list that are the name of the column."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a file: where it stands, and itself (None: it cannot be used)."""

    section: str
    at: Keys
    source: Located
    said: Any
    record: records.Record | None

    @property
    def id(self) -> str | None:
        if self.record is None:
            said = self.said.get("id") if isinstance(self.said, dict) else None
            return None if said is None else str(said)
        found: str | None = getattr(self.record, "id", None)
        return found

    def problem(self, keys: Keys, message: str, remedy: str = "", **more: Any) -> Problem:
        """A problem at a place within the record, with the value that stands there."""
        return _problem(self.source, (*self.at, *keys), message, remedy, **more)


def read_entries(path: Path) -> tuple[list[Entry], list[Problem]]:
    """All records of a file, or of all .yaml and .yml files of a folder and its folders."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for file in _files(path, problems):
        try:
            text = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            said = f"cannot be read: {(error.strerror or str(error)).lower()}"
            problems.append(Problem(file=str(file), message=said, remedy="check the path"))
        except UnicodeDecodeError:
            problems.append(Problem(file=str(file), message="is not UTF-8"))
        else:
            located = read(text, str(file))
            problems += located.problems
            entries += _entries(located, file.parent, problems)
    problems += _more_than_one(entries)
    return entries, problems


def _files(path: Path, problems: list[Problem]) -> list[Path]:
    if not path.is_dir():
        return [path]
    # Hidden folders are versions behind links where a cluster mounts a folder.
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in {".yaml", ".yml"}
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not found:
        problems.append(
            Problem(file=str(path), message="holds no .yaml file", remedy="check the path")
        )
    return found


def _entries(located: Located, folder: Path, problems: list[Problem]) -> Iterator[Entry]:
    top = located.value
    if top is None:
        return
    if not isinstance(top, dict):
        problems.append(
            _problem(located, (), "must be a mapping", "begin with `teams:` or `goals:`")
        )
        return
    for section, said in top.items():
        if section.startswith("x-"):
            continue  # a place for anchors, as in compose files
        if section in SINGLES:
            yield _entry(located, section, SINGLES[section], (section,), said, problems)
        elif section not in LISTS:
            problems.append(_unknown(located, (section,), [*SINGLES, *LISTS]))
        elif not isinstance(said, list):
            if said is not None:
                remedy = "begin each record with `- id: ...`"
                problems.append(_problem(located, (section,), "must be a list", remedy))
        else:
            for n, one in enumerate(said):
                if section == "subjects":
                    _read_eligible(located, (section, n), one, folder, problems)
                yield _entry(located, section, LISTS[section], (section, n), one, problems)


def _entry(
    located: Located, section: str, kind: Kind, at: Keys, said: Any, problems: list[Problem]
) -> Entry:
    known: dict[int, tuple[str, ...]] = {}
    try:
        record = kind.shape.model_validate({} if said is None else said, context=known)
    except ValidationError as error:
        problems += _problems(located, at, error, known)
        record = None
    return Entry(section, at, located, said, record)


def check_record(kind: str, record: Any) -> list[Problem]:
    """What is wrong with one record by itself, as a signal brings it.

    Names that nobody defines are no problem here: another signal may define them.
    """
    shape = next(k.shape for k in (*LISTS.values(), *SINGLES.values()) if k.name == kind)
    known: dict[int, tuple[str, ...]] = {}
    try:
        shape.model_validate(record, context=known)
    except ValidationError as error:
        return list(_problems(Located("", record), (), error, known))
    return []


def _more_than_one(entries: list[Entry]) -> Iterator[Problem]:
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.section in SINGLES and first.setdefault(entry.section, entry) is not entry:
            other = first[entry.section].source.file
            yield entry.problem((), f"stands in {other} too", "keep one of them", value=None)


def _read_eligible(
    located: Located, at: Keys, said: Any, folder: Path, problems: list[Problem]
) -> None:
    """Put the adopters of `eligible: {file: ...}` in its place."""
    eligible = said.get("eligible") if isinstance(said, dict) else None
    if not isinstance(eligible, dict) or set(eligible) != {"file"}:
        return
    keys = (*at, "eligible", "file")
    name = eligible["file"]
    adopters: list[str] = []
    try:
        text = (folder / name).read_text(encoding="utf-8-sig")
        adopters = [row[0].strip() for row in csv.reader(text.splitlines()) if row]
    except (OSError, TypeError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no text"
        remedy = "give the path from the file that names it; one adopter per line"
        problems.append(_problem(located, keys, f"cannot be read: {reason.lower()}", remedy))
    else:
        if adopters and adopters[0].lower() in ADOPTER_HEADERS:
            del adopters[0]
        if not any(adopters):
            problems.append(_problem(located, keys, "names a file without adopters"))
    said["eligible"] = list(dict.fromkeys(filter(None, adopters)))


def _problems(
    located: Located, at: Keys, error: ValidationError, known: Mapping[int, tuple[str, ...]]
) -> Iterator[Problem]:
    seen: set[Keys] = set()
    for one in error.errors():
        keys = _path(located, (*at, *one["loc"]), missing=one["type"] == "missing")
        if keys in seen:
            continue  # a number may be int or float, and is neither: one problem
        seen.add(keys)
        if one["type"] == "extra_forbidden":
            _, holder = _find(located.value, keys[:-1])
            yield _unknown(located, keys, known.get(id(holder), ()))
        else:
            message, remedy = _explain(one)
            yield _problem(located, keys, message, remedy)


def _path(located: Located, loc: Keys, *, missing: bool) -> Keys:
    """pydantic's place as a place of the file: without the names of union members."""
    keys: Keys = ()
    value = located.value
    for n, step in enumerate(loc):
        inside, found = _find(value, (step,))
        if inside or (missing and n == len(loc) - 1):
            keys, value = (*keys, step), found
    return keys


def _find(value: Any, keys: Keys) -> tuple[bool, Any]:
    for step in keys:
        inside = isinstance(value, dict) and step in value
        if isinstance(value, list):
            inside = isinstance(step, int) and step < len(value)
        if not inside:
            return False, None
        value = value[step]
    return True, value


_MUST_BE = {
    "string_type": ("must be text", "put it in quotes"),
    "int_type": ("must be a whole number", ""),
    "int_from_float": ("must be a whole number", ""),
    "float_type": ("must be a number", ""),
    "bool_type": ("must be true or false", ""),
    "tuple_type": ("must be a list", "write [one, two]"),
    "dict_type": ("must be a mapping", "write {key: value}"),
    "model_type": ("must be a mapping", "write {key: value}"),
    "model_attributes_type": ("must be a mapping", "write {key: value}"),
    "date_type": ("must be a date", "write it as 2026-03-31"),
}
"""pydantic's error types in the words of a YAML file: what it must be, what to write."""


def _explain(one: Any) -> tuple[str, str]:
    kind, context = one["type"], one.get("ctx", {})
    if kind == "missing":
        return "is missing", f"add `{one['loc'][-1]}:`"
    if kind in _MUST_BE:
        # Where both int and float are allowed, int is asked first.
        if kind == "int_type" and "int" in one["loc"]:
            kind = "float_type"
        return _MUST_BE[kind]
    if kind == "literal_error":
        return "is not known here", _nearest(one["input"], _listed(context["expected"]))
    if kind == "union_tag_not_found":
        return "has no `kind`", "add `kind: usage` or `kind: pinned`"
    if kind == "union_tag_invalid":
        return "is of a kind not known here", _nearest(
            context["tag"], _listed(context["expected_tags"])
        )
    said = str(one["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    message, _, remedy = said.partition("; ")
    if message.endswith("IANA time zone"):
        remedy = _nearest_zone(one["input"])
    return message[:1].lower() + message[1:], remedy


def _listed(expected: str) -> list[str]:
    return [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]


def _nearest(value: object, known: list[str]) -> str:
    close = difflib.get_close_matches(str(value).lower(), known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"one of {', '.join(known)}"


def _nearest_zone(value: object) -> str:
    close = difflib.get_close_matches(str(value), _zones(), n=1)
    return f"did you mean `{close[0]}`?" if close else "write it as Europe/Berlin or UTC"


@cache
def _zones() -> list[str]:
    from zoneinfo import available_timezones  # noqa: PLC0415 - reads hundreds of files

    return sorted(available_timezones())


def _unknown(located: Located, keys: Keys, known: Any) -> Problem:
    close = difflib.get_close_matches(str(keys[-1]), known, n=1)
    remedy = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known)}"
    return _problem(located, keys, "unknown key", remedy, value=None)


def _problem(
    located: Located, keys: Keys, message: str, remedy: str = "", **more: Any
) -> Problem:
    inside, value = _find(located.value, keys)
    # Whoever wrote a secret where its variable's name belongs must not read it in a log.
    secret = any(isinstance(k, str) and k.endswith(("_env", "_envs")) for k in keys)
    shown = "***" if secret else _short(value)
    return Problem(
        **{
            "file": located.file,
            "line": located.line(keys),
            "key": dotted(keys),
            "value": shown if inside and keys else None,
            "message": message,
            "remedy": remedy,
        }
        | more
    )


def _short(value: Any) -> str | None:
    """A value in one short line; a mapping or list says little and is left out."""
    if isinstance(value, dict | list):
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return text if len(text) <= 60 else text[:57] + "..."
