"""Causality: what was decided at T stands at every later T (semantics 4.2)."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.calendar import to_instant
from tests.engine.histories import DAYS, START, Json, facts, line
from tests.engine.memory import play

Table = dict[str, dict[str, Any]]
CASES = yaml.safe_load((Path(__file__).parent / "causality.yaml").read_text())
USAGE = {"unit": "team", "measure": {"kind": "usage", "actions": 2, "days": 1}}
BEGIN: dict[str, tuple[str, Json]] = {
    "service": ("service.defined", {"id": "web", "repository": "acme/web", "team": "red"}),
    "api": (
        "service.defined",
        {"id": "api", "repository": "acme/web", "team": "red", "paths": ["api/**"]},
    ),
    "pay": ("subject.defined", {"id": "pay"} | USAGE),
    "flow": ("subject.defined", {"id": "flow"} | USAGE),
}


def decided(table: Table, by: int) -> set[str]:
    """Findings and states as they could be known at an instant."""
    found: set[str] = set()
    for name, row in table.items():
        if name.startswith("findings ") and row["raised_at"] <= by:
            cleared = row["cleared_at"]
            end = cleared if cleared is not None and cleared <= by else None
            found.add(
                f"{row['rule']} {row['about']} {row['raised_at']} {end} {row['evidence']}"
            )
        if name.startswith("work_item_states ") and row["confirmed_at"] <= by:
            state = (row["state"], row["effective_at"], row["confirmed_at"])
            found.add(f"{row['work_item']} {state}")
    return found


def check(signals: list[Json], day: int) -> None:
    early = START + dt.timedelta(days=day, hours=3)
    known = [s for s in signals if dt.datetime.fromisoformat(s["time"]) <= early]
    by = to_instant(early)
    first = decided(play(map(line, known), until=early), by)
    then = decided(play(map(line, signals)), by)
    assert first == then, "\n".join(
        ["", *sorted(first - then), "became", *sorted(then - first), f"by day {day} of"]
        + [json.dumps(signal) for signal in signals]
    )


@pytest.mark.parametrize("case", CASES, ids=[case["claim"] for case in CASES])
def test_what_was_found_stays_mended(case: dict[str, Any]) -> None:
    """A counter-example of the property below, made small."""
    begin = [
        {"source": "/acme", "type": BEGIN[name][0], "time": START.isoformat()}
        | {"data": BEGIN[name][1]}
        for name in case.get("begin", [])
    ]
    signals = [signal | {"id": str(n)} for n, signal in enumerate([*begin, *case["signals"]])]
    check(signals, case["by"])


@given(facts(), st.integers(5, DAYS))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_was_decided_stands(signals: list[Json], day: int) -> None:
    """No finding and no confirmed instant moves when time goes on."""
    check(signals, day)


@pytest.mark.prove
@given(facts(most=60), st.integers(5, DAYS))
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_was_decided_stands_at_length(signals: list[Json], day: int) -> None:
    """The same, tried for minutes."""
    check(signals, day)
