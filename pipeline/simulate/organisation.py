"""The simulated organisation: its teams, services, subjects and goals, as configuration."""

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from pipeline.simulate.calendar import Calendar, calendar

Record = dict[str, Any]
"""One entry of the configuration."""

FIRST_DAY = date(2026, 1, 5)
"""A Monday, so that weeks of the simulation are weeks of the calendar."""

TRACKER, CODE, DEPLOYS = "/jira/acme", "/github/acme", "/argo/acme"
USAGE, TRIALS, PINS = "/segment/acme", "/posthog/acme", "/registry/acme"
SURVEY, METRICS, FLAGS, CATALOGUE = (
    "/typeform/acme",
    "/metrics/acme",
    "/launchdarkly/acme",
    "/catalogue/acme",
)

TEAMS: dict[str, tuple[str, int, list[str]]] = {
    "payments": ("PAY", 6, ["docs", "support"]),
    "checkout": ("CHK", 7, []),
    "mobile": ("MOB", 5, []),
    "search": ("SEA", 6, []),
    "platform": ("PLT", 8, ["docs"]),
    "data": ("DAT", 5, []),
    "identity": ("IDN", 4, []),
    "growth": ("GRO", 6, ["enablement"]),
    "support-tools": ("SUP", 4, []),
    "logistics": ("LOG", 6, []),
    "catalog": ("CAT", 5, []),
    "sre": ("SRE", 5, []),
}
"""Key prefix, people and the checklist that done needs."""

TRAINS = ("search-api", "data-api", "logistics-api", "catalog-api")
"""Services that are deployed every other week only, so that closed work waits."""

FROZEN = ("ledger", "archive", "fraud", "billing")
"""Services that are not deployed again after the first days: work never ships."""

SHAKY = ("edge", "pricing", "inbox", "routing")
"""Services with rollbacks."""

SHAKY_OWNERS = ("sre", "mobile", "support-tools", "logistics")
"""The teams of those."""

SUITE = ("suite-web", "suite-api", "suite-jobs")
"""One repository, three services, and every change needs all of them."""

MONO = ("apps-cart", "apps-feed", "apps-mail", "apps-auth")
"""One repository, four services told apart by paths."""

REPOSITORIES = [f"acme/repo-{number:02d}" for number in range(1, 31)]
"""Adopters of pinned packages."""


WIDE = "fresh-look"
"""A goal on work of whichever team it is."""


@dataclass(slots=True)
class Organisation:
    """Definitions as the configuration file has them, and how to read them."""

    name: Record
    teams: list[Record]
    services: list[Record]
    subjects: list[Record]
    goals: list[Record]
    calendar: Calendar
    calendars: dict[str, Calendar] = field(default_factory=dict)
    scenarios: list[Record] = field(default_factory=list)

    def team_calendar(self, team: str) -> Calendar:
        """A team's own calendar, else the organisation's."""
        return self.calendars.get(team, self.calendar)

    def write(self) -> str:
        """The definitions as YAML; an entry is a flow mapping, which JSON is too."""
        lines = [f"organisation: {_flow(self.name)}"]
        for section in ("teams", "services", "subjects", "goals", "scenarios"):
            lines.append(f"{section}:")
            lines.extend(f"  - {_flow(record)}" for record in getattr(self, section))
        return "\n".join(lines) + "\n"


def _flow(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)


def build(days: int, *, wide: bool = False) -> Organisation:
    """Define the organisation; a `wide` one has a goal on the work of many teams, and a scenario."""
    name: Record = {
        "name": "Acme",
        "timezone": "Europe/Berlin",
        "working_days": "mon-fri",
        "holidays": ["2026-01-06", "2026-04-03", "2026-04-06", "2026-05-01"],
        "epoch": "2025-01-01",
    }
    teams: list[Record] = [
        {"id": team, "title": team.replace("-", " ").title(), "people": people, "ready": ready}
        for team, (_, people, ready) in TEAMS.items()
    ]
    for team in teams:
        if team["id"] == "mobile":
            team["timezone"] = "America/New_York"
            team["working_days"] = "mon-fri"
            team["holidays"] = ["2026-01-19", "2026-02-16"]
    whole = calendar(name)
    return Organisation(
        name=name,
        teams=teams,
        services=_services(),
        subjects=_subjects(),
        goals=[goal for goal in _goals(days) if wide or goal["id"] != WIDE],
        scenarios=[{"id": "less-support", "goal": WIDE, "people": 6, "support": 0.1, "wip": 4}]
        if wide
        else [],
        calendar=whole,
        calendars={str(team["id"]): calendar(team, whole) for team in teams},
    )


def _services() -> list[Record]:
    defaults = {
        "checkout-web": ["saved-carts"],
        "search-web": ["search-facets"],
        "identity-web": ["sso"],
        "sre-web": ["runbooks"],
    }
    records: list[Record] = []
    for team in TEAMS:
        for part in ("api", "web"):
            service = f"{team}-{part}"
            record: Record = {"id": service, "repository": f"acme/{service}", "team": team}
            if part == "web":
                record["environments"] = {"live": "production", "staging": "staging"}
            if service in defaults:
                record["subjects"] = defaults[service]
            records.append(record)
    owners = (*("payments", "data", "checkout", "growth"), *SHAKY_OWNERS)
    for service, team in zip(FROZEN + SHAKY, owners, strict=True):
        records.append({"id": service, "repository": f"acme/{service}", "team": team})
    records += [
        {"id": service, "repository": "acme/suite", "team": "growth"} for service in SUITE
    ]
    for service in MONO:
        paths = [f"{service.replace('-', '/')}/**", "libs/**"]
        record = {"id": service, "repository": "acme/apps", "team": "catalog", "paths": paths}
        records.append(record)
    records.append(
        {"id": "sdk", "repository": "acme/sdk", "team": "platform", "releases": "v*"}
    )
    return records


def _subject(
    name: str, team: str, unit: str, target: Record | None = None, **more: Any
) -> Record:
    record: Record = {"id": name, "title": name.replace("-", " ").capitalize(), "team": team}
    record["unit"] = unit
    record["measure"] = {"kind": "usage", "actions": 3, "days": 2, "within": 14, "active": 28}
    if target:
        record["target"] = target
    return record | more


def _pinned(package: str, at_least: str) -> Record:
    return {"kind": "pinned", "package": package, "at_least": at_least}


def accounts(count: int) -> list[str]:
    """Names of the first so many customers."""
    return [f"account-{number:03d}" for number in range(1, count + 1)]


def others(team: str) -> list[str]:
    """All teams but one."""
    return [other for other in TEAMS if other != team]


def _subjects() -> list[Record]:
    services = [f"{team}-{part}" for team in TEAMS for part in ("api", "web")]
    slow = {"kind": "usage", "actions": 2, "days": 2, "within": 21, "active": 14}
    return [
        _subject("one-click-pay", "payments", "team", {"adopters": 6}, eligible=list(TEAMS)),
        _subject("search-facets", "search", "user", {"adopters": 30}),
        _subject(
            "dark-mode",
            "mobile",
            "user",
            {"share": 0.2},
            eligible={"count": 200},
            flags=["dark-mode"],
        ),
        _subject(
            "saved-carts",
            "checkout",
            "account",
            {"share": 0.4},
            eligible=accounts(60),
            work={"labels": ["subject:saved-carts"]},
        ),
        _subject("bulk-export", "data", "account", {"adopters": 25}, eligible=accounts(80)),
        _subject("sso", "identity", "account", work={"epics": ["IDN-1"]}),
        _subject("gift-cards", "payments", "user", {"adopters": 20}),
        _subject("live-tracking", "logistics", "user", {"adopters": 25}),
        _subject("smart-sort", "catalog", "user", {"adopters": 20}),
        _subject("refer-friend", "growth", "user", {"adopters": 20}),
        _subject("macros", "support-tools", "team", {"adopters": 5}),
        _subject("event-bus", "platform", "service", {"adopters": 15}, eligible=services),
        _subject("feature-store", "data", "team", {"adopters": 4}),
        _subject("runbooks", "sre", "team", {"adopters": 6}, measure=slow),
        _subject(
            "sdk-2",
            "platform",
            "repo",
            {"share": 0.5},
            eligible=REPOSITORIES,
            measure=_pinned("acme/sdk", "2.0.0"),
        ),
        _subject(
            "sdk-3",
            "platform",
            "repo",
            {"adopters": 10},
            eligible=REPOSITORIES,
            measure=_pinned("acme/sdk", "3.0.0"),
        ),
        _subject("old-checkout", "checkout", "user"),
        _subject(
            "base-image",
            "sre",
            "repo",
            {"adopters": 14},
            eligible={"count": 40},
            measure=_pinned("acme/base-image", "1.4.0"),
        ),
        _subject("quick-reorder", "growth", "account", {"adopters": 18}),
        _subject("address-book", "logistics", "user"),
    ]


def _goal(name: str, level: str, owners: list[str], metric: Record, **more: Any) -> Record:
    record: Record = {"id": name, "title": name.replace("-", " ").capitalize(), "level": level}
    record["owners"] = owners
    record["metric"] = metric
    record["starts_on"] = "2026-01-05"
    record["due_on"] = "2026-04-30"
    return record | more


def _adoption(subject: str, target: float, unit: str = "adopters", **more: Any) -> Record:
    metric = {"kind": "adoption", "subject": subject, "unit": unit, "baseline": 0}
    return metric | {"target": target} | more


def _kpi(baseline: float, target: float) -> Record:
    return {"kind": "kpi", "source": METRICS, "baseline": baseline, "target": target}


def _under(parent: str, weight: float, *, required: bool = False) -> Record:
    return {"id": parent, "weight": weight, "required": required}


def _goals(days: int) -> list[Record]:
    whole = {"kind": "rollup", "baseline": 0, "target": 1}
    later = FIRST_DAY + timedelta(days=days + 14)
    revenue = "grow-revenue"
    return [
        {"id": "delight", "title": "Shopping people look forward to", "level": "vision"},
        _goal(revenue, "business", ["payments"], whole, parents=[_under("delight", 1)]),
        _goal(
            "cut-costs", "business", ["support-tools"], _kpi(4.8, 3.6), **{"class": "committed"}
        ),
        _goal("happy-users", "user", ["search", "growth"], _kpi(0.62, 0.75)),
        _goal("faster-search", "user", ["search"], _kpi(480, 300), due_on="2026-03-31"),
        _goal("loyal-users", "user", ["growth"], whole, parents=[_under("delight", 1)]),
        _goal(
            "checkout-in-one-click",
            "product",
            ["payments", "mobile"],
            _adoption("one-click-pay", 6, verified=0.6),
            parents=[_under(revenue, 0.5, required=True)],
            plan="s_curve",
            pm="pm-payments",
            **{"class": "committed"},
        ),
        _goal("facets-used", "product", ["search"], _adoption("search-facets", 34)),
        _goal("dark-mode-share", "product", ["mobile"], _adoption("dark-mode", 0.2, "share")),
        _goal(
            "carts-share",
            "product",
            ["checkout"],
            _adoption("saved-carts", 0.4, "share"),
            parents=[_under(revenue, 0.3), _under("loyal-users", 1)],
        ),
        _goal(
            "sso-accounts",
            "product",
            ["identity"],
            _adoption("sso", 18),
            parents=[_under("loyal-users", 1)],
            **{"class": "stretch"},
        ),
        _goal("tracking-kept", "product", ["logistics"], _adoption("live-tracking", 25)),
        _goal("bus-everywhere", "product", ["platform", "sre"], _adoption("event-bus", 15)),
        _goal("sdk-2-everywhere", "product", ["platform"], _adoption("sdk-2", 0.5, "share")),
        _goal(
            "leave-old-checkout",
            "product",
            ["checkout"],
            {"kind": "migrate", "subject": "old-checkout", "baseline": 40, "target": 0},
        ),
        _goal(
            "sprint-payments",
            "sprint",
            ["payments"],
            {"kind": "work", "baseline": 0, "target": 3},
            work={"labels": ["goal:sprint-payments"]},
            starts_on="2026-01-12",
            due_on="2026-03-06",
            parents=[_under(revenue, 0.2)],
        ),
        _goal(
            "sprint-platform",
            "sprint",
            ["platform"],
            {"kind": "work", "at": "shipped", "baseline": 0, "target": 6},
            work={"labels": ["goal:sprint-platform"]},
            due_on="2026-02-27",
        ),
        _goal(
            "sprint-search",
            "sprint",
            ["search", "identity"],
            {"kind": "work", "baseline": 0, "target": 4},
            starts_on="2026-01-12",
        ),
        _goal(
            WIDE,
            "product",
            ["identity"],
            {"kind": "work", "at": "shipped", "baseline": 0, "target": 24},
            work={"labels": ["ui"]},
            parents=[_under("happy-users", 1)],
        ),
        _goal(
            "launch-abroad",
            "sprint",
            ["growth"],
            {"kind": "milestone", "source": METRICS, "baseline": 0, "target": 1},
            parents=[_under("loyal-users", 2)],
        ),
        _goal(
            "next-quarter",
            "product",
            ["data"],
            _adoption("bulk-export", 40),
            starts_on=later.isoformat(),
            due_on=(later + timedelta(days=60)).isoformat(),
        ),
        _goal(
            "unclear",
            "product",
            ["catalog"],
            {"kind": "kpi", "source": METRICS},
            parents=[_under("loyal-users", 1)],
        ),
        _goal("given-up", "product", ["data"], _kpi(10, 30)),
    ]
