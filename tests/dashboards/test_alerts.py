"""Each alert rule fires on its story, and holds still on the story that only just is none."""

import datetime as dt
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from yaml import safe_load

from dashboards import alerts
from pipeline.engine.lag import Waiting, record
from pipeline.engine.local import LocalEngine
from pipeline.engine.replay import run
from pipeline.store.client import MEMORY_BACKED, Result, Store, open_store
from pipeline.store.migrate import migrate
from tests.dashboards.judge import (
    Json,
    Labels,
    NoAlertError,
    evaluate,
    firing,
    is_number_table,
    numbers,
)
from tests.store.rows import clear, fill
from tests.stories.notation import moment
from tests.stories.runner import Story, stories

FILE = Path(__file__).with_name("alerts.yaml")
STORIES = [pytest.param(story, id=story.title) for story in stories(FILE)]
ROWS = safe_load(FILE.read_text(encoding="utf-8"))["rows"]
RULES: dict[str, Json] = {
    rule["uid"]: rule for group in alerts.rules()["groups"] for rule in group["rules"]
}
BY_THE_WALL_CLOCK = {"nothing-arrives", "pipeline-lag"}
"""These ask how long ago something was: a story of last March tells nothing about them."""

IN_STORIES = [uid for uid in RULES if uid not in BY_THE_WALL_CLOCK]

NAMES = {"goal_id", "source"}
"""Labels that say what an instance is about; the others must go with them for good."""

MINUTE = dt.timedelta(minutes=1)
FOREVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    memory = MEMORY_BACKED if MEMORY_BACKED.is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory, prefix="alerts-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def opened(place: Path) -> Iterator[Store]:
    with open_store(place) as store:
        migrate(store)
        yield store


@pytest.fixture
def store(opened: Store) -> Store:
    clear(opened)
    return opened


class Alarm(NamedTuple):
    """An instance that fires, from the first of two instants until just before the other."""

    rule: str
    labels: Labels
    since: dt.datetime
    until: dt.datetime


def alarms(story: Story) -> Iterator[Alarm]:
    for rule, expected in story.then.items():
        for times, labels in expected.items() if isinstance(expected, dict) else ():
            since, rest = moment(times, story.zone)
            until = moment(rest.removeprefix("to "), story.zone)[0] if rest else FOREVER
            for one in labels if isinstance(labels, list) else [labels]:
                yield Alarm(rule, frozenset(one.items()), since, until)


def boundaries(story: Story, expected: list[Alarm]) -> set[dt.datetime]:
    """When an instance begins or ceases to fire, or only just does not."""
    told = [
        text for silent in story.then.values() if isinstance(silent, list) for text in silent
    ]
    at = {moment(text, story.zone)[0] for text in told}
    return at | {bound for alarm in expected for bound in alarm[2:] if bound != FOREVER}


def _first_of_each_rule() -> list[Any]:
    """One story of each rule is asked at every run of the tests, the others by the long proofs."""
    seen: set[str] = set()
    found = []
    for param in STORIES:
        (story,) = param.values
        rules = {str(rule) for rule in story.then}
        marks = [pytest.mark.prove] if rules <= seen else []
        seen |= rules
        found.append(pytest.param(story, id=param.id, marks=marks))
    return found


@pytest.mark.parametrize("story", _first_of_each_rule())
def test_story(story: Story, store: Store, place: Path) -> None:
    """At each boundary and a minute either side exactly those instances fire that it names.

    Rules that it does not name are asked at the boundaries themselves: they are silent.
    """
    expected = list(alarms(story))
    bounds = boundaries(story, expected)
    looks = sorted({bound + n * MINUTE for bound in bounds for n in (-1, 0, 1)})
    wrong: list[str] = []
    known: dict[str, set[Labels]] = {uid: set() for uid in IN_STORIES}
    for now in played(story, store, place, looks):
        for uid in IN_STORIES if now in bounds else story.then:
            found = evaluate(store, RULES[uid])
            known[uid] |= found.keys()
            fires = {labels for labels, holds in found.items() if holds}
            named = {a.labels for a in expected if a.rule == uid and a.since <= now < a.until}
            if fires != named:
                when = f"{now.astimezone(story.zone):%a %-d %b %H:%M}"
                wrong.append(f"{when} {uid}: {said(fires)} where the story says {said(named)}")
    assert not wrong, "\n".join(wrong)
    for uid, instances in known.items():
        about = [value for labels in instances for name, value in labels if name in NAMES]
        assert len(about) == len(set(about)), f"{uid}: labels change"


def played(
    story: Story, store: Store, place: Path, instants: list[dt.datetime]
) -> Iterator[dt.datetime]:
    """Let a story happen until each of these instants."""
    coming = story.signals
    with tempfile.TemporaryDirectory(dir=place) as folder:
        config, file = Path(folder) / "config.yaml", Path(folder) / "signals.ndjson"
        config.write_text(json.dumps(story.config), encoding="utf-8")
        with LocalEngine(Path(folder), store) as engine:
            for now in instants:
                file.write_bytes(
                    b"\n".join(signal.body for signal in coming if signal.received <= now)
                )
                coming = [signal for signal in coming if signal.received > now]
                summary = run(engine, [file], config=config, until=now.isoformat())
                assert summary.rejected == 0
                assert not summary.ignored
                yield now
    assert not coming, "nobody looks after the last signals"


def said(instances: set[Labels]) -> str:
    return " and ".join(sorted(str(dict(sorted(one))) for one in instances)) or "nothing"


AGO = re.compile(r"(?:(\d+) d ?)?(?:(\d+) h ?)?(?:(\d+) min ?)?(?:(\d+) s ?)?ago")


def back(now: dt.datetime, value: Any) -> Any:
    """The value, with texts such as `5 h 59 min ago` as instants."""
    if isinstance(value, dict):
        return {name: back(now, part) for name, part in value.items()}
    if isinstance(value, list):
        return [back(now, part) for part in value]
    if not (isinstance(value, str) and (ago := AGO.fullmatch(value))):
        return value
    days, hours, minutes, seconds = (int(part or 0) for part in ago.groups())
    return now - dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def put(store: Store, rows: Json) -> None:
    """Rows of any tables, as old as they say, into the store."""
    rows = back(dt.datetime.now(dt.UTC), rows)
    record(store, [Waiting(**row) for row in rows.pop("pipeline_lag", ())])
    fill(store, rows)


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case["claim"])
def test_rows(case: Json, store: Store) -> None:
    """What asks the wall clock fires exactly for the rows of which it is said."""
    put(store, dict(case["rows"]))
    assert firing(store, RULES[case["rule"]]) == {
        frozenset(labels.items()) for labels in case["fires"]
    }


def test_both_ways() -> None:
    """Every rule has what it fires on, and what only just does not move it."""
    fires = {alarm.rule for told in STORIES for alarm in alarms(told.values[0])}
    silent = {
        rule
        for told in STORIES
        for rule, expected in told.values[0].then.items()
        if isinstance(expected, list)
    }
    fires |= {case["rule"] for case in ROWS if case["fires"]}
    silent |= {case["rule"] for case in ROWS if not case["fires"]}
    assert fires == silent == RULES.keys()


@pytest.mark.parametrize("uid", RULES)
def test_empty(uid: str, store: Store) -> None:
    """On a store in which nothing ever arrived only that is said, by who must say it."""
    expected = {frozenset()} if uid == "nothing-arrives" else set()
    assert firing(store, RULES[uid]) == expected


ONE_ROW = {
    "clock": [{"name": "clock", "at": "1 min ago"}],
    "goals": [{"goal_id": "quarter", "title": "Quarter", "status": "on_track"}],
    "sources": [{"source": "/ci", "last_at": "1 min ago"}],
    "pipeline_lag": [
        {
            "stage": "store",
            "partition": 0,
            "at": "1 s ago",
            "lag_records": 0,
            "lag_seconds": 0.0,
        }
    ],
}


@pytest.mark.parametrize("uid", RULES)
def test_one_row(uid: str, store: Store) -> None:
    """Of one goal, one source and one stage that are well one instance is well."""
    put(store, dict(ONE_ROW))
    assert list(evaluate(store, RULES[uid]).values()) == [False]


TABLES = {
    ("String", "LowCardinality(Nullable(String))", "Enum8('a' = 1)", "Float64"): True,
    ("Nullable(UInt64)",): True,
    ("String", "Decimal(9, 2)"): True,
    ("String",): False,
    ("Float64", "Float64"): False,
    ("Bool", "Float64"): False,
    ("Date", "Float64"): False,
    ("Nullable(DateTime64(3, 'UTC'))", "Float64"): False,
    ("Array(String)", "Float64"): False,
}


@pytest.mark.parametrize("types", TABLES, ids=", ".join)
def test_number_table(types: tuple[str, ...]) -> None:
    """A number per row, and strings beside it: anything else is no table of alerts to Grafana."""
    assert is_number_table(types) == TABLES[types]


WRONG = [
    Result(("day", "n"), ("Date", "Float64"), []),
    Result(("goal", "n"), ("String", "Float64"), [("a", 1.0), ("a", 2.0)]),
    Result(("goal", "n"), ("String", "Nullable(Float64)"), [("a", None)]),
]


@pytest.mark.parametrize("table", WRONG, ids=lambda table: ", ".join(table.types))
def test_no_instances(table: Result) -> None:
    """Rows that Grafana could not tell apart or count are refused here."""
    with pytest.raises(NoAlertError):
        numbers(table)
