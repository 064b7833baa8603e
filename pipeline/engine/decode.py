"""One line of NDJSON becomes a signal, or is refused with a reason; nothing is raised."""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args
from urllib.parse import unquote

from msgspec import convert
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from pipeline.core.signals import TYPES, Fact, Instant, Signal, Tick
from pipeline.definitions import check_record
from pipeline.engine.reasons import REASONS, ReasonName
from pipeline.engine.schemas import DATA, TIME_PATTERN, event_model

LIMIT = 1024 * 1024
"""Bytes of the longest line we take: no source sends a larger signal, a broken file may."""

_SHOWN = 200
"""Characters of an offending value that a rejection shows; enough to find it."""

_MINUTE = 60_000
_DAY = 24 * 60 * _MINUTE
_SKEW = 5 * _MINUTE
_TICK = "delivery.tick.v1"
_BACKSLASH, _LETTER_N, _LETTER_I = b"\\NI"


class Decoded(NamedTuple):
    """A signal and what only its envelope knew.

    `recorded` says that the time of receipt was given, `skewed` that the signal claimed to be
    younger than that. `body` is the signal in structured mode: the line itself, or for a raw
    delivery what was inside.
    """

    signal: Signal
    type: str
    subject: str | None
    skewed: bool
    recorded: bool
    body: bytes


class Refused(NamedTuple):
    """Why a line is no signal. `file` and `line` are set where a whole file is the trouble."""

    reason: ReasonName
    detail: str
    file: str = ""
    line: int = 0


class _Bad(Exception):  # noqa: N818 -- never leaves this module
    """A value that the models let pass and that is bad all the same."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.detail)
        self.refused = refused


# ---- times


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EARLIEST = (datetime(1900, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LATEST = (datetime(2300, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
"""What the store can hold as a time."""

_FIRST_DAY, _LAST_DAY = date(1970, 1, 2), date(2148, 12, 31)
"""What the store can hold as a day."""

_time_matches = re.compile(TIME_PATTERN).match
_naive_matches = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?)?$"
).match
_WITH_OFFSET = "an RFC 3339 time with offset, such as 2026-03-02T10:00:00Z"


def _instant(field: str, text: str) -> Instant:
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
    except ValueError:
        # Legal, rare, and unknown to datetime: a small letter and a leap second.
        plain = text.upper()
        if plain[17:19] == "60":
            plain = plain[:17] + "59" + plain[19:]
        try:
            at = (datetime.fromisoformat(plain) - _EPOCH) // _MILLISECOND
        except ValueError:
            raise _Bad(_invalid(field, text, "a day that exists")) from None
        return at if plain[17:19] == text[17:19] else at - at % 1000 + 1000


def _storable(field: str, text: str) -> Instant:
    at = _instant(field, text)
    if not _EARLIEST <= at < _LATEST:
        raise _Bad(_invalid(field, text, "a time from 1900 to 2299"))
    return at


def _iso(at: Instant) -> str:
    try:
        return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="seconds")
    except OverflowError:
        return f"{at} ms"


# ---- data of the wire -> records of the core


def _check_period(period: dict[str, Any]) -> None:
    days: list[date] = []
    for field in ("starts_on", "ends_on"):
        try:
            days.append(date.fromisoformat(period[field]))
        except ValueError:
            raise _Bad(
                _invalid(f"data.period.{field}", period[field], "a day that exists")
            ) from None
        if not _FIRST_DAY <= days[-1] <= _LAST_DAY:
            raise _Bad(
                _invalid(f"data.period.{field}", period[field], "a day from 1970 to 2148")
            )
    if days[1] < days[0]:
        raise _Bad(
            _invalid("data.period.ends_on", period["ends_on"], "a day not before starts_on")
        )


def _check_ratio(data: dict[str, Any]) -> None:
    if data.get("denominator") == 0:
        raise _Bad(_invalid("data.denominator", 0, "a number other than 0"))


def _work_item_changed(data: dict[str, Any]) -> None:
    if (period := data.get("period")) is not None:
        _check_period(period)
    # The key is a name, not a property: it cannot be taken away.
    if cleared := [name for name, value in data.items() if value is None and name != "key"]:
        data["cleared"] = cleared


def _link(data: dict[str, Any]) -> None:
    if data.get("via", "") is None:
        del data["via"]


def _time_in(field: str) -> Callable[[dict[str, Any]], None]:
    def adapt(data: dict[str, Any]) -> None:
        if (text := data.get(field)) is not None:
            data[field] = _storable(f"data.{field}", text)

    return adapt


def _adoption_verified(data: dict[str, Any]) -> None:
    if data.get("adopter") is None and data.get("method") not in {"kpi", "retired"}:
        raise _Bad(Refused("invalid_field", "data.adopter: missing, needed for this method"))


def _defined(kind: str) -> Callable[[dict[str, Any]], None]:
    def adapt(data: dict[str, Any]) -> None:
        record = data.copy()
        data.clear()
        data["revision"] = record.pop("revision", None)
        data["kind"] = kind
        data["id"] = record["id"]
        data["record"] = record
        _check_record(data, "data")

    return adapt


_SINGLE = {"organisation", "notify", "rules"}
"""Kinds of which there is one record, without an id of its own."""


def _check_record(data: dict[str, Any], path: str) -> None:
    """Refuse a record that a file of definitions could not hold either."""
    kind, record = data["kind"], data["record"]
    _refuse_odd(record, path)
    if data.get("removed"):
        return  # only says of which version there is none any more
    if kind not in _SINGLE:
        record.setdefault("id", data["id"])
    if problems := check_record(kind, record):
        first = problems[0]
        key = f"{path}.{first.key}".removesuffix(".")
        value = "" if first.value is None else f" ({first.value})"
        said = f"{key[:_SHOWN]}{value}: {first.message}"
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise _Bad(
            Refused(
                "invalid_field",
                f"{said}; {first.remedy}{more}" if first.remedy else said + more,
            )
        )


_ADAPT: dict[str, Callable[[dict[str, Any]], None]] = {
    "delivery.work_item.changed.v1": _work_item_changed,
    "delivery.link.asserted.v1": _link,
    "delivery.link.retracted.v1": _link,
    "delivery.change.merged.v1": _time_in("first_commit_at"),
    "delivery.deploy.finished.v1": _time_in("started_at"),
    "delivery.adoption.verified.v1": _adoption_verified,
    "delivery.subject.defined.v1": _defined("subject"),
    "delivery.goal.defined.v1": _defined("goal"),
    "delivery.team.defined.v1": _defined("team"),
    "delivery.service.defined.v1": _defined("service"),
    "delivery.record.defined.v1": lambda data: _check_record(data, "data.record"),
    "delivery.kpi.measured.v1": _check_ratio,
    "delivery.commitment.made.v1": lambda data: _check_period(data["period"]),
    "delivery.decision.recorded.v1": _time_in("until"),
}
"""What turns data of the wire into the fields of the record in place, where they differ."""


_DEFAULTS: dict[str, dict[str, Any]] = {
    name: {
        field.name: field.default for field in fields(record) if field.default is not MISSING
    }
    for name, record in TYPES.items()
}
"""What absent fields are: msgspec looks up a default more slowly than it takes a value."""


# ---- the line


@cache
def _validator() -> Callable[[bytes], dict[str, Any]]:
    """Build the models when the first line comes: it takes a quarter of a second."""
    union: Any = event_model(_TICK)
    for name in DATA:
        union = union | event_model(name)
    adapter = TypeAdapter[Any](Annotated[union, Field(discriminator="type")])
    # The inner validator: `TypeAdapter.validate_json` costs a third more per line.
    validate: Callable[[bytes], dict[str, Any]] = adapter.validator.validate_json
    return validate


def decode(
    line: bytes,
    epoch: Instant,
    clock: Instant,
    received_at: Instant | None = None,
    *,
    limit: int = LIMIT,
) -> Decoded | Refused:
    """Read one line, without its newline; whatever is wrong with it comes back as `Refused`.

    `clock` bounds the times of signals that do not say when they were received. A receiver
    that knows better gives `received_at`, which wins over what the signal says. `limit` is for
    our own: a definition may list very many adopters.
    """
    if len(line) > limit:
        return Refused("too_large", f"more than {limit} bytes")
    try:
        event = _validator()(line)
    except ValidationError as error:
        return _look_closer(line, error, epoch, clock, received_at)
    try:
        # What the models cannot see. A byte as a number is found ten times faster than a word.
        if (
            (_BACKSLASH in line and b"\\u0000" in line)
            or (_LETTER_N in line and b"NaN" in line)
            or (_LETTER_I in line and b"Infinity" in line)
        ):
            _refuse_odd(from_json(line), "")
        return _decoded(event, line, epoch, clock, received_at)
    except _Bad as bad:
        return bad.refused


def _decoded(
    event: dict[str, Any],
    line: bytes,
    epoch: Instant,
    clock: Instant,
    received_at: Instant | None,
) -> Decoded:
    at = _instant("time", event["time"])
    if at < epoch:
        raise _Bad(Refused("before_epoch", f"time {_iso(at)}, epoch {_iso(epoch)}"))
    if received_at is None and (recorded := event.get("recordedtime")) is not None:
        received_at = _storable("recordedtime", recorded)
    skewed = False
    if received_at is None:
        if at > clock + _DAY:
            raise _Bad(Refused("in_future", f"time {_iso(at)}, clock {_iso(clock)}"))
    elif at > received_at + _SKEW:
        if at > received_at + _DAY:
            raise _Bad(
                Refused("in_future", f"time {_iso(at)}, received at {_iso(received_at)}")
            )
        if received_at < epoch:
            raise _Bad(
                Refused(
                    "before_epoch",
                    f"received at {_iso(received_at)}, epoch {_iso(epoch)}",
                )
            )
        skewed = True
        at = received_at
    name = event["type"]
    if name == _TICK:
        # Whatever it carries says nothing.
        fact: Fact = Tick()
    else:
        data = event["data"]
        if name in _ADAPT:
            _ADAPT[name](data)
        # Pydantic has checked it all; this builds in half the time of the records' own init.
        fact = convert(_DEFAULTS[name] | data, TYPES[name])
    sequence = event.get("sequence")
    if sequence is not None and type(sequence) is int:
        sequence = str(sequence)
    return Decoded(
        Signal(
            event["id"],
            event["source"],
            at,
            at if received_at is None else received_at,
            fact,
            sequence,
        ),
        name,
        event.get("subject"),
        skewed,
        received_at is not None,
        line,
    )


# ---- what went wrong, or is no plain CloudEvent; slow and rare from here on


def _look_closer(
    line: bytes,
    error: ValidationError,
    epoch: Instant,
    clock: Instant,
    received_at: Instant | None,
) -> Decoded | Refused:
    errors = error.errors(include_url=False)
    if errors[0]["type"] == "json_invalid":
        return _unreadable(line, errors[0]["msg"].removeprefix("Invalid JSON: "))
    value = from_json(line)
    if not isinstance(value, dict):
        return Refused("not_an_object", f"{_show(value)}")
    version = value.get("specversion")
    name = value.get("type")
    if version is None and "source" in value and "body" in value:
        return _delivery(value, epoch, clock, received_at)
    if version != "1.0":
        return Refused("not_a_cloudevent", f'specversion: {_show(version)}, expected "1.0"')
    if not isinstance(name, str):
        return Refused("not_a_cloudevent", f"type: {_show(name)}, expected a text")
    if name not in DATA:
        return Refused("unknown_type", f"type: {_show(name)}")
    if "data" not in value and isinstance(packed := value.pop("data_base64", None), str):
        try:
            value["data"] = from_json(base64.b64decode(packed, validate=True))
        except (binascii.Error, ValueError):
            return _invalid("data_base64", packed, "JSON in base64")
        return decode(json.dumps(value).encode(), epoch, clock, received_at)
    return _wrong_field(errors[0])


def _unreadable(line: bytes, message: str) -> Refused:
    if "recursion limit" in message:
        return Refused("too_deep", message)
    try:
        line.decode()
    except UnicodeDecodeError as error:
        shown = line[error.start : error.start + 8].hex(" ")
        return Refused("not_utf8", f"byte {error.start + 1}: {shown}")
    if "surrogate" in message or ("hex escape" in message and _is_python_json(line)):
        return Refused("lone_surrogate", message)
    return Refused("not_json", message)


def _is_python_json(line: bytes) -> bool:
    """Whether only surrogates are wrong: the parser of Python lets those pass."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "string_too_short": "a text that is not empty",
}


def _wrong_field(error: ErrorDetails) -> Refused:
    field = ""
    # The first element is the type, by which the model was chosen.
    for part in error["loc"][1:]:
        field += f"[{part}]" if isinstance(part, int) else f".{part}"
    field = field.removeprefix(".")
    value = error["input"]
    if error["type"] == "missing":
        return Refused("invalid_field", f"{field[:_SHOWN]}: missing")
    if error["type"] == "string_pattern_mismatch":
        if error["ctx"]["pattern"] != TIME_PATTERN:
            return _invalid(field, value, "a day such as 2026-03-02")
        if _naive_matches(value):
            return Refused("naive_time", f"{field}: {_show(value)}, expected {_WITH_OFFSET}")
        return _invalid(field, value, _WITH_OFFSET)
    expected = _EXPECTED.get(error["type"])
    return _invalid(field, value, expected or error["msg"].removeprefix("Input should be "))


def _invalid(field: str, value: Any, expected: str) -> Refused:
    return Refused("invalid_field", f"{field[:_SHOWN]}: {_show(value)}, expected {expected}")


def _show(value: Any) -> str:
    """A value as JSON, shortened; of objects and lists only that they are."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, str):
        shown = json.dumps(value[: _SHOWN + 1], ensure_ascii=False)
    else:
        shown = json.dumps(value)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"


def _refuse_odd(value: Any, path: str) -> None:
    """Refuse what people cannot see and stores cannot hold, wherever it hides.

    The depth of the value is bounded by the JSON parser.
    """
    if isinstance(value, str):
        if "\0" in value:
            raise _Bad(_invalid(path, value, "a text without NUL characters"))
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _Bad(_invalid(path, value, "a finite number"))
    elif isinstance(value, list):
        for index, element in enumerate(value):
            _refuse_odd(element, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, element in value.items():
            if "\0" in name:
                raise _Bad(_invalid(path, name, "a name without NUL characters"))
            _refuse_odd(element, f"{path}.{name}".removeprefix("."))


# ---- raw deliveries


def _delivery(
    value: dict[str, Any], epoch: Instant, clock: Instant, received_at: Instant | None
) -> Decoded | Refused:
    body = _cloudevent(value)
    if body is None:
        return Refused("unknown_source", f"source: {_show(value['source'])}")
    text = value.get("received_at")
    if text is not None or received_at is None:
        if not isinstance(text, str):
            return _invalid("received_at", text, _WITH_OFFSET)
        if _naive_matches(text):
            return Refused("naive_time", f"received_at: {_show(text)}, expected {_WITH_OFFSET}")
        if not _time_matches(text):
            return _invalid("received_at", text, _WITH_OFFSET)
        try:
            received_at = _storable("received_at", text)
        except _Bad as bad:
            return bad.refused
    return decode(body, epoch, clock, received_at)


def _cloudevent(value: dict[str, Any]) -> bytes | None:
    """The signal inside a raw delivery in structured mode, if it is one of ours."""
    body = value["body"]
    written = None
    if isinstance(body, str):
        written = body.encode()
        try:
            body = from_json(written)
        except ValueError:
            written = None
    headers = value.get("headers")
    attributes = {
        name.lower()[3:]: unquote(text)
        for name, text in (headers if isinstance(headers, dict) else {}).items()
        if isinstance(text, str) and name.lower().startswith("ce-")
    }
    if "specversion" in attributes:
        event: dict[str, Any] = {**attributes, "data": body}
        written = None
    elif isinstance(body, dict) and "specversion" in body:
        event = body
    else:
        return None
    # A type that is no text may not even be looked up in a dict.
    name = event.get("type")
    if not isinstance(name, str) or name not in DATA:
        return None
    return written if written is not None else json.dumps(event).encode()


assert set(get_args(ReasonName)) == set(REASONS)
