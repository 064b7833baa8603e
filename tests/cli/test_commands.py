"""What each command answers, to people and to programs, and how it fails."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from pipeline import cli
from pipeline.cli import app
from tests.cli.conftest import EXAMPLE, Signals

HERE = Path(__file__).parent
VIEWS: dict[str, list[str]] = yaml.safe_load(
    (HERE.parent / "store" / "contract.yaml").read_text("utf-8")
)
EXPLAINED: list[dict[str, Any]] = yaml.safe_load((HERE / "explain.yaml").read_text("utf-8"))
ERRORS: list[dict[str, Any]] = yaml.safe_load((HERE / "errors.yaml").read_text("utf-8"))


def commands(group: typer.Typer, *before: str) -> list[tuple[str, ...]]:
    found = [
        (*before, one.name or one.callback.__name__)  # type: ignore[union-attr]
        for one in group.registered_commands
    ]
    for sub in group.registered_groups:
        assert sub.name is not None
        assert sub.typer_instance is not None
        found += commands(sub.typer_instance, *before, sub.name)
    return found


@pytest.mark.parametrize("command", [(), *commands(app)], ids=" ".join)
def test_every_command_explains_itself(signals: Signals, command: tuple[str, ...]) -> None:
    """`--help` exits 0 and says what the command does."""
    ran = signals(*command, "--help")
    assert ran.code == 0
    assert "Usage: " + " ".join(("signals", *command)) in " ".join(ran.out.split())


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: " ".join(case["run"])[:50])
def test_an_error_is_one_line_and_an_exit_code(
    signals: Signals, acme: Path, case: dict[str, Any]
) -> None:
    """What, where and what to do on stderr, nothing else; 2 for wrong usage, else 1."""
    ran = signals(*case["run"])
    assert ran.code == case["code"], ran
    for part in case["says"]:
        assert part in ran.err
    if case["says"] and case["run"][:2] != ["config", "check"]:
        assert ran.out == ""
        assert re.fullmatch(r"error: [^\n]+\n", ran.err), ran.err


@pytest.mark.parametrize("view", VIEWS)
def test_query_answers_every_view(signals: Signals, acme: Path, view: str) -> None:
    """In JSON, with the columns of the contract, and as valid JSON whatever the rows hold."""
    ran = signals("query", f"SELECT * FROM signals.{view}", "--data", acme, "--json")
    assert ran.code == 0, ran.err
    assert ran.err == ""
    for row in ran.json:
        assert list(row)[: len(VIEWS[view])] == VIEWS[view]


def test_the_small_organisation_is_in_the_views(signals: Signals, acme: Path) -> None:
    """The views that its signals fill have rows, so that the test before says something."""
    sql = "UNION ALL ".join(f"SELECT '{view}' AS v FROM signals.{view} " for view in VIEWS)
    rows = signals("query", f"SELECT DISTINCT v FROM ({sql})", "--data", acme, "--json").json
    filled = {row["v"] for row in rows}
    assert filled >= {
        *("goals_now", "goal_progress_daily", "goal_contributions", "goal_versions"),
        *("work_items_now", "work_item_states", "findings", "links", "basically_done_daily"),
        *("adopters", "adoption_daily", "adoption_now", "decisions", "deploys"),
        *("changes_shipped", "data_quality_daily", "signals", "rejections"),
    }


def test_query_has_three_forms(signals: Signals, acme: Path) -> None:
    """A table for people, JSON and CSV for programs; they say the same."""
    sql = "SELECT key, state, reasons, shipped_at, done_at, age FROM signals.work_items_now"
    table = signals("query", sql, "--data", acme).out.splitlines()
    [row] = csv.DictReader(
        signals("query", sql, "--data", acme, "--format", "csv").out.splitlines()
    )
    [found] = signals("query", sql, "--data", acme, "--format", "json").json
    assert found["shipped_at"] == row["shipped_at"] == "2026-03-05T08:00:00.000Z"
    assert found["reasons"] == json.loads(row["reasons"]) == ["below_target"]
    assert (found["done_at"], row["done_at"]) == (None, "")
    assert table[0].split() == ["key", "state", "reasons", "shipped_at", "done_at", "age"]
    assert table[1].split() == [
        *("PAY-42", "shipped_not_adopted", "below_target", "2026-03-05T08:00:00.000Z", "–"),
        "22.33",
    ]


def test_json_holds_whatever_a_column_holds(signals: Signals, acme: Path) -> None:
    """No NaN, instants in one form at any depth, brackets as they are."""
    sql = "SELECT nan AS a, [inf] AS b, map('k', toDateTime64(0, 3, 'UTC')) AS c, '[/x]' AS d"
    [row] = signals("query", sql, "--data", acme, "--json").json
    assert row == {"a": None, "b": [None], "c": {"k": "1970-01-01T00:00:00.000Z"}, "d": "[/x]"}
    assert "[/x]" in signals("query", sql, "--data", acme).out


def test_an_answer_without_rows_has_its_columns(signals: Signals, acme: Path) -> None:
    """Nothing found is an answer too."""
    sql = "SELECT goal_id, value FROM signals.goals_now WHERE goal_id = 'x'"
    assert signals("query", sql, "--data", acme, "--json").json == []
    assert signals("query", sql, "--data", acme, "--format", "csv").out == "goal_id,value\n"
    assert signals("query", sql, "--data", acme).out.split() == ["goal_id", "value"]


def test_what_is_refused_changes_nothing(signals: Signals, acme: Path) -> None:
    """After an INSERT and a DROP were refused, all signals are there."""
    count = "SELECT count() AS n FROM signals.signals"
    before = signals("query", count, "--data", acme, "--json").json
    for sql in ("INSERT INTO signals_store.signals (id) VALUES ('x')", "DROP DATABASE signals"):
        assert signals("query", sql, "--data", acme).code == 1
    assert signals("query", count, "--data", acme, "--json").json == before


def test_goals(signals: Signals, acme: Path) -> None:
    """Every goal with value, target and status."""
    [goal] = signals("goals", "--data", acme, "--json").json
    assert (goal["goal_id"], goal["value"], goal["target"]) == ("checkout-faster", 4, 6)
    assert goal["basically_done"] == 1
    table = signals("goals", "--data", acme).out
    assert "Checkout in one click" in table
    assert "Forecasts: not checked against the past yet" in table


def test_findings(signals: Signals, acme: Path) -> None:
    """What is open, by the key that people know, with its reason and the decision on it."""
    finding, starved = signals("findings", "--data", acme, "--json").json
    assert starved["explanation"].startswith("no work item moved for 10 working days")
    assert finding["raised_at"] == EXAMPLE["finding"][0].replace("+00:00", ".000Z")
    assert finding["explanation"] == "used by fewer than the target (2/6)"
    assert finding["decision"] == "ack"
    table = signals("findings", "--data", acme).out
    assert re.search("basically_done +PAY-42 +payments", table)
    assert "2026-03-19" in table


@pytest.mark.parametrize("case", EXPLAINED, ids=lambda case: " ".join(case["about"])[:50])
def test_explain(signals: Signals, acme: Path, case: dict[str, Any]) -> None:
    """The whole chain down to the signals; each of them can be seen with the query it names."""
    said = signals("explain", *case["about"], "--data", acme).out
    assert said == case["says"]
    found = signals("explain", *case["about"], "--data", acme, "--json").json
    assert found["text"] in said.splitlines()[0]
    shown = said.splitlines()[-1].removeprefix('  signals query "').removesuffix('"')
    assert len(signals("query", shown, "--data", acme, "--json").json) == 1


def test_digest(signals: Signals, acme: Path) -> None:
    """The first sentence is a number; it names work, reason, next step, and who has not adopted."""
    said = signals("digest", "--data", acme).out
    assert said == signals("digest", "--data", acme, "--json").json["text"] + "\n"
    assert said.startswith(
        "4 of 6 adopters, day 17 of 44. No change for 2 days. The plan expected 1.44 by now."
    )
    assert "Basically done: 1 work item (done: 0)\n  PAY-42" in said
    assert "used by fewer than the target (2/6); claimed 2 Mar: ask those who have not" in said
    assert "One-click payment                  4 of 12 teams" in said
    assert "not yet: data, docs, help and 5 more" in said
    assert "0 of 1 work item unknown, 3 lines rejected" in said


def test_status(signals: Signals, acme: Path) -> None:
    """Per source what came and when it was last heard; what names no source is not lost."""
    rows = {row["source"]: row for row in signals("status", "--data", acme, "--json").json}
    assert rows["/acme"]["last"] == "2026-03-24"
    assert rows["/acme"]["rejected"] == 1
    assert rows["(unknown)"]["rejected"] == 2
    assert rows["(unknown)"]["last"] is None


def test_replaying_again_counts_nothing_twice(signals: Signals, acme: Path) -> None:
    """Each line counts once in the summary, repeated ones as duplicates."""
    ran = signals("replay", "acme.ndjson", "--data", acme, "--json")
    assert ran.code == 0
    known = len(EXAMPLE["signals"]) + len(EXAMPLE["uses"]) + 1
    summary = ran.json
    assert summary["lines"] == summary["accepted"] + summary["rejected"]
    assert summary["rejected"] == 3
    assert 0 < summary["duplicates"] <= known


def test_long_work_says_how_far_it_is(
    signals: Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no terminal, a plain line now and then; the last line is the summary."""
    monkeypatch.setattr(cli, "EVERY", 0.0)
    file = tmp_path / "blanks.ndjson"
    file.write_bytes(b"{}\n" * 4000)
    said = signals("replay", file, "--data", tmp_path / "data").err.splitlines()
    assert said[0] == "replay: 0.0 MB, 100%"
    assert "4000 lines: 0 accepted (0 duplicates), 0 ignored, 4000 rejected" in said
    assert said[-1] == "`signals rejected list` shows what was rejected, and why"


@pytest.mark.usefixtures("new_stores_are_empty")
def test_migrate(signals: Signals, acme: Path, tmp_path: Path) -> None:
    """A new directory gets the schema, one that has it nothing."""
    assert signals("migrate", "--data", tmp_path / "new", "--json").json["applied"]
    assert signals("migrate", "--data", acme, "--json").json == {"applied": []}
    assert signals("migrate", "--data", acme).err == "0 migrations applied\n"


def test_schema(signals: Signals, tmp_path: Path) -> None:
    """One valid JSON Schema per signal type."""
    written = signals("schema", "--out", tmp_path / "schemas", "--json").json
    assert len(written) > 20
    for path in written:
        assert json.loads(Path(path).read_text("utf-8"))["$schema"]


def test_config_show(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting with its origin; a secret is masked."""
    monkeypatch.setenv("SIGNALS_CLICKHOUSE_URL", "http://me:hunter2@ch:8123")
    shown = {row["name"]: row for row in signals("config", "show", "--json").json}
    assert shown["data"]["value"] == ".signals"
    assert shown["clickhouse_url"]["origin"] == "environment SIGNALS_CLICKHOUSE_URL"
    plain = signals("config", "show")
    assert "hunter2" not in plain.out + json.dumps(shown)


def test_config_check(signals: Signals, acme: Path) -> None:
    """Good definitions have no problems."""
    assert signals("config", "check", "acme.yaml") == (0, "", "acme.yaml: no problems\n")
    assert signals("config", "check", "acme.yaml", "--json").json == []


def test_rebuild_and_erase(signals: Signals, acme: Path) -> None:
    """All rows come out of the stored signals again; an erased adopter keeps counting."""
    sql = "SELECT value FROM signals.goals_now"
    before = signals("query", sql, "--data", acme, "--json").json
    assert signals("rebuild", "--data", acme, "--json").json["signals"] > 10
    assert signals("erase", "ios", "--data", acme, "--json").json["signals"] > 0
    assert signals("query", sql, "--data", acme, "--json").json == before
    sql = "SELECT countIf(adopter = 'ios') AS n, count() AS all FROM signals.adopters"
    assert signals("query", sql, "--data", acme, "--json").json == [{"n": 0, "all": 12}]


@pytest.mark.usefixtures("new_stores_are_empty")
def test_demo(signals: Signals, tmp_path: Path) -> None:
    """A short simulation ends with a digest whose first sentence is a number."""
    ran = signals("demo", "--data", tmp_path, "--days", "30")
    assert ran.code == 0, ran.err
    assert re.match(r"[\d.]+( %)? of [\d.]+", ran.out)
    assert "Trust: " in ran.out
    assert (tmp_path / "simulation" / "truth.json").exists()


def test_backtest_of_a_new_store_has_nothing_to_judge(signals: Signals, tmp_path: Path) -> None:
    """That is said, and is no error."""
    signals("migrate", "--data", tmp_path)
    ran = signals("backtest", "--data", tmp_path, "--json")
    assert (ran.code, ran.json) == (0, [])
    assert "no forecast is old enough" in signals("backtest", "--data", tmp_path).err
