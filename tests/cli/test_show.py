"""Rows on a terminal and elsewhere; a run that somebody stops."""

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.show import show

NAMES = ("goal_id", "title", "value", "parents")
ROWS = (
    ("checkout-faster", "[b]Checkout[/b] in one click", 0.5, ["grow"]),
    ("grow", "Growth", None, []),
)
SHORTEST = 48
"""Columns of the longest words of the rows above, side by side."""


def shown(width: int, *, terminal: bool) -> list[str]:
    out = Console(file=io.StringIO(), width=width, force_terminal=terminal, no_color=True)
    show(out, NAMES, ROWS, "table")
    assert isinstance(out.file, io.StringIO)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def plain(lines: list[str]) -> list[str]:
    return [line.replace("\x1b[1m", "").replace("\x1b[0m", "") for line in lines]


@pytest.mark.parametrize("width", [SHORTEST, 80, 200])
def test_rows_that_fit_are_a_table(width: int) -> None:
    """No word is cut; longer texts wrap; brackets are text."""
    lines = plain(shown(width, terminal=True))
    assert lines[0].split() == list(NAMES)
    assert any("[b]Checkout[/b]" in line for line in lines)
    assert max(map(len, lines)) <= width


def test_rows_that_do_not_fit_stand_one_below_the_other() -> None:
    """Instead of columns that show a letter each: name and value on a line."""
    lines = plain(shown(SHORTEST - 1, terminal=True))
    assert [line.split() for line in lines if line.startswith("goal_id")] == [
        ["goal_id", "checkout-faster"],
        ["goal_id", "grow"],
    ]
    assert "value    –" in lines


def test_a_file_has_no_width(capsys: pytest.CaptureFixture[str]) -> None:
    """What is piped into another program is one row per line, whatever the width."""
    show(Console(width=10), NAMES, ROWS, "table")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "[b]Checkout[/b] in one click" in lines[1]


def test_a_run_can_be_stopped(tmp_path: Path) -> None:
    """Ctrl-C is one line and exit code 130, and the same command goes on."""
    # a shell that starts the tests in the background lets them ignore Ctrl-C
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heed}; from pipeline.cli import main; main()"
    data = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-c", program, "replay", "-", "--data", str(data)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        deadline = time.monotonic() + 60
        while not (data / "state.sqlite").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said == "stopped; run the same command again to go on\n"
