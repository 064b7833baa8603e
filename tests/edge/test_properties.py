import json
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.signals import TYPES, Defined, Signal, WorkItemChanged
from pipeline.engine.decode import Decoded, Refused, decode
from pipeline.engine.reasons import REASONS
from pipeline.engine.schemas import DATA

EPOCH = 0
CLOCK = 1_780_272_000_000
NUL_FREE = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.text(NUL_FREE, max_size=12)
NAMES = st.text(NUL_FREE, min_size=1, max_size=12)
INSTANTS = st.integers(EPOCH, CLOCK)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
IDS = TEXTS.map(str.strip).filter(lambda text: text.isprintable() and bool(text))
DEFINED: dict[str, list[dict[str, Any]]] = {
    "organisation": [{}, {"timezone": "Europe/Berlin", "privacy": {"adopters": "hashed"}}],
    "team": [{}, {"people": 2.5, "working_days": [0, 2]}, {"ready": ["docs"], "title": None}],
    "service": [{"repository": "a/b", "team": "t"}],
    "subject": [
        {"unit": "team", "measure": {"kind": "usage", "actions": 2}, "eligible": ["a", "b"]},
        {"unit": "repo", "measure": {"kind": "pinned", "package": "p", "at_least": "1.0"}},
    ],
    "goal": [
        {},
        {"level": "vision", "parents": ["g"]},
        {"metric": {"kind": "kpi", "target": 1}},
    ],
    "scenario": [{"goal": "g", "support": 0.1}],
    "source": [{"kind": "github", "projects": {"a/b": {"team": "t"}}}],
    "audience": [{"role": "pm"}],
    "notify": [{"digest_at": "07:30"}],
    "rules": [{"links": {"any": [1, None, {"x": True}]}}],
}
"""Records that a file of definitions may hold, per kind."""
EARLY = st.dates(date(1970, 1, 2), date(2026, 3, 2)).map(date.isoformat)
LATE = st.dates(date(2026, 3, 2), date(2148, 12, 31)).map(date.isoformat)
BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "starts_on": EARLY,
    "ends_on": LATE,
    "confidence": st.floats(0, 1),
    "denominator": st.floats(1e-9, 1e9),
    "rollout": st.floats(0, 100),
    "count": st.integers(0, 2**53 - 1),
    "revision": st.integers(0, 2**53 - 1),
    "first_commit_at": INSTANTS,
    "started_at": INSTANTS,
    "until": INSTANTS,
    "record": st.just({}),
    "cleared": st.none(),
}


def values(hint: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Values of a field of the core; those that the models bound go by their name."""
    if get_origin(hint) in {Union, UnionType}:
        parts = get_args(hint)
        return st.one_of(*(values(part, "" if part is NoneType else name) for part in parts))
    if name in BY_NAME:
        return BY_NAME[name]
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return records(hint)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is list:
        return st.lists(values(get_args(hint)[0]), max_size=3)
    if get_origin(hint) is dict:
        return st.dictionaries(TEXTS, values(get_args(hint)[1]), max_size=3)
    plain = {str: NAMES, bool: st.booleans(), int: st.integers(), NoneType: st.none()}
    return plain.get(hint, st.floats(allow_nan=False, allow_infinity=False))


def records(record: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(record)
    return st.builds(record, **{name: values(hint, name) for name, hint in hints.items()})


@st.composite
def signals(draw: st.DrawFn) -> tuple[str, Signal]:
    name = draw(st.sampled_from(sorted(TYPES)))
    data = draw(records(TYPES[name]))
    changes: dict[str, Any] = {}
    if isinstance(data, WorkItemChanged):
        absent = [
            field
            for field in DATA[name].__annotations__
            if field != "key" and getattr(data, field) is None
        ]
        cleared = draw(st.sets(st.sampled_from(absent))) if absent else set()
        changes["cleared"] = [field for field in absent if field in cleared] or None
    elif isinstance(data, Defined):
        kind = data.kind if name == "delivery.record.defined.v1" else name.split(".")[1]
        id = draw(IDS)
        record = draw(st.sampled_from(DEFINED[kind]))
        if kind not in {"organisation", "notify", "rules"}:
            record = record | {"id": id}
        changes = {"kind": kind, "id": id, "record": record}
        if name != "delivery.record.defined.v1":
            changes["removed"] = None
    elif name == "delivery.adoption.verified.v1" and data.adopter is None:
        changes["method"] = draw(st.sampled_from(["kpi", "retired"]))
    for field, value in changes.items():
        object.__setattr__(data, field, value)
    recorded_at = draw(INSTANTS)
    at = draw(st.integers(EPOCH, recorded_at))
    sequence = draw(st.none() | TEXTS)
    return name, Signal(draw(NAMES), draw(NAMES), at, recorded_at, data, sequence)


def iso(at: int) -> str:
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return time.isoformat(timespec="milliseconds")


def wire(value: Any) -> Any:
    """A record of the core as it travels."""
    if isinstance(value, list):
        return [wire(element) for element in value]
    if not is_dataclass(value):
        return value
    found: dict[str, Any] = {}
    cleared = getattr(value, "cleared", None) or []
    for field in fields(value):
        content = getattr(value, field.name)
        if field.name in {"first_commit_at", "started_at", "until"} and content is not None:
            content = iso(content)
        if field.name != "cleared" and (
            content is not None or field.name in cleared or field.name == "version"
        ):
            found[field.name.rstrip("_")] = wire(content)
    return found


def line_of(name: str, signal: Signal) -> bytes:
    data = wire(signal.data)
    if isinstance(signal.data, Defined) and name != "delivery.record.defined.v1":
        data = signal.data.record | {"revision": signal.data.revision}
    event = {
        "specversion": "1.0",
        "id": signal.id,
        "source": signal.source,
        "type": name,
        "time": iso(signal.at),
        "recordedtime": iso(signal.recorded_at),
        "sequence": signal.sequence,
        "data": data,
    }
    return json.dumps(event, ensure_ascii=len(signal.id) % 2 == 0).encode()


def judge(line: bytes) -> Decoded | Refused:
    found = decode(line, EPOCH, CLOCK)
    if isinstance(found, Refused):
        assert found.reason in REASONS
        assert len(found.detail) < 1000
        assert found.detail.encode()
    return found


@given(signals())
@settings(max_examples=400, deadline=None)
def test_signals_travel_unchanged(named: tuple[str, Signal]) -> None:
    """A signal that is written as the contract says is read as the same signal."""
    name, signal = named
    line = line_of(name, signal)
    found = decode(line, EPOCH, CLOCK)
    assert found == Decoded(signal, name, None, False, True, line)


@given(st.binary() | st.text(st.characters(max_codepoint=127)).map(str.encode))
def test_no_bytes_raise(line: bytes) -> None:
    """Whatever bytes come, they are refused with a reason and nothing is raised."""
    assert isinstance(judge(line), Refused)


@given(signals(), st.data())
@settings(max_examples=400, deadline=None)
def test_no_damage_raises(named: tuple[str, Signal], data: st.DataObject) -> None:
    """A good line that is cut, or into which something was written, is taken or refused."""
    line = line_of(*named)
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    some = st.sampled_from(
        [b"", b"NaN", b"null", b"\\ud800", b"\\u0000", b"\xff", b"1e999", b'"']
    )
    judge(line[:start] + data.draw(some | st.binary(max_size=4)) + line[end:])


@given(signals(), st.data(), JSON)
@settings(max_examples=400, deadline=None)
def test_no_value_raises(named: tuple[str, Signal], data: st.DataObject, value: Any) -> None:
    """Any JSON value in place of any attribute or field is taken or refused."""
    event = json.loads(line_of(*named))
    place = event if data.draw(st.booleans()) else event["data"]
    place[data.draw(st.sampled_from([*place, "new"]))] = value
    judge(json.dumps(event).encode())


@given(
    st.dictionaries(st.sampled_from(["source", "received_at", "headers", "body", "x"]), JSON)
)
def test_no_delivery_raises(delivery: dict[str, Any]) -> None:
    """Any raw delivery is taken or refused."""
    judge(json.dumps(delivery).encode())


@given(signals(), JSON)
def test_no_wrapping_raises(named: tuple[str, Signal], value: Any) -> None:
    """A signal inside a raw delivery comes out as it went in, whatever the headers hold."""
    line = line_of(*named)
    headers = {"ce-specversion": "1.0", "ce-type": named[0], "ce-id": value, "ce-time": "x"}
    for body in (line.decode(), json.loads(line)):
        delivery: dict[str, Any] = {"source": "x", "received_at": iso(CLOCK), "body": body}
        found = judge(json.dumps(delivery).encode())
        assert isinstance(found, Decoded)
        assert (found.signal.data, found.signal.recorded_at) == (named[1].data, CLOCK)
        judge(json.dumps(delivery | {"headers": headers}).encode())
