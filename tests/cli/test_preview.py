"""`signals preview`: the file, what is written to stdout and stderr, exit codes, other times."""

import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from pipeline import preview
from tests.cli.conftest import Signals


def test_a_preview_is_one_file_beside_the_data(signals: Signals, acme: Path) -> None:
    """All dashboards are in it, and no panel failed; it says where it is."""
    ran = signals("preview", "--data", acme)
    assert (ran.code, ran.out) == (0, "")
    page = acme / "preview" / "index.html"
    assert ran.err.startswith(f"{page}: ")
    html = page.read_text("utf-8")
    for body in preview.chosen(None):
        assert f'data-uid="{body["uid"]}"' in html
    assert "PAY-42" in html


def test_one_dashboard_may_be_asked_for(signals: Signals, acme: Path, tmp_path: Path) -> None:
    """By its short name, in a theme, into another folder; programs get JSON."""
    name = preview.chosen(None)[0]["uid"]
    ran = signals(
        "preview", "--data", acme, "--dashboard", name, "--theme", "dark", "--out", tmp_path, "--json"
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["page"] == str(tmp_path / "index.html")
    assert ran.json["problems"] == []
    html = (tmp_path / "index.html").read_text("utf-8")
    assert '<html lang="en" data-theme="dark">' in html
    assert html.count('<div class="board"') == 1


def test_a_panel_that_fails_is_named_and_the_page_is_written(
    signals: Signals, acme: Path, tmp_path: Path
) -> None:
    """The exit code says that something is wrong; the page shows the rest."""
    place = {"x": 0, "y": 0, "w": 24, "h": 4}
    targets = [{"refId": "A", "format": 1, "rawSql": "SELECT nothing FROM signals.goals_now"}]
    wrong = {"id": 1, "type": "stat", "title": "Wrong", "gridPos": place, "targets": targets}
    bodies: dict[str, Any] = {"one": {"uid": "one", "title": "One", "panels": [wrong]}}
    with patch.object(preview, "built", lambda: bodies):
        ran = signals("preview", "--data", acme, "--out", tmp_path)
    assert ran.code == 1
    assert "error: 'Wrong' of One: " in ran.err
    assert "nothing" in ran.err
    assert (tmp_path / "index.html").exists()


def test_a_preview_of_another_time_shows_what_was_known_then(
    signals: Signals, acme: Path, tmp_path: Path
) -> None:
    """Not what came later; the data itself stays as it is."""
    before = signals(
        "query", "SELECT count() AS n FROM signals.signals", "--data", acme, "--json"
    )
    html = {}
    for at in ("2026-02-19T00:00:00Z", "2030-01-01T00:00:00Z"):
        ran = signals(
            "preview", "--data", acme, "--at", at, "--dashboard", "wake-up", "--out", tmp_path
        )
        assert ran.code == 0, ran.err
        html[at] = (tmp_path / "index.html").read_text("utf-8")
    known = [re.findall(r"As the store knew it at ([^<.]*)", page)[0] for page in html.values()]
    assert known == ["18 Feb 2026, 23:00 UTC", "24 Mar 2026, 23:00 UTC"]
    assert ["PAY-42" in page for page in html.values()] == [False, True]
    after = signals(
        "query", "SELECT count() AS n FROM signals.signals", "--data", acme, "--json"
    )
    assert after.json == before.json


def test_a_server_s_store_has_no_other_time(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replay is of the local engine; the error says so before anything is asked."""
    monkeypatch.setenv("SIGNALS_CLICKHOUSE_URL", "http://nobody:8123")
    ran = signals("preview", "--at", "2026-03-04T00:00:00Z")
    assert ran.code == 2
    assert "SIGNALS_CLICKHOUSE_URL names a server" in ran.err


def test_a_picture_needs_a_browser(signals: Signals, acme: Path, tmp_path: Path) -> None:
    """The page is written; the error says what to install."""
    with patch("dashboards.preview.picture.shutil.which", lambda _: None):
        ran = signals("preview", "--data", acme, "--out", tmp_path, "--png")
    assert ran.code == 2
    assert "no Chromium is found; install it" in ran.err
    assert (tmp_path / "index.html").exists()
