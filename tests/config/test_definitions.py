"""Definitions are read with the place of everything that is wrong in them."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.definitions import check_definitions, load_definitions
from pipeline.definitions.located import read
from pipeline.errors import ConfigError

DATA = Path(__file__).parent / "data"


def expected(path: Path) -> list[tuple[int, str]]:
    """Line and beginning of every problem that a file announces: `#! level key: message`."""
    return [
        (number, said.strip())
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for said in line.split("#!")[1:]
    ]


def found(path: Path) -> list[tuple[int, str]]:
    problems = check_definitions(path)
    assert {problem.file for problem in problems} == {str(path)}
    said = []
    for problem in problems:
        place = f"{path}:{problem.line}: "
        text = str(problem).removeprefix(place)
        said.append((problem.line or 0, f"{problem.level} {text}"))
    return said


@pytest.mark.parametrize("path", sorted(DATA.glob("*.yaml")), ids=lambda path: path.stem)
def test_problems(path: Path) -> None:
    """A file has exactly the problems that it announces, each on its line."""
    if path.stem == "good":
        assert check_definitions(path) == []
        return
    left = found(path)
    for line, beginning in expected(path):
        # A problem without a key has nothing before its message.
        start = beginning.replace("broken : ", "broken ")
        match = [one for one in left if one[0] == line and one[1].startswith(start)]
        assert match, f"line {line} has no {start!r}, only {left}"
        left.remove(match[0])
    assert left == []


@pytest.mark.parametrize("path", sorted(DATA.glob("bad-*.yaml")), ids=lambda path: path.stem)
def test_refused(path: Path) -> None:
    """What is broken is not loaded, and the error has the first place and all problems."""
    with pytest.raises(ConfigError) as refused:
        load_definitions(path)
    assert str(refused.value).startswith(f"{path}:")
    assert "\n" not in str(refused.value)
    assert {problem.level for problem in refused.value.problems} == {"broken"}


def test_typed() -> None:
    """A file becomes typed records, with dates as dates."""
    loaded = load_definitions(DATA / "good.yaml")
    assert loaded.problems == ()
    assert loaded.organisation is not None
    assert loaded.organisation.holidays == (dt.date(2026, 1, 1),)
    assert loaded.organisation.working_days == (0, 1, 2, 3, 4)
    assert [team.working_days for team in loaded.teams[1:]] == [
        (0, 1, 2, 3, 6),
        (0, 1, 2, 3, 6),
        (0, 1, 2, 3, 6),
    ]
    assert loaded.goals[1].class_ == "committed"
    assert loaded.goals[1].due_on == dt.date(2026, 3, 31)
    assert loaded.notify is not None
    assert loaded.notify.digest_at == "07:30"


def test_records() -> None:
    """Records are plain, say what the file says, and nothing else."""
    listed = list(load_definitions(DATA / "good.yaml").records())
    records = {(kind, id, start): record for kind, id, start, record in listed}
    assert len(records) == len(listed)
    assert next(kind for kind, *_ in listed) == "organisation"
    assert json.loads(json.dumps(list(records.values()))) == list(records.values())
    assert records["team", "mobile", dt.date(2026, 2, 1)] == {
        "id": "mobile",
        "from": "2026-02-01",
        "people": 5,
        "working_days": [0, 1, 2, 3, 6],
    }
    assert records["subject", "one-click-pay", None]["target"] == {
        "adopters": 6,
        "hold_days": 5,
    }
    assert records["subject", "one-click-pay", None]["eligible"] == ["web", "ios", "1001"]
    assert records["subject", "sdk-2", None]["eligible"] == ["acme/web", "acme/ios"]
    assert records["goal", "latency", None]["parents"] == [{"id": "grow"}]
    assert records["goal", "latency", None]["class"] == "stretch"
    assert records["goal", "checkout-faster", None]["plan"] == {
        "steps": [{"on": "2026-02-01", "value": 4}, {"on": "2026-03-01", "value": 8}]
    }
    assert records["source", "github", None]["deploys"] == [
        {"workflow": "deploy.yml", "service": "checkout", "environment": "production"}
    ]
    assert records["rules", "rules", None]["wip_age"] == {"percentile": 0.85}


def test_without_from() -> None:
    """What has no `from` is in force from the beginning, and is told apart."""
    undated = load_definitions(DATA / "good.yaml").without_from()
    assert ("team", "payments") in undated
    assert undated.count(("team", "mobile")) == 1


def test_folder() -> None:
    """A folder is read with its folders, as if it were one file."""
    loaded = load_definitions(DATA / "folder")
    assert [team.id for team in loaded.teams] == ["payments"]
    assert [goal.id for goal in loaded.goals] == ["grow"]
    assert loaded.problems == ()


def test_folder_hides(tmp_path: Path) -> None:
    """Hidden folders are left out, other files too; a folder without YAML is a problem."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "teams.yaml").write_text("teams: [{id: old}]")
    (tmp_path / "notes.txt").write_text("teams: [{id: text}]")
    assert [p.message for p in check_definitions(tmp_path)] == ["holds no .yaml file"]
    (tmp_path / "teams.yaml").write_text("teams: [{id: new}]")
    assert [team.id for team in load_definitions(tmp_path).teams] == ["new"]


def test_folder_once(tmp_path: Path) -> None:
    """What there is one of may stand in one file only."""
    (tmp_path / "a.yaml").write_text("notify: {}")
    (tmp_path / "b.yaml").write_text("# second\nnotify: {}")
    (problem,) = check_definitions(tmp_path)
    assert problem.file == str(tmp_path / "b.yaml")
    assert problem.line == 2
    assert problem.message == f"stands in {tmp_path / 'a.yaml'} too"


def test_missing(tmp_path: Path) -> None:
    """A file that is not there is a problem, not a traceback."""
    (problem,) = check_definitions(tmp_path / "none.yaml")
    assert str(problem).startswith(f"{tmp_path / 'none.yaml'}: cannot be read: no such file")


def test_not_text(tmp_path: Path) -> None:
    """So is one that is no text."""
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    assert [p.message for p in check_definitions(tmp_path / "a.yaml")] == ["is not UTF-8"]


def test_empty(tmp_path: Path) -> None:
    """An empty file defines nothing, and that is fine."""
    (tmp_path / "a.yaml").write_text("# nothing yet\nteams:\n")
    assert list(load_definitions(tmp_path / "a.yaml").records()) == []


def test_dangling_loads() -> None:
    """A name that a signal may still define does not stop a run; the loader tells it."""
    loaded = load_definitions(DATA / "dangling.yaml")
    assert loaded.goals[0].owners == ("payments", "mobile")
    assert {problem.level for problem in loaded.problems} == {"dangling"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: no", {"on": "no"}),
        ("a: 07:30", {"a": "07:30"}),
        ("a: 007", {"a": "007"}),
        ("a: 12e5678", {"a": "12e5678"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 2026-03-31", {"a": "2026-03-31"}),
        ("a: -1.5e3", {"a": -1500.0}),
        ("a: [~, null, True, .5]", {"a": [None, None, True, 0.5]}),
        ("a: '12'", {"a": "12"}),
        (
            "a: &x {b: 1, c: 1}\nd: {<<: *x, c: 2}",
            {"a": {"b": 1, "c": 1}, "d": {"b": 1, "c": 2}},
        ),
    ],
)
def test_scalars(text: str, value: object) -> None:
    """Plain words mean what YAML 1.2 says."""
    assert read(text, "f").value == value


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, "{a: " * 60 + "}" * 60])
def test_deep(text: str) -> None:
    """Nesting without end is refused instead of taking the process along."""
    assert [problem.message for problem in read(text, "f").problems] == ["is nested too deeply"]


def test_aliases() -> None:
    """Aliases of aliases cannot fill the memory."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert [p.message for p in read("\n".join(rows), "f").problems] == ["says too much"]


GOOD = (DATA / "good.yaml").read_text()
WORDS = [
    "[]",
    "{}",
    "7",
    "-1",
    "1.5",
    "~",
    "true",
    "x",
    "2026-02-30",
    "[1, a]",
    "{kind: x}",
    '"',
]


@settings(deadline=None)  # of a shared machine nobody knows the speed
@given(st.data())
def test_any_text(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever is written, it is loaded or refused with a place, and nothing else happens."""
    spans = [
        match.span() for match in re.finditer(r"(?<=[:\[,{] )[^\s,{}\[\]]+|[{}\[\]]", GOOD)
    ]
    text = GOOD
    for _ in range(data.draw(st.integers(1, 3))):
        start, end = data.draw(st.sampled_from(spans))
        text = text[:start] + data.draw(st.sampled_from(WORDS)) + text[end:]
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text)
    if broken := [p for p in check_definitions(path) if p.level == "broken"]:
        assert {problem.file for problem in broken} == {str(path)}
        with pytest.raises(ConfigError):
            load_definitions(path)
    else:
        json.dumps([record for *_, record in load_definitions(path).records()])
