"""Bad input as a newcomer meets it: the run goes on, and everything says what to do about it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard

from pipeline.engine.reasons import REASONS
from tests.cli.conftest import Ran, Signals
from tests.edge.test_decode import CASES, line_of

HERE = Path(__file__).parent
BROKEN: list[dict[str, Any]] = yaml.safe_load((HERE / "broken.yaml").read_text("utf-8"))
BAD = [
    case
    for case in yaml.safe_load((CASES / "bad.yaml").read_text("utf-8"))
    # A blank line is skipped, and the clock of a command is not that of the case.
    if line_of(case) and case.get("event", {}).get("time") != "2026-06-02T00:00:00.001Z"
]


def good(n: int, adopter: str = "web") -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"good-{n}",
        "source": "/acme",
        "type": "delivery.subject.used.v1",
        "time": f"2026-03-02T10:{n // 60 % 60:02}:{n % 60:02}Z",
        "data": {"subject": "pay", "adopter": adopter},
    }
    return json.dumps(event).encode()


@pytest.fixture(scope="module")
def messy(nothing_set: Path, signals: Signals) -> Ran:
    """A folder of files with everything that can be wrong, replayed once."""
    lines = [good(0)]
    for case in BAD:
        lines += [line_of(case), good(len(lines))]
    (nothing_set / "messy.ndjson").write_bytes(b"\n".join(lines))
    repeated = good(9001).replace(b'{"spec', b'{"id": "first", "spec')
    (nothing_set / "windows.ndjson").write_bytes(
        b"\xef\xbb\xbf" + b"\r\n".join([good(9000), b"", repeated, good(0), b""])
    )
    (nothing_set / "again.ndjson").write_bytes(good(0, "another body"))
    many = b"\n".join(good(n) for n in range(10_000, 14_000))
    packed = gzip.compress(many)
    (nothing_set / "cut.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    packed = zstandard.compress(many)
    (nothing_set / "cut.ndjson.zst").write_bytes(packed[: len(packed) - 9])
    return signals(
        *("replay", "messy.ndjson", "windows.ndjson", "again.ndjson"),
        *("cut.ndjson.gz", "cut.ndjson.zst", "missing.ndjson", "--data", "messy", "--json"),
    )


@pytest.fixture(scope="module")
def rejected(messy: Ran, signals: Signals) -> list[dict[str, Any]]:
    found = signals("rejected", "list", "--data", "messy", "--json").json
    assert isinstance(found, list)
    return found


def test_the_run_goes_on(messy: Ran, rejected: list[dict[str, Any]]) -> None:
    """Exit code 0; good lines before, between and after bad ones count."""
    assert messy.code == 0, messy.err
    summary = messy.json
    assert summary["rejected"] + summary["accepted"] >= summary["lines"]
    # again.ndjson is one more, whichever of the two bodies wins
    assert len(rejected) == len(BAD) + 4
    assert summary["duplicates"] >= 1


def test_good_lines_are_all_there(messy: Ran, signals: Signals) -> None:
    """None is lost beside a bad one; CRLF, a BOM and repeated keys are fine."""
    sql = "SELECT id FROM signals.signals WHERE id LIKE 'good-%'"
    ids = {row["id"] for row in signals("query", sql, "--data", "messy", "--json").json}
    assert {f"good-{n}" for n in (0, *range(1, 2 * len(BAD), 2), 9000, 9001)} <= ids
    assert "good-10000" in ids, "what stands before the cut of an archive"


def test_each_bad_line_is_kept_with_its_place(rejected: list[dict[str, Any]]) -> None:
    """File, line as an editor counts it, reason, and a detail for people."""
    found = {row["line"]: row for row in rejected if row["file"] == "messy.ndjson"}
    for n, case in enumerate(BAD):
        row = found.pop(2 * n + 2)
        assert row["reason"] == case["reason"], case["claim"]
        assert case["detail"].removesuffix(" 2026-06-01") in row["detail"], case["claim"]
    assert found == {}


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("cut.ndjson.gz", "truncated_archive"),
        ("cut.ndjson.zst", "truncated_archive"),
        ("missing.ndjson", "unreadable_file"),
    ],
)
def test_a_bad_file_is_one_rejection(
    rejected: list[dict[str, Any]], file: str, reason: str
) -> None:
    """A file that ends too early or is not there."""
    assert [row["reason"] for row in rejected if row["file"] == file] == [reason]


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason != "too_late"])
def test_explain_says_what_to_do(
    rejected: list[dict[str, Any]], signals: Signals, reason: str
) -> None:
    """Every reason occurred, and its explanation has place, detail, meaning and remedy."""
    row = next(row for row in rejected if row["reason"] == reason)
    ran = signals("rejected", "explain", row["rejection_id"], "--data", "messy")
    assert ran.code == 0
    assert ran.err == ""
    said = f"{REASONS[reason].explanation} {REASONS[reason].remedy}\n"  # type: ignore[index]
    assert ran.out.endswith(said)
    assert ran.out.startswith(row["file"])
    assert f"{reason}: " in ran.out
    ran = signals("rejected", "explain", row["rejection_id"], "--data", "messy", "--json")
    assert ran.json["remedy"] == REASONS[reason].remedy  # type: ignore[index]


def test_rejected_bytes_can_be_shown(messy: Ran, signals: Signals) -> None:
    """Also those that are no text: in a table, in JSON, in CSV."""
    for form in ("table", "json", "csv"):
        sql = "SELECT * FROM signals.rejections WHERE reason = 'not_utf8' ORDER BY line"
        ran = signals("query", sql, "--data", "messy", "--format", form)
        assert ran.code == 0, ran.err
        assert "messy.ndjson" in ran.out


def test_a_digest_counts_them(
    messy: Ran, rejected: list[dict[str, Any]], signals: Signals
) -> None:
    """Nobody who reads the digest misses that something was not taken."""
    said = signals("digest", "--data", "messy").out
    assert said.startswith("0 goals with a target so far.")
    assert f"{len(rejected)} lines rejected" in said


def test_after_the_cause_is_mended_a_replay_takes_them(
    signals: Signals, tmp_path: Path
) -> None:
    """With an earlier epoch what came before it counts, long lines too; the rest stays."""
    early = good(1).replace(b"2026-03-02", b"1999-03-02")
    long = good(2, "x" * 100_000).replace(b"2026-03-02", b"1999-03-02")
    file = tmp_path / "early.ndjson"
    file.write_bytes(b"\n".join([early, b"{", long]))
    data = ("--data", tmp_path / "data")
    assert signals("replay", file, *data, "--json").json["rejected"] == 3
    assert signals("rejected", "replay", *data, "--json").json == {"accepted": 0, "rejected": 3}
    (tmp_path / "new.yaml").write_text("organisation: {epoch: 1990-01-01}\n")
    (tmp_path / "none.ndjson").touch()
    config = ("--config", tmp_path / "new.yaml")
    assert signals("replay", tmp_path / "none.ndjson", *data, *config).code == 0
    assert signals("rejected", "replay", *data, "--json").json == {"accepted": 2, "rejected": 1}
    left = signals("rejected", "list", *data, "--json").json
    assert [(row["line"], row["reason"]) for row in left] == [(2, "not_json")]


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["claim"])
def test_broken_definitions(signals: Signals, tmp_path: Path, case: dict[str, Any]) -> None:
    """`config check` names file, line, key and remedy; what is broken is not replayed with."""
    file = tmp_path / "acme.yaml"
    file.write_text(case["text"])
    checked = signals("config", "check", file)
    assert checked.code == 1
    [line] = [line for line in checked.err.splitlines() if f"{file}:{case['line']}: " in line]
    level = "dangling" if case.get("dangling") else "broken"
    assert line.startswith(f"{level}: ")
    for part in case["says"]:
        assert part in line
    [problem] = signals("config", "check", file, "--json").json
    assert (problem["level"], problem["problem"]) == (level, line.partition(": ")[2])
    signals_file = tmp_path / "good.ndjson"
    signals_file.write_bytes(good(1))
    ran = signals("replay", signals_file, "--data", tmp_path / "data", "--config", file)
    assert ran.code == (0 if case.get("dangling") else 1)
    assert line.partition(": ")[2] in ran.err
