"""How stories are written: YAML that says times, signals and numbers as a reader would."""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import yaml

Data = dict[str, Any]


# -- YAML ----------------------------------------------------------------------------------


class Line(str):
    """A text that knows the line it stands in."""

    __slots__ = ("line",)
    line: int


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with yes, no, on and dates as text, numbers with all their digits, no key twice."""


def _text(_loader: Loader, node: yaml.ScalarNode) -> Line:
    text = Line(node.value)
    text.line = node.start_mark.line + 1
    return text


def _mapping(loader: Loader, node: yaml.MappingNode) -> Data:
    keys = [key.value for key, _ in node.value]
    twice = [key for key in keys if keys.count(key) > 1]
    assert not twice, f"line {node.start_mark.line + 1}: {twice[0]} stands twice"
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


Loader.yaml_implicit_resolvers = {
    first: [
        (tag, found) for tag, found in resolvers if not tag.endswith((":bool", "timestamp"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
Loader.add_constructor("tag:yaml.org,2002:str", _text)
Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: Decimal(node.value))


def read(text: str) -> Any:
    return yaml.load(text, Loader)


def plain(value: Any) -> Any:
    """The same as JSON knows it."""
    return json.loads(json.dumps(value, default=float))


# -- times ---------------------------------------------------------------------------------

_MOMENT = re.compile(
    r"(?:(?P<weekday>[A-Z][a-z]{2}) )?(?P<day>\d{1,2}) (?P<month>[A-Z][a-z]{2})"
    r"(?: (?P<year>\d{4}))?(?: (?P<hour>\d\d):(?P<minute>\d\d))?(?=$| )"
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def moment(text: str, zone: dt.tzinfo = dt.UTC) -> tuple[dt.datetime, str]:
    """The instant at the beginning of a text such as `Mon 2 Mar 16:00`, and what follows it."""
    found = _MOMENT.match(text)
    assert found, f"{text!r} does not begin with a time such as Mon 2 Mar 16:00"
    month = _MONTHS.index(found["month"]) + 1
    day = dt.datetime(int(found["year"] or 2026), month, int(found["day"]), tzinfo=zone)
    assert found["weekday"] in {None, f"{day:%a}"}, f"{text!r} is a {day:%A}"
    # 24:00 is the close of the day; the sum is of wall times
    at = day + dt.timedelta(hours=int(found["hour"] or 0), minutes=int(found["minute"] or 0))
    return at.astimezone(dt.UTC), text[found.end() :].strip()


# -- signals -------------------------------------------------------------------------------


class Told(NamedTuple):
    """A signal of a story as bytes, and when it arrives."""

    received: dt.datetime
    body: bytes


def tell(entries: list[Data], zone: ZoneInfo) -> list[Told]:
    """The signals of a story, in the order in which they stand there."""
    said = [
        one for entry in entries for words, data in entry.items() for one in _each(words, data)
    ]
    return [
        _signal(f"s{n}", words, data or {}, zone) for n, (words, data) in enumerate(said, 1)
    ]


def _each(words: str, data: Data | None) -> Iterator[tuple[str, Data | None]]:
    """A word such as `web|ios` stands for one signal of each."""
    several = next((word for word in words.split() if "|" in word), None)
    for one in several.split("|") if several else [""]:
        yield words.replace(several, one) if several else words, data


def _signal(id: str, words: str, data: Data, zone: ZoneInfo) -> Told:
    at, rest = moment(words, zone)
    kind, _, names = rest.partition(" ")
    envelope = {"id": id, "source": "/acme", **data.get("ce", {})}
    received = moment(envelope.pop("received"), zone)[0] if "received" in envelope else at
    data = FULL[kind](names, {name: value for name, value in data.items() if name != "ce"})
    if kind == "deploy.finished":
        data.setdefault("deploy", f"ci:{envelope['id']}")
    event = {
        "specversion": "1.0",
        "type": f"delivery.{kind}.v1",
        "time": at.isoformat(),
        "recordedtime": received.isoformat(),
        "data": data,
        **envelope,
    }
    return Told(received, json.dumps(event, default=float).encode())


def _naming(*fields: str) -> Callable[[str, Data], Data]:
    """The words after the type are these fields of the data."""
    return lambda names, data: {**dict(zip(fields, names.split(), strict=False)), **data}


def _work_item(name: str, data: Data) -> Data:
    status = data.get("status")
    if isinstance(status, str):
        data["status"] = {"name": status, "category": status}
    return {"work_item": f"jira:{name}", "key": name, **data}


def _deleted(name: str, data: Data) -> Data:
    return {"work_item": f"jira:{name}", **data}


def _change(name: str, data: Data) -> Data:
    if isinstance(named := data.get("work_items"), dict):
        data["work_items"] = [{"key": key, "via": via} for key, via in named.items()]
    return {"change": name, "repository": name.partition("!")[0], "shas": [name], **data}


def _deploy(name: str, data: Data) -> Data:
    environment = data.pop("environment", "production")
    if isinstance(environment, str):
        environment = {"name": environment}
    stated = {"service": name, "outcome": "success", "kind": "deploy", **data}
    return {"environment": environment, **stated}


def _flag(name: str, data: Data) -> Data:
    return {"flag": name, "environment": {"name": "production"}, "on": True, **data}


def _decision(names: str, data: Data) -> Data:
    return {"by": "lead", "reason": "seen", **_naming("about", "decision")(names, data)}


FULL: dict[str, Callable[[str, Data], Data]] = {
    "work_item.changed": _work_item,
    "work_item.deleted": _deleted,
    "link.asserted": _naming("from", "rel", "to"),
    "link.retracted": _naming("from", "rel", "to"),
    "change.merged": _change,
    "deploy.finished": _deploy,
    "flag.changed": _flag,
    "subject.used": _naming("subject", "adopter"),
    "subject.pinned": _naming("package", "adopter", "version"),
    "adoption.verified": _naming("subject", "adopter", "verdict"),
    "kpi.measured": _naming("goal"),
    "commitment.made": _naming("team"),
    "goal.defined": _naming("id"),
    "goal.withdrawn": _naming("goal"),
    "source.seen": _naming("source"),
    "subject.defined": _naming("id"),
    "team.defined": _naming("id"),
    "incident.opened": _naming("incident"),
    "incident.resolved": _naming("incident"),
    "decision.recorded": _decision,
}
"""How the words after a type, and what is written, become the data of a signal.

A change is in the repository before its `!` and has its own name as its sha; a deploy is one to
production that succeeds; a work item `PAY-1` is `jira:PAY-1` with the key PAY-1.
"""


# -- what is expected ----------------------------------------------------------------------


def rows(expected: Any) -> list[Data]:
    """Rows as a mapping (one of them), as a table of text, or as `none`."""
    if expected == "none":
        return []
    if isinstance(expected, dict):
        return [expected]
    head, *lines = (re.split(r" {2,}", line.strip()) for line in expected.strip().splitlines())
    return [{name: read(cell) for name, cell in zip(head, line, strict=True)} for line in lines]


def same(expected: Any, got: Any, zone: ZoneInfo) -> bool:
    """Whether a value of a view is what a story says."""
    if expected in {None, "–"} if isinstance(expected, str | None) else got is None:
        return got is None
    match got:
        case dt.datetime():
            return moment(expected, zone)[0] == got
        case dt.date():
            return moment(expected)[0].date() == got
        case list() | tuple():
            pairs = zip(expected, got, strict=False)
            return len(expected) == len(got) and all(same(e, g, zone) for e, g in pairs)
        case bool():
            return expected is got
        case int() | float():
            return _near(expected, got)
    return str(expected) == str(got)


def _near(expected: Any, got: float) -> bool:
    """Equal to the last digit that is written; a whole number is exact, a whole percent not."""
    percent = isinstance(expected, str)
    number = Decimal(expected.removesuffix(" %") if percent else expected)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    unit = 10.0**exponent / 2 if percent or exponent < 0 else 0.0
    return abs(float(number) - got * (100 if percent else 1)) <= unit + 1e-9


def say(got: Any, zone: ZoneInfo) -> str:
    """A value of a view as a story would write it."""
    match got:
        case None:
            return "–"
        case dt.datetime():
            return f"{got.astimezone(zone):%a %-d %b %Y %H:%M:%S}".removesuffix(":00")
        case dt.date():
            return f"{got:%a %-d %b %Y}"
        case list() | tuple():
            return "[" + ", ".join(say(part, zone) for part in got) + "]"
    return str(got)
