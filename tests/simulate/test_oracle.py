"""The oracle, on the worked examples of the rules."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.simulate.calendar import calendar, day_number, instant, rfc3339
from pipeline.simulate.oracle import tell
from pipeline.simulate.organisation import Organisation
from pipeline.simulate.world import Fact

BERLIN = calendar({"timezone": "Europe/Berlin", "holidays": ["2026-04-03"]})


def at(text: str) -> int:
    return instant(datetime.fromisoformat(f"2026-{text}").replace(tzinfo=BERLIN.zone))


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("03-05 09:00", 10, "03-19 09:00"),
        ("03-07 09:00", 0, "03-09 00:00"),
        ("03-07 09:00", 1, "03-10 00:00"),
        ("03-27 09:00", 1, "03-30 09:00"),
        ("04-02 09:00", 1, "04-06 09:00"),
    ],
)
def test_working_days(start: str, days: int, end: str) -> None:
    """Weekends, holidays and clock changes do not count, and the wall time stays."""
    assert rfc3339(BERLIN.add(at(start), days)) == rfc3339(at(end))
    assert BERLIN.gap(at(start), at(end)) == days


def work(data: dict[str, Any], text: str) -> Fact:
    return Fact(at(text), "/jira", "work_item.changed", {"work_item": "jira:1"} | data)


def board(category: str, text: str) -> Fact:
    return work({"status": {"name": category, "category": category}}, text)


def deploy(text: str, sha: str, kind: str = "deploy") -> Fact:
    data = {"deploy": f"argo:{text}", "service": "checkout", "repository": "acme/checkout"}
    data |= {"sha": sha, "kind": kind, "outcome": "success"}
    return Fact(
        at(text), "/argo", "deploy.finished", data | {"environment": {"name": "production"}}
    )


def merge(text: str, sha: str, **more: Any) -> Fact:
    data = {"change": f"acme/checkout@{sha}", "repository": "acme/checkout", "shas": [sha]}
    return Fact(at(text), "/github", "change.merged", data | {"default_branch": True} | more)


def use(day: str, team: int) -> list[Fact]:
    data = {"subject": "one-click-pay", "adopter": f"team-{team}"}
    return [
        Fact(at(f"{day} {hour}:00"), "/segment", "subject.used", data | {"count": count})
        for hour, count in (("10", 1), ("11", 1))
    ]


def organisation() -> Organisation:
    teams = [f"team-{number}" for number in range(12)]
    return Organisation(
        name={},
        teams=[{"id": "payments", "ready": []}],
        services=[{"id": "checkout", "repository": "acme/checkout", "team": "payments"}],
        subjects=[
            {
                "id": "one-click-pay",
                "team": "payments",
                "unit": "team",
                "measure": {
                    "kind": "usage",
                    "actions": 3,
                    "days": 2,
                    "within": 14,
                    "active": 28,
                },
                "eligible": teams,
                "target": {"adopters": 6},
            }
        ],
        goals=[],
        calendar=calendar({"timezone": "Europe/Berlin"}),
    )


def story() -> list[Fact]:
    """PAY-42 of the specification: closed, shipped, taken up slowly, verified at last."""
    created = {"key": "PAY-42", "team": "payments", "subjects": ["one-click-pay"]}
    facts = [work(created | {"status": {"name": "New", "category": "todo"}}, "02-20 09:00")]
    facts += [board("done", "03-02 16:00"), merge("03-01 10:00", "a")]
    facts += [merge("03-02 10:00", "b", work_items=[{"key": "PAY-42", "via": "title"}])]
    facts += [deploy("03-01 12:00", "a"), deploy("03-05 09:00", "b")]
    facts += [deploy("03-24 11:00", "a", "rollback"), deploy("03-24 11:40", "b")]
    for team, second in enumerate(["03-16", "03-17", "03-25", "03-26", "03-27", "03-30"]):
        facts += (
            use("03-13" if team < 2 else "03-20", team) + use(second, team) + use("04-10", team)
        )
    for team in range(4):
        data = {"subject": "one-click-pay", "adopter": f"team-{team}", "verdict": "yes"}
        data |= {"method": "attested"}
        facts.append(Fact(at("04-08 10:00"), "/survey", "adoption.verified", data))
    return facts


def test_worked_example() -> None:
    """PAY-42 is basically done from 19 March to the close of 1 April, then done."""
    truth = tell(organisation(), story(), {"PAY-42": "jira:1"}, at("05-01 00:00"), frozenset())
    states = [(span["state"], span["from"]) for span in truth["work_items"]["jira:1"]]
    assert states == [
        ("open", rfc3339(at("02-20 09:00"))),
        ("closed_not_shipped", rfc3339(at("03-02 16:00"))),
        ("shipped_not_adopted", rfc3339(at("03-05 09:00"))),
        ("adopted_not_verified", rfc3339(at("03-30 00:00"))),
        ("done", rfc3339(at("04-08 00:00"))),
    ]
    assert truth["findings"][:1] == [
        {
            "rule": "basically_done",
            "about": "jira:1",
            "raised_at": rfc3339(at("03-19 09:00")),
            "cleared_at": rfc3339(at("04-02 00:00")),
            "linked": True,
        }
    ]
    assert [one for one in truth["findings"][1:] if one["about"] == "jira:1"] == []
    assert truth["adopters"]["one-click-pay"]["2026-03-29"] == 5


def test_rollback_of_done_work() -> None:
    """Done work that is rolled back for hours is regressed and rolled back until it returns."""
    facts = [*story(), deploy("04-20 09:00", "a", "rollback"), deploy("04-20 15:00", "b")]
    truth = tell(organisation(), facts, {"PAY-42": "jira:1"}, at("05-01 00:00"), frozenset())
    found = {
        one["rule"]: (one["raised_at"], one["cleared_at"])
        for one in truth["findings"]
        if one["about"] == "jira:1"
    }
    span = (rfc3339(at("04-20 10:00")), rfc3339(at("04-20 15:00")))
    assert (found["regressed"], found["rolled_back"]) == (span, span)
    lost = truth["work_items"]["jira:1"][-2]
    assert (lost["state"], lost["from"]) == ("closed_not_shipped", rfc3339(at("04-20 09:00")))


def test_days_of_a_zone() -> None:
    """A day is as long as its zone makes it."""
    day = day_number("2026-03-29")
    assert BERLIN.zone == ZoneInfo("Europe/Berlin")
    assert BERLIN.close(day) - BERLIN.start(day) == 23 * 3_600_000
