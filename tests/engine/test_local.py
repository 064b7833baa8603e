"""The local engine on one worked example: order, repetition, causality, crash and bad input."""

import datetime as dt
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.engine.replay import rebuild, replay
from pipeline.store.client import open_store

EXAMPLE = yaml.safe_load((Path(__file__).parent / "example.yaml").read_text())
VIEWS = (
    "goals_now",
    "goal_progress_daily",
    "work_items_now",
    "work_item_states",
    "findings",
    "links",
    "adopters",
    "adoption_daily",
    "adoption_now",
    "deploys",
    "changes_shipped",
    "verifications",
    "signals",
)
Views = dict[str, list[dict[str, Any]]]
ARRIVAL = {"goal_progress_daily": {"movement", "restatement"}}


def line(signal: dict[str, Any]) -> bytes:
    event = {"specversion": "1.0", "source": "/acme", **signal}
    event["type"] = f"delivery.{event['type']}.v1"
    return json.dumps(event).encode()


def signals() -> list[bytes]:
    found = [line(signal) for signal in EXAMPLE["signals"]]
    for number, use in enumerate(EXAMPLE["uses"]):
        at = dt.datetime.fromisoformat(use["from"])
        for again in (0, 10):
            data = {"subject": "one-click-pay", "adopter": use["team"]}
            time = (at + dt.timedelta(days=again)).isoformat()
            event = {"id": f"use-{number}-{again}", "type": "subject.used"}
            found.append(line({**event, "time": time, "data": data}))
    return found


def write(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def config(folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(EXAMPLE["config"]))
    return path


def views(data: Path) -> Views:
    found: Views = {}
    with open_store(data) as store:
        for view in VIEWS:
            rows = store.rows(f"SELECT * FROM signals.{view}")
            hidden = ARRIVAL.get(view, set())
            rows = [{k: v for k, v in row.items() if k not in hidden} for row in rows]
            found[view] = sorted(rows, key=str)
    return found


def play(tmp_path: Path, name: str, lines: list[bytes], until: str | None = None) -> Path:
    data = tmp_path / name
    until = until or EXAMPLE["until"]
    replay([write(tmp_path / f"{name}.ndjson", lines)], data, config(tmp_path), until)
    return data


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worked example, replayed once as it is told; nobody changes it."""
    return play(tmp_path_factory.mktemp("example"), "plain", signals())


@pytest.fixture(scope="module")
def whole(plain: Path) -> Views:
    return views(plain)


def test_the_worked_example(plain: Path) -> None:
    """PAY-42 goes the way of semantics 6.8, to the minute."""
    with open_store(plain) as store:
        states = store.rows(
            "SELECT state, effective_at, confirmed_at FROM signals.work_item_states ORDER BY confirmed_at"
        )
        found = store.rows(
            "SELECT raised_at, cleared_at, explanation FROM signals.findings WHERE rule = 'basically_done'"
        )
    seen = [
        [s["state"], s["effective_at"].isoformat(), s["confirmed_at"].isoformat()]
        for s in states
    ]
    assert EXAMPLE["states"] == seen
    assert [EXAMPLE["finding"]] == [
        [f["raised_at"].isoformat(), f["cleared_at"].isoformat(), f["explanation"]]
        for f in found
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_gives_the_same_views(tmp_path: Path, whole: Views, seed: int) -> None:
    """Signals in any order, three times over, give the same public views."""
    shuffled = signals() * 3
    random.Random(seed).shuffle(shuffled)
    assert whole == views(play(tmp_path, "shuffled", shuffled))


def test_two_replays_give_what_one_gives(tmp_path: Path, whole: Views) -> None:
    """A replay may be cut in two, in any directory that has seen the first part."""
    half = len(signals()) // 2
    play(tmp_path, "parts", signals()[half:])
    assert whole == views(play(tmp_path, "parts", signals()))


def test_a_later_until_moves_nothing_that_was_decided(tmp_path: Path, whole: Views) -> None:
    """Findings and confirmed instants of a smaller T stand as they are at a larger one."""
    early = views(play(tmp_path, "t", signals(), "2026-03-25T00:00:00+01:00"))
    late = views(play(tmp_path, "t", signals()))
    assert late == whole
    decided = {
        (s["state"], s["effective_at"], s["confirmed_at"]) for s in early["work_item_states"]
    }
    assert decided <= {
        (s["state"], s["effective_at"], s["confirmed_at"]) for s in late["work_item_states"]
    }
    assert {f["finding_id"] for f in early["findings"]} <= {
        f["finding_id"] for f in late["findings"]
    }


def test_rebuild_gives_the_same_views(tmp_path: Path, whole: Views) -> None:
    """All rows can be made anew from the stored signals."""
    data = play(tmp_path, "r", signals())
    rebuild(data)
    assert whole == views(data)


def test_bad_lines_never_stop_a_run(tmp_path: Path) -> None:
    """Good lines count; each bad one is kept with file, line and reason."""
    good = signals()
    bad = [b"{", b"[]", b"\xff", b'{"specversion":"1.0"}', b"[" * 100_000, b"x" * 5_000_000]
    file = write(tmp_path / "mixed.ndjson", [*good[:5], *bad, *good[5:]])
    summary = replay([file, tmp_path / "missing.ndjson"], tmp_path / "d", config(tmp_path))
    assert (len(good), len(bad) + 1) == (summary.accepted, summary.rejected)
    with open_store(tmp_path / "d") as store:
        rows = store.rows("SELECT line, reason, file FROM signals.rejections ORDER BY line")
    assert [row["line"] for row in rows] == [0, 6, 7, 8, 9, 10, 11]


def test_the_name_of_a_file_need_not_be_text(tmp_path: Path) -> None:
    """A file whose name is no UTF-8 is named in `rejections` as well as it can be."""
    missing = tmp_path / os.fsdecode(b"\xe9t\xe9.ndjson")
    assert replay([missing], tmp_path / "d").rejected == 1
    with open_store(tmp_path / "d") as store:
        [row] = store.rows("SELECT file FROM signals.rejections")
    assert Path(row["file"]).name == "\ufffdt\ufffd.ndjson"


def test_a_sequence_may_have_any_length(tmp_path: Path) -> None:
    """Sequences compare as numbers, also those of thousands of digits."""
    data = {"work_item": "jira:1", "key": "PAY-1"}
    start = "1" * 5000
    lines = [
        line(
            {
                "id": last,
                "type": "work_item.changed",
                "time": "2026-03-01T00:00:00Z",
                "sequence": start + last,
                "data": {**data, "title": last},
            }
        )
        for last in ("8", "9", "7")
    ]
    assert replay([write(tmp_path / "f.ndjson", lines)], tmp_path / "d").accepted == 3
    with open_store(tmp_path / "d") as store:
        [row] = store.rows("SELECT title FROM signals.work_items_now")
    assert row["title"] == "9"
