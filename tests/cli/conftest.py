"""Commands run in this process, as from a shell: arguments in; exit code, stdout, stderr out."""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from unittest.mock import patch

import pytest
import yaml

from pipeline.cli import main

EXAMPLE = yaml.safe_load(
    (Path(__file__).parents[1] / "engine" / "example.yaml").read_text(encoding="utf-8")
)
UNTIL = "2026-03-25T00:00:00+01:00"
"""Two days after PAY-42 should have been adopted; its finding is open."""


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer as JSON; NaN and the like are none."""
        return json.loads(self.out, parse_constant=pytest.fail)


class Signals(Protocol):
    def __call__(self, *arguments: object) -> Ran: ...


def run(*arguments: object) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["signals", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as exit_,
    ):
        main()
    assert "Traceback" not in out.getvalue() + err.getvalue()
    return Ran(int(exit_.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module", autouse=True)
def nothing_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder to work in, and no setting from outside."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("DATA", "CONFIG", "CLICKHOUSE_URL", "SETTINGS", "KAFKA", "HTTP", "TICKER"):
            patched.delenv(f"SIGNALS_{name}", raising=False)
        here = tmp_path_factory.mktemp("here")
        patched.chdir(here)
        yield here


@pytest.fixture(scope="module")
def signals() -> Signals:
    return run


def event(signal: dict[str, Any]) -> bytes:
    whole = {"specversion": "1.0", "source": "/acme", **signal}
    whole["type"] = f"delivery.{whole['type']}.v1"
    return json.dumps(whole).encode()


@pytest.fixture(scope="module")
def acme(nothing_set: Path) -> Path:
    """A small organisation: PAY-42 is shipped and not adopted; three lines were bad."""
    lines = [event(signal) for signal in EXAMPLE["signals"]]
    for n, use in enumerate(EXAMPLE["uses"]):
        data = {"subject": "one-click-pay", "adopter": use["team"]}
        signal = {"id": f"use-{n}", "type": "subject.used", "time": use["from"], "data": data}
        lines.append(event(signal))
    finding = "basically_done:work_item:jira:1:20260319T080000Z"
    data = {"about": finding, "decision": "ack", "by": "pm", "reason": "[/we] saw it"}
    decided = {"id": "d1", "type": "decision.recorded", "time": "2026-03-20T10:00:00+01:00"}
    lines.append(event(decided | {"data": data}))
    lines += [b"{", b'{"a":"\xff"}', lines[0].replace(b"2026-02-20", b"1999-02-20")]
    (nothing_set / "acme.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    (nothing_set / "acme.yaml").write_text(yaml.safe_dump(EXAMPLE["config"]))
    ran = run(
        "replay", "acme.ndjson", "--data", "acme", "--config", "acme.yaml", "--until", UNTIL
    )
    assert ran.code == 0, ran.err
    return Path("acme")
