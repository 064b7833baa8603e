"""Reads: what a signal costs does not grow with what is known."""

import json
from pathlib import Path

import pytest

from pipeline.engine import parts
from pipeline.engine.decode import Decoded, decode
from pipeline.engine.local import LocalEngine
from pipeline.engine.replay import run
from pipeline.simulate.load import load
from tests.engine.memory import Memory, engine

COLD = 100


def take(opened: LocalEngine, line: bytes) -> None:
    decoded = decode(line, 0, 2**62)
    assert isinstance(decoded, Decoded)
    opened.take(decoded)


def reads_per_signal(
    folder: Path, signals: int, adopters: int, monkeypatch: pytest.MonkeyPatch
) -> float:
    """Parts read for one more signal of somebody who is known, when nothing is in memory."""
    path = folder / f"{adopters}.ndjson"
    config = load(path, signals=signals, mix="adoption", adopters=adopters)
    lines = path.read_bytes().splitlines()
    memory = Memory()
    with engine(folder / str(adopters), memory) as opened:
        run(opened, [path], config=config)
    events = [json.loads(line) for line in lines]
    uses = [event for event in events if event["type"] == "delivery.subject.used.v1"]
    monkeypatch.setattr(parts, "CACHE", 0)
    with engine(folder / str(adopters), memory) as opened:
        before = opened.parts.reads
        for number, use in enumerate(uses[-COLD:]):
            # somebody who is known uses it again
            again = use | {"id": f"again-{number}", "time": events[-1]["time"]}
            take(opened, json.dumps(again).encode())
            opened.flush()
        return (opened.parts.reads - before) / COLD


@pytest.mark.parametrize("signals", [8_000, pytest.param(20_000, marks=pytest.mark.prove)])
def test_reads_per_signal_do_not_grow_with_the_adopters(
    signals: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 20 times as many adopters a signal reads as many parts, give or take a tenth."""
    few, many = (reads_per_signal(tmp_path, signals, n, monkeypatch) for n in (2_000, 40_000))
    assert few > 1
    assert many == pytest.approx(few, rel=0.1)
