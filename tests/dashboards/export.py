"""Our dashboards and what their queries answer, for Grafana's own components to draw.

`python -m tests.dashboards.export DATA OUT` writes a folder per dashboard, with `dashboard.json`
and `frames.json` (see render/README.md), from a directory of the local engine.
"""

import argparse
import datetime as dt
import json
from pathlib import Path
from typing import Any

from dashboards import provisioning
from dashboards.expand import Range
from dashboards.preview.boards import clock, known, range_of
from dashboards.preview.frames import Field, Frame, answered
from dashboards.shared import asker
from pipeline.preview import Asked
from pipeline.store.client import open_reader

Json = dict[str, Any]


def export(data: Path, out: Path) -> None:
    with open_reader(data, None) as store:
        run = Asked(store)
        now = clock(run) or dt.datetime.now(dt.UTC)
        for uid, body in provisioning.dashboards().items():
            board = known(body, run, now)
            range_ = range_of(board, now)
            choices = {one.name: one.choice(one.first) for one in board.variables}
            frames = {
                "timeRange": _times(range_),
                "variables": {"datasource": "clickhouse"}
                | {one.name: one.first for one in board.variables},
                "panels": {
                    str(panel["id"]): [
                        _frame(frame) for frame in answered(targets, run, range_, choices)
                    ]
                    for panel in body["panels"]
                    if (targets := asker(panel, body).get("targets"))
                },
            }
            folder = out / uid
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "dashboard.json").write_text(json.dumps(body))
            (folder / "frames.json").write_text(json.dumps(frames))


def _times(range_: Range) -> Json:
    return {"from": _millis(range_.start), "to": _millis(range_.end)}


def _millis(at: dt.datetime) -> int:
    return round(at.timestamp() * 1000)


def _frame(frame: Frame) -> Json:
    fields = [
        {"name": one.name, "type": one.kind, "labels": dict(one.labels)} for one in frame.fields
    ]
    values = [_values(one) for one in frame.fields]
    return {"schema": {"refId": frame.ref, "fields": fields}, "data": {"values": values}}


def _values(field: Field) -> list[Any]:
    if field.kind != "time":
        return field.values
    return [None if value is None else _millis(value) for value in field.values]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a directory of the local engine")
    parser.add_argument("out", type=Path, help="where the folders go")
    given = parser.parse_args()
    export(given.data, given.out)
