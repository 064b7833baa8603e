"""How long a line takes, per signal type: `python -m tests.bench decode`.

The best of several rounds in processor time, so that a busy machine distorts little. The
first line is a fixed piece of work, to compare machines by.
"""

# ruff: noqa: T201 -- a benchmark prints

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from pipeline.engine.decode import Decoded, decode
from pipeline.engine.reader import read

CLOCK = 1_780_272_000_000
LINES: dict[str, dict[str, Any]] = {
    "delivery.subject.used.v1": {
        "subject": "one-click-pay",
        "adopter": "web-team",
        "action": "checkout",
        "count": 2,
    },
    "delivery.subject.pinned.v1": {
        "package": "acme/sdk",
        "adopter": "acme/shop",
        "version": "2.1.0",
        "previous_version": "2.0.3",
    },
    "delivery.work_item.changed.v1": {
        "work_item": "jira:10042",
        "key": "PAY-42",
        "title": "Pay with one click",
        "kind": "feature",
        "status": {"name": "In Progress", "category": "doing"},
        "team": "payments",
        "parent": "PAY-1",
        "labels": ["goal:checkout-faster", "web"],
    },
    "delivery.change.merged.v1": {
        "change": "acme/checkout!1",
        "repository": "acme/checkout",
        "shas": ["a" * 40, "b" * 40],
        "base": "main",
        "default_branch": True,
        "title": "PAY-42 Pay with one click",
        "paths": ["web/pay.ts", "web/pay.test.ts"],
        "first_commit_at": "2026-03-01T10:00:00Z",
        "work_items": [{"key": "PAY-42", "via": "title"}],
    },
    "delivery.deploy.finished.v1": {
        "deploy": "github:deployment:1",
        "service": "checkout",
        "environment": {"name": "production", "tier": "production"},
        "outcome": "success",
        "kind": "deploy",
        "repository": "acme/checkout",
        "sha": "a" * 40,
    },
    "delivery.adoption.verified.v1": {
        "subject": "one-click-pay",
        "adopter": "web-team",
        "verdict": "yes",
        "method": "survey",
    },
    "delivery.kpi.measured.v1": {"goal": "less-churn", "value": 12.5},
    "delivery.tick.v1": {},
}


def seconds(work: Callable[[], object], times: int) -> float:
    best = float("inf")
    for _ in range(9):
        start = process_time()
        for _ in range(times):
            work()
        best = min(best, (process_time() - start) / times)
    return best


def line_of(name: str, data: dict[str, Any]) -> bytes:
    event = {
        "specversion": "1.0",
        "id": "evt-000123456",
        "source": "/segment/acme",
        "type": name,
        "time": "2026-03-02T10:00:00.123Z",
        "data": data,
    }
    return json.dumps(event, separators=(",", ":")).encode()


def main() -> None:
    print(f"{'sum(range(100))':32} {seconds(lambda: sum(range(100)), 20_000) * 1e6:6.2f} µs")
    for name, data in LINES.items():
        line = line_of(name, data)
        assert isinstance(decode(line, 0, CLOCK), Decoded)
        taken = seconds(lambda line=line: decode(line, 0, CLOCK), 10_000)  # type: ignore[misc]
        print(f"{name:32} {taken * 1e6:6.2f} µs  {len(line)} bytes")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lines.ndjson")
        path.write_bytes((line_of(*next(iter(LINES.items()))) + b"\n") * 200_000)
        taken = seconds(lambda: sum(1 for _ in read([path])), 1)
        print(f"{'read a plain file':32} {taken / 0.2:6.2f} µs  per line")


if __name__ == "__main__":
    main()
