import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from pipeline.engine.decode import LIMIT, Decoded, Refused, decode
from pipeline.engine.reasons import REASONS, ReasonName

CASES = Path(__file__).parent / "cases"
EPOCH = 946_684_800_000  # 2000-01-01
CLOCK = 1_780_272_000_000  # 2026-06-01

PLAIN: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/segment/acme",
    "type": "delivery.subject.used.v1",
    "time": "2026-03-02T10:00:00Z",
    "data": {"subject": "one-click-pay", "adopter": "web"},
}


def cases(name: str) -> list[Any]:

    found = yaml.safe_load((CASES / name).read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["claim"]) for case in found]


def line_of(case: dict[str, Any]) -> bytes:
    if "line" in case:
        return str(case["line"]).encode()
    if "bytes" in case:
        return str(case["bytes"]).encode("latin-1")
    if "repeat" in case:
        long = case["repeat"]
        return f"{long['before']}{long['part'] * long['times']}{long['after']}".encode()
    event = {
        name: value for name, value in (PLAIN | case["event"]).items() if value is not None
    }
    return json.dumps(event).encode()


def milliseconds(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.replace(tzinfo=value.tzinfo or UTC).timestamp() * 1000)
    return value


@pytest.mark.parametrize("case", cases("good.yaml"))
def test_good_lines_become_signals(case: dict[str, Any]) -> None:
    """A line that the contract allows becomes the signal it says, and nothing of it is lost."""
    decoded = decode(line_of(case), EPOCH, CLOCK)
    assert isinstance(decoded, Decoded), decoded
    got = asdict(decoded.signal)
    got["data"] = {name: value for name, value in got["data"].items() if value is not None}
    expected = {name: milliseconds(value) for name, value in case["signal"].items()}
    assert expected == {name: got[name] for name in expected}
    assert case.get("skewed", False) == decoded.skewed
    recorded = case.get("recorded", "recordedtime" in case.get("event", ()))
    assert recorded == decoded.recorded


@pytest.mark.parametrize("case", cases("bad.yaml"))
def test_bad_lines_are_refused(case: dict[str, Any]) -> None:
    """A bad line is refused with the reason that helps its sender, and a short detail."""
    refused = decode(line_of(case), EPOCH, CLOCK)
    assert isinstance(refused, Refused), refused
    assert case["reason"] == refused.reason, refused
    assert case["detail"] in refused.detail
    assert len(refused.detail) < 500


def test_every_reason_is_explained() -> None:
    """Each reason has an explanation and a remedy, one sentence each."""
    assert set(get_args(ReasonName)) == set(REASONS)
    for reason in REASONS.values():
        for text in (reason.explanation, reason.remedy):
            assert text.endswith(".")
            assert text[0].isupper()


def test_a_receiver_knows_better_when_it_received() -> None:
    """The time of receipt that is given wins over the one that the signal claims."""
    line = json.dumps(PLAIN | {"recordedtime": "2026-03-05T00:00:00Z"}).encode()
    decoded = decode(line, EPOCH, CLOCK, 1_772_449_200_000)
    assert isinstance(decoded, Decoded)
    assert decoded.signal.recorded_at == 1_772_449_200_000
    assert decoded.recorded


def test_the_body_is_the_signal_itself() -> None:
    """The body of a raw delivery decodes to the same signal as the delivery did."""
    for body in (PLAIN, json.dumps(PLAIN, indent=1)):
        delivery = {"source": "x", "received_at": "2026-03-02T11:00:00Z", "body": body}
        decoded = decode(json.dumps(delivery).encode(), EPOCH, CLOCK)
        assert isinstance(decoded, Decoded)
        assert json.loads(decoded.body) == PLAIN
        again = decode(decoded.body, EPOCH, CLOCK, decoded.signal.recorded_at)
        assert again == decoded


def test_details_never_hold_whole_bodies() -> None:
    """Of a long value a detail shows the beginning, of a list or an object nothing."""
    for data in ("x" * 10_000, ["secret"] * 100, {"subject": {"secret": 1}, "adopter": "a"}):
        refused = decode(json.dumps(PLAIN | {"data": data}).encode(), EPOCH, CLOCK)
        assert isinstance(refused, Refused)
        assert len(refused.detail) < 300
        assert "secret" not in refused.detail


def test_the_longest_line_is_taken() -> None:
    """A line of exactly the limit is taken, one byte more is not."""
    bare = len(json.dumps(PLAIN | {"x": ""}).encode())
    line = json.dumps(PLAIN | {"x": "y" * (LIMIT - bare)}).encode()
    assert len(line) == LIMIT
    assert isinstance(decode(line, EPOCH, CLOCK), Decoded)
    assert isinstance(decode(line + b" ", EPOCH, CLOCK), Refused)
