"""Small histories of a small organisation, made by Hypothesis: few names, so that they collide."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

START = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
DAYS = 60
UNTIL = START + dt.timedelta(days=DAYS)

ITEMS = st.sampled_from(["jira:1", "jira:2"])
KEYS = st.sampled_from(["PAY-1", "PAY-2"])
NAMES = ITEMS | KEYS
CHANGES = st.sampled_from(["acme/web!1", "acme/web!2", "acme/web!3"])
SHAS = st.sampled_from(["s1", "s2", "s3", "s4"])
SERVICES = st.sampled_from(["web", "api"])
SUBJECTS = st.sampled_from(["pay", "flow", "sdk-2"])
ADOPTERS = st.sampled_from(["x", "y", "z"])
GOALS = st.sampled_from(["reach", "sales", "work", "all"])
TEAMS = st.sampled_from(["red", "blue"])
VIA = st.sampled_from(["manual", "native", "title", "branch", "mention"])
PRODUCTION = {"name": "production"}
FROM = st.sampled_from(["2026-03-10", "2026-03-20"])

ORGANISATION: list[Json] = [
    {"kind": "organisation", "id": "organisation", "record": {"timezone": "Europe/Berlin"}},
    {"kind": "source", "id": "jira", "record": {"kind": "jira", "projects": {"PAY": {}}}},
    {"kind": "rules", "id": "rules", "record": {"stop_the_line": {"per_quarter": 1}}},
]
"""What every history begins with."""


def fields(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=optional)


def record(**needed: Any) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in needed.items()}
    )


def both(
    one: st.SearchStrategy[Json], other: st.SearchStrategy[Json]
) -> st.SearchStrategy[Json]:
    return st.builds(lambda a, b: a | b, one, other)


PERIOD = st.sampled_from(
    [
        ("P1", "2026-03-04", "2026-03-16"),
        ("P2", "2026-03-16", "2026-03-29"),
        ("P2", "2026-03-18", "2026-03-20"),
    ]
).map(lambda period: dict(zip(("name", "starts_on", "ends_on"), period, strict=True)))
CATEGORY = st.sampled_from(["todo", "doing", "done", "dropped"])
STATUS = CATEGORY.map(lambda category: {"name": category, "category": category})
WORK = fields(
    labels=st.just(["pay"]),
    work_items=st.lists(NAMES, max_size=1),
    epics=st.lists(NAMES, max_size=1),
)

TEAM = both(
    record(id=TEAMS),
    fields(
        ready=st.just(["docs"]),
        working_days=st.sampled_from(["mon-fri", "mon-thu"]),
        holidays=st.sampled_from([["2026-03-11"], ["2026-03-05", "2026-03-24"]]),
        **{"from": FROM},
    ),
)
SERVICE = both(
    record(id=SERVICES, repository="acme/web", team=TEAMS),
    fields(
        paths=st.sampled_from([["**"], ["api/**"]]),
        subjects=st.lists(SUBJECTS, max_size=1),
        releases=st.just("v*"),
        environments=st.sampled_from([{"live": "production"}, {"production": "staging"}]),
        **{"from": FROM},
    ),
)
MEASURE = st.sampled_from([(2, 28), (1, 28), (2, 7)]).map(
    lambda one: (
        {"kind": "usage", "days": 1, "within": 14} | {"actions": one[0], "active": one[1]}
    )
)
SUBJECT = st.one_of(
    both(
        record(
            id=st.sampled_from(["pay", "flow"]),
            unit="team",
            measure=MEASURE,
        ),
        fields(
            team=TEAMS,
            target=st.sampled_from([{"adopters": 1}, {"adopters": 2}, {"share": 0.5}]),
            eligible=st.sampled_from([["x", "y"], ["z"], {"count": 4}]),
            verification=st.sampled_from([20, 9]).map(
                lambda valid: {"share": 0.5, "yes": 1, "refuted": 0.5, "valid": valid}
            ),
            flags=st.just(["f"]),
            work=WORK,
            released_at=st.sampled_from(["2026-03-08", "2026-03-25"]),
            **{"from": FROM},
        ),
    ),
    both(
        record(
            id="sdk-2",
            unit="repo",
            measure=st.sampled_from(["2.0.0", "2.1.1"]).map(
                lambda least: {"kind": "pinned", "package": "sdk", "at_least": least}
            ),
        ),
        fields(team=TEAMS, target=st.just({"adopters": 1}), **{"from": FROM}),
    ),
)
METRIC = st.one_of(
    record(kind="adoption", subject=SUBJECTS, unit="adopters", baseline=0, target=2),
    record(kind="adoption", subject="pay", unit="share", baseline=0, target=0.5),
    record(kind="kpi", source="/kpi", baseline=10, target=st.sampled_from([20, 5])),
    record(
        kind="work",
        at=st.sampled_from(["closed", "shipped", "verified"]),
        baseline=0,
        target=st.sampled_from([1, 2]),
    ),
    record(kind="rollup", baseline=0, target=1),
)
GOAL = both(
    record(
        id=GOALS,
        level="product",
        owners=st.lists(TEAMS, min_size=1, max_size=2, unique=True),
        metric=METRIC,
        starts_on=st.sampled_from(["2026-03-01", "2026-03-12"]),
        due_on=st.sampled_from(["2026-03-18", "2026-04-30"]),
    ),
    fields(
        parents=st.sampled_from([[{"id": "all", "weight": 2.0}], ["all"], ["work"]]),
        work=WORK,
        plan=st.just("linear"),
        **{"from": FROM},
    ),
) | both(
    record(id=GOALS, level=st.sampled_from(["product", "vision"])),
    fields(starts_on=st.just("2026-03-12"), **{"from": FROM}),
)
"""Complete, or lacking what it needs."""

TYPES: dict[str, st.SearchStrategy[Json]] = {
    "work_item.changed": both(
        record(work_item=ITEMS),
        fields(
            key=KEYS,
            status=STATUS,
            team=TEAMS,
            parent=NAMES,
            goals=st.lists(GOALS, max_size=1),
            subjects=st.lists(SUBJECTS, max_size=1) | st.none(),
            labels=st.just(["pay"]),
            code=st.booleans(),
            kind=st.sampled_from(["feature", "epic", "support"]),
            period=PERIOD | st.none(),
            ready=st.just({"docs": True}),
            adoption=st.just("none_expected"),
            reason=st.just("compliance"),
        ),
    ),
    "work_item.deleted": record(work_item=ITEMS),
    "commitment.made": record(
        team=TEAMS, period=PERIOD, work_items=st.lists(NAMES, max_size=2, unique=True)
    ),
    "link.asserted": st.one_of(
        record(**{"from": NAMES, "to": CHANGES, "rel": "implements", "via": VIA}),
        record(**{"from": NAMES, "to": SUBJECTS, "rel": "delivers", "via": VIA}),
    ),
    "link.retracted": st.one_of(
        record(**{"from": NAMES, "to": CHANGES, "rel": "implements", "via": VIA}),
        record(**{"from": NAMES, "to": SUBJECTS, "rel": "delivers", "via": VIA}),
    ),
    "change.merged": both(
        record(
            change=CHANGES,
            repository="acme/web",
            shas=st.lists(SHAS, min_size=1, max_size=2, unique=True),
        ),
        fields(
            default_branch=st.booleans(),
            paths=st.sampled_from([["api/x"], ["ui/x"]]),
            reverts=CHANGES | st.sampled_from(["acme/web@s1", "acme/web@s2"]),
            title=st.sampled_from(["PAY-1 x", "PAY-2 x"]),
            work_items=st.lists(
                record(key=KEYS, via=st.sampled_from(["title", "branch", "mention"])),
                max_size=2,
            ),
        ),
    ),
    "deploy.finished": both(
        record(
            deploy=st.sampled_from(["ci:1", "ci:2"]),
            service=SERVICES,
            environment=st.just(PRODUCTION) | st.just({"name": "live"}),
            outcome=st.sampled_from(["success", "success", "failure"]),
            kind=st.sampled_from(["deploy", "rollback"]),
        ),
        fields(
            sha=SHAS,
            version=st.sampled_from(["1.0.0", "2.0.0"]),
            work_items=st.lists(KEYS, max_size=1),
            changes=st.lists(CHANGES, max_size=1),
        ),
    ),
    "subject.used": both(
        record(subject=st.sampled_from(["pay", "flow"]), adopter=ADOPTERS),
        fields(count=st.integers(0, 2)),
    ),
    "subject.pinned": record(
        package="sdk", adopter=ADOPTERS, version=st.sampled_from(["1.0.0", "2.1.0", None, "x"])
    ),
    "adoption.verified": st.one_of(
        record(
            subject=SUBJECTS, adopter=ADOPTERS, verdict=st.sampled_from(["yes", "no", "partly"])
        ),
        record(subject=SUBJECTS, method="kpi", verdict=st.sampled_from(["yes", "no"])),
    ),
    "flag.changed": both(
        record(flag="f", environment=PRODUCTION, on=st.booleans()),
        fields(rollout=st.just(50.0), subject=SUBJECTS),
    ),
    "kpi.measured": record(goal=GOALS, value=st.sampled_from([5.0, 12.0, 20.0])),
    "goal.withdrawn": record(goal=GOALS),
    "decision.recorded": record(
        about=GOALS, decision="override", status="at_risk", by="pm", reason="so"
    ),
    "incident.opened": both(
        record(incident=st.sampled_from(["pd:1", "pd:2"])),
        fields(deploy=st.sampled_from(["ci:1", "ci:2"]), service=SERVICES, team=TEAMS),
    ),
    "incident.resolved": record(incident=st.sampled_from(["pd:1", "pd:2"])),
    "source.seen": record(source=st.sampled_from(["/jira", "/ci"])),
    "team.defined": TEAM,
    "service.defined": SERVICE,
    "subject.defined": SUBJECT,
    "goal.defined": GOAL,
}

SOURCES = {"work_item": "/jira", "change": "/git", "deploy": "/ci", "kpi": "/kpi"}


@dataclass(frozen=True)
class History:
    """Signals, and another way for them to arrive: in which order, in which portions."""

    signals: list[Json]
    arrival: list[int]
    """Places in `signals`, each at least once."""
    portions: list[tuple[int, bool]]
    """How many arrive before the next group ends, and whether the engine starts anew then."""

    def __repr__(self) -> str:
        lines = [f"  {n}: {json.dumps(signal)}" for n, signal in enumerate(self.signals)]
        how = f"  arrive as {self.arrival}, in portions {self.portions}"
        return "\n".join(["", *lines, how])

    def line(self, n: int) -> bytes:
        return line(self.signals[n])


def line(signal: Json) -> bytes:
    event = {"specversion": "1.0", **signal}
    event["type"] = f"delivery.{signal['type']}.v1"
    return json.dumps(event).encode()


def organisation() -> list[bytes]:
    """The definitions that a configuration brings before anything else."""
    return [
        line(
            {
                "id": record["id"],
                "source": "config",
                "type": "record.defined",
                "time": START.isoformat(),
                "data": record,
            }
        )
        for record in ORGANISATION
    ]


HOURS = st.sampled_from([0.0, 0.25, 1.0, 14.0, 15.5])
LATE = st.sampled_from([0, 0, 0, 0, 0, 2, 30, 40])
"""Days; what comes more than 35 days late is kept, not applied."""


@st.composite
def _signal(draw: st.DrawFn, names: list[str]) -> Json:
    name = draw(st.sampled_from(names))
    day = draw(st.integers(0, DAYS - 20))
    at = START + dt.timedelta(days=day, hours=draw(HOURS))
    signal: Json = {
        "id": "",
        "source": SOURCES.get(name.partition(".")[0], "/acme"),
        "type": name,
        "time": at.isoformat(),
        "data": draw(TYPES[name]),
    }
    if name == "deploy.finished" and signal["data"]["deploy"].endswith("2"):
        signal["data"]["repository"] = "acme/web"
    if name in ("work_item.changed", "deploy.finished") and draw(st.booleans()):
        signal["sequence"] = str(draw(st.integers(1, 9)))
    if late := draw(LATE):
        signal["recordedtime"] = (at + dt.timedelta(days=late)).isoformat()
    return signal


DEFINITIONS: list[tuple[str, Json]] = [
    ("team.defined", {"id": "red", "people": 2}),
    ("service.defined", {"id": "web", "repository": "acme/web", "team": "red"}),
    (
        "subject.defined",
        {
            "id": "pay",
            "unit": "team",
            "measure": {"kind": "usage", "actions": 2, "days": 1, "within": 14, "active": 28},
            "verification": {"share": 0.5, "yes": 1, "refuted": 0.5, "valid": 20},
            "work": {"work_items": ["PAY-1"]},
        },
    ),
    (
        "goal.defined",
        {
            "id": "work",
            "level": "product",
            "owners": ["red"],
            "metric": {"kind": "work", "at": "shipped", "baseline": 0, "target": 1},
            "starts_on": "2026-03-01",
            "due_on": "2026-04-30",
            "work": {"labels": ["pay"]},
            "parents": ["all"],
        },
    ),
    (
        "goal.defined",
        {
            "id": "all",
            "level": "business",
            "owners": ["red"],
            "metric": {"kind": "rollup", "baseline": 0, "target": 1},
            "starts_on": "2026-03-01",
            "due_on": "2026-04-30",
        },
    ),
]
PRODUCT: Json = {"service": "web", "environment": PRODUCTION, "outcome": "success"}
STORY: list[tuple[str, Json]] = [
    (
        "work_item.changed",
        {
            "work_item": "jira:1",
            "key": "PAY-1",
            "team": "red",
            "labels": ["pay"],
            "status": {"name": "Doing", "category": "doing"},
            "period": {"name": "P1", "starts_on": "2026-03-04", "ends_on": "2026-03-16"},
        },
    ),
    (
        "change.merged",
        {
            "change": "acme/web!1",
            "repository": "acme/web",
            "shas": ["s1"],
            "work_items": [{"key": "PAY-1", "via": "title"}],
        },
    ),
    (
        "work_item.changed",
        {"work_item": "jira:1", "status": {"name": "Done", "category": "done"}},
    ),
    ("deploy.finished", PRODUCT | {"deploy": "web-ci:1", "kind": "deploy", "sha": "s1"}),
    ("subject.used", {"subject": "pay", "adopter": "x", "count": 2}),
    ("adoption.verified", {"subject": "pay", "adopter": "x", "verdict": "yes"}),
    ("deploy.finished", PRODUCT | {"deploy": "web-ci:3", "kind": "rollback"}),
]
"""The way of a work item until it is done, and a bit further."""


@st.composite
def _story(draw: st.DrawFn) -> list[Json]:
    """A work item goes its way, so that what else happens can get in it."""
    day = 0
    found: list[Json] = []
    for name, data in [*DEFINITIONS, *STORY]:
        if not name.endswith("defined"):
            day += draw(st.integers(0, 9))
        time = (START + dt.timedelta(days=day, hours=draw(HOURS))).isoformat()
        source = SOURCES.get(name.partition(".")[0], "/acme")
        found.append({"source": source, "type": name, "time": time, "data": data})
    return found


@st.composite
def histories(draw: st.DrawFn, most: int = 24, *, conflicts: bool = True) -> History:
    """Some kinds of signals, so that they meet; two may say different things under one id."""
    kinds = sorted(TYPES)
    some = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=6, unique=True))
    signals = draw(st.lists(_signal(some), min_size=1, max_size=most))
    if draw(st.booleans()):
        signals += draw(_story())
        signals += draw(st.lists(_signal(["goal.defined", "work_item.changed"]), max_size=3))
    for n, signal in enumerate(signals):
        signal["id"] = str(n)
    if conflicts and draw(st.booleans()):
        one = draw(st.sampled_from(signals))
        other = draw(_signal([one["type"]]))
        # open: where the first use is taken back, the next one is not known to the instant
        if one["type"] != "subject.used":
            signals.append(other | {"id": one["id"]})
    places = list(range(len(signals)))
    again = draw(st.lists(st.sampled_from(places), max_size=4))
    arrival = draw(st.permutations(places + again))
    portions = draw(st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=4))
    return History(signals, arrival, portions)


@st.composite
def facts(draw: st.DrawFn, most: int = 24) -> list[Json]:
    """A history in the order of time, all definitions of which are known from the start.

    A later version of a definition rewrites the past where the contract says so.
    """
    found: dict[str, Json] = {}
    for signal in sorted(
        draw(histories(most, conflicts=False)).signals, key=lambda signal: str(signal["time"])
    ):
        data = signal["data"]
        # to say it again is to say it as of now: a deploy is done once
        again = data.get("deploy") or signal["id"]
        if signal["type"].endswith(".defined"):
            version = data.get("from", "")
            if version and not any(
                one.startswith(f"{signal['type']} {data['id']} ") for one in found
            ):
                version = ""
            again = f"{signal['type']} {data['id']} {version}"
            data = {k: v for k, v in data.items() if k != "from"}
            signal["data"] = data | ({"from": version} if version else {})
        found.setdefault(again, signal)
    signals = list(found.values())
    for signal in signals:
        if signal["type"].endswith(".defined"):
            signal["time"] = START.isoformat()
            signal.pop("recordedtime", None)
    return sorted(signals, key=lambda signal: str(signal["time"]))
