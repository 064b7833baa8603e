"""Workloads for measurements."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
import yaml

from pipeline.simulate.load import SHARES, Mix, load
from pipeline.simulate.years import GOALS, years


@pytest.mark.parametrize("mix", get_args(Mix))
def test_load(tmp_path: Path, mix: Mix) -> None:
    """A load has as many signals as asked for, in the order of time and in the right mix."""
    path = tmp_path / "load.ndjson"
    config = load(path, signals=4000, mix=mix, adopters=500)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(events) == len({event["id"] for event in events}) == 4000
    times = [event["time"] for event in events]
    assert times == sorted(times)
    types = Counter(event["type"] for event in events)
    for share, signal in zip(
        SHARES[mix], ("work_item", "change", "deploy", "subject"), strict=True
    ):
        number = sum(types[name] for name in types if name.startswith(f"delivery.{signal}."))
        assert number == pytest.approx(4000 * share, rel=0.2, abs=25)
    sections = config.read_text().splitlines()
    assert sum(line.startswith("  - ") for line in sections) == 12 + 40 + 20 + 20


def test_compressed_load(tmp_path: Path) -> None:
    """A load may be compressed, and a seed decides it."""
    for name in ("one.ndjson.gz", "two.ndjson.gz"):
        load(tmp_path / name, signals=300, mix="mixed", adopters=50, seed=3)
    one, two = (
        gzip.decompress((tmp_path / f"{n}.ndjson.gz").read_bytes()) for n in ("one", "two")
    )
    assert one == two
    assert one.count(b"\n") == 300


def test_two_years(tmp_path: Path) -> None:
    """Two years have 200 goals of several kinds, work for each, and all that dashboards show."""
    path = tmp_path / "years.ndjson"
    config = years(path, signals=20_000)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(events) == 20_000
    assert (events[0]["time"][:7], events[-1]["time"][:7]) == ("2024-04", "2026-04")
    types = Counter(event["type"].split(".")[1] for event in events)
    assert {"work_item", "change", "deploy", "subject", "incident", "decision"} < types.keys()
    goals = yaml.safe_load(config.read_text())["goals"]
    assert len(goals) == GOALS
    assert len({goal["metric"]["kind"] for goal in goals}) == 4
    new = [event["data"] for event in events if "title" in event["data"]]
    named = {goal for item in new for goal in item.get("goals", item.get("labels"))}
    assert len(named) > GOALS * 0.8
    assert any("period" in item for item in new)
