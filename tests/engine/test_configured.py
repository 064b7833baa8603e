"""A configuration that changes between replays: what is new, what is gone, what holds when."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.engine.configured import differences
from pipeline.engine.replay import rebuild, replay
from pipeline.store.client import open_store

CONFIG: dict[str, Any] = {
    "organisation": {"name": "Acme", "timezone": "UTC", "working_days": "mon-sun"},
    "rules": {"basically_done": {"close_to_ship": {"default": 1, "min": 1, "max": 1}}},
    "teams": [{"id": "pay"}],
    "services": [
        {"id": "web", "repository": "acme/shop", "team": "pay", "subjects": ["carts"]},
        {"id": "old", "repository": "acme/shop", "team": "pay"},
    ],
    "subjects": [
        {"id": "carts", "unit": "team", "measure": {"kind": "usage", "actions": 1, "days": 1}}
    ],
    "goals": [
        {
            "id": "used",
            "level": "product",
            "owners": ["pay"],
            "metric": {"kind": "adoption", "subject": "carts", "baseline": 0, "target": 5},
            "starts_on": "2026-03-01",
            "due_on": "2026-03-31",
        }
    ],
}
VIEWS = ("goals_now", "goal_progress_daily", "adoption_daily", "work_item_states", "findings")
ARRIVAL = {"movement", "restatement"}


def event(kind: str, at: str, /, **data: Any) -> bytes:
    found = {"specversion": "1.0", "id": f"{kind} {at}", "source": "/acme"}
    found |= {"type": f"delivery.{kind}.v1", "time": f"2026-03-{at}:00Z"}
    return json.dumps({**found, "data": data}).encode()


def status(category: str) -> dict[str, str]:
    return {"name": category, "category": category}


def deploy(at: str, service: str) -> bytes:
    data: dict[str, Any] = {"deploy": f"{service} {at}", "service": service, "sha": "a1"}
    data |= {"environment": {"name": "production"}, "repository": "acme/shop"}
    return event("deploy.finished", at, **data, outcome="success", kind="deploy")


def used(at: str, who: str) -> bytes:
    return event("subject.used", at, subject="carts", adopter=who)


SIGNALS = [
    event(
        "work_item.changed", "02T09:00", work_item="j:1", key="PAY-1", status=status("doing")
    ),
    event(
        "change.merged",
        "03T09:00",
        change="acme/shop!1",
        repository="acme/shop",
        shas=["a1"],
        work_items=[{"key": "PAY-1", "via": "title"}],
    ),
    event("work_item.changed", "03T10:00", work_item="j:1", key="PAY-1", status=status("done")),
    deploy("04T09:00", "web"),
    used("05T09:00", "ann"),
    used("12T09:00", "bob"),
]


def write(folder: Path, without: str = "", **changed: list[dict[str, Any]]) -> Path:
    """The configuration without a section or one record (`goals/used`), or with others in it."""
    said = {**copy.deepcopy(CONFIG), **changed}
    section, _, id = without.partition("/")
    if id:
        said[section] = [record for record in said[section] if record["id"] != id]
    else:
        said.pop(section, None)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(said))
    return path


def play(folder: Path, config: Path, until: str, name: str = "data") -> Path:
    file = folder / "signals.ndjson"
    file.write_bytes(b"\n".join(SIGNALS) + b"\n")
    replay([file], folder / name, config, f"2026-03-{until}T00:00:00Z")
    return folder / name


def views(data: Path) -> dict[str, list[dict[str, Any]]]:
    with open_store(data) as store:
        found = {view: store.rows(f"SELECT * FROM signals.{view}") for view in VIEWS}
    return {
        view: sorted(({k: r[k] for k in r if k not in ARRIVAL} for r in rows), key=str)
        for view, rows in found.items()
    }


def days(found: dict[str, list[dict[str, Any]]], view: str) -> tuple[str, str]:
    seen = sorted(str(row["day"]) for row in found[view])
    return seen[0], seen[-1]


@pytest.fixture(scope="module")
def tenth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration as it is, replayed until 10 March; nobody changes it."""
    folder = tmp_path_factory.mktemp("tenth")
    return play(folder, write(folder), "10")


@pytest.fixture
def data(tenth: Path, tmp_path: Path) -> Path:
    """The same to go on with: a copy takes less than a replay."""
    return shutil.copytree(tenth, tmp_path / "data", symlinks=True)


def test_a_removed_goal_is_withdrawn_and_keeps_its_history(data: Path, tmp_path: Path) -> None:
    """A goal that is no longer configured is judged until then, and anew when it comes back."""
    play(tmp_path, write(tmp_path, "goals/used"), "20")
    found = views(data)
    assert [(row["goal_id"], row["status"]) for row in found["goals_now"]] == [
        ("used", "withdrawn")
    ]
    assert days(found, "goal_progress_daily") == ("2026-03-01", "2026-03-09")
    assert days(found, "adoption_daily") == ("2026-03-05", "2026-03-19")
    rebuild(data)
    assert views(data) == found
    back = views(play(tmp_path, write(tmp_path), "20"))
    assert back == views(play(tmp_path, write(tmp_path), "20", "fresh"))


def test_a_withdrawn_goal_is_judged_until_then_whenever_that_is_heard(tmp_path: Path) -> None:
    """Days after a withdrawal that were judged before it was heard of are taken back."""
    withdrawn = tmp_path / "withdrawn.ndjson"
    withdrawn.write_bytes(event("goal.withdrawn", "10T09:00", goal="used") + b"\n")
    until = "2026-03-20T00:00:00Z"
    early, late = tmp_path / "early", tmp_path / "late"
    replay([withdrawn], early, write(tmp_path), until)
    for data in (early, late):
        play(tmp_path, write(tmp_path), "20", data.name)
    assert days(views(late), "goal_progress_daily") == ("2026-03-01", "2026-03-19")
    replay([withdrawn], late, write(tmp_path), until)
    found = views(late)
    assert found == views(early)
    assert days(found, "goal_progress_daily") == ("2026-03-01", "2026-03-09")
    assert [row["status"] for row in found["goals_now"]] == ["withdrawn"]


def test_a_removed_subject_is_counted_no_further(data: Path, tmp_path: Path) -> None:
    """A subject's days end where it was removed; a goal measured on it is unknown from there."""
    play(tmp_path, write(tmp_path, "subjects/carts"), "20")
    found = views(data)
    assert days(found, "adoption_daily") == ("2026-03-05", "2026-03-09")
    values = {str(row["day"]): row["value"] for row in found["goal_progress_daily"]}
    assert (values["2026-03-09"], values["2026-03-10"], values["2026-03-19"]) == (1, None, None)
    rebuild(data)
    assert views(data) == found


def test_nothing_has_to_reach_a_removed_service(data: Path, tmp_path: Path) -> None:
    """What waited only for a service that is gone has shipped from that day on, not before."""
    play(tmp_path, write(tmp_path, "services/old"), "20")
    found = views(data)
    states = [
        (row["state"], row["confirmed_at"].isoformat())
        for row in sorted(found["work_item_states"], key=lambda row: row["confirmed_at"])
    ]
    assert (
        states
        == [
            ("open", "2026-03-02T09:00:00+00:00"),
            ("closed_not_shipped", "2026-03-03T10:00:00+00:00"),
            ("shipped_not_adopted", "2026-03-10T00:00:00+00:00"),
            ("adopted_not_verified", "2026-03-15T00:00:00+00:00"),
        ][: len(states)]
    )
    assert len(states) >= 3
    rebuild(data)
    assert views(data) == found


def test_without_rules_their_defaults_hold_again(data: Path, tmp_path: Path) -> None:
    """A section that is gone is as if it had never been."""
    ruled = views(data)
    found = views(play(tmp_path, write(tmp_path, "rules"), "10"))
    assert found == views(play(tmp_path, write(tmp_path, "rules"), "10", "fresh"))
    assert found["findings"] != ruled["findings"]


def test_a_change_after_a_rebuild_holds(data: Path, tmp_path: Path) -> None:
    """After a rebuild a changed record still wins over what it was."""
    for target in (7, 6):
        rebuild(data)
        goal = copy.deepcopy(CONFIG["goals"][0])
        goal["metric"]["target"] = target
        found = views(play(tmp_path, write(tmp_path, goals=[goal]), "10"))
        assert [row["target"] for row in found["goals_now"]] == [target]


def test_a_version_holds_from_its_day_on(tmp_path: Path) -> None:
    """A service that begins after a merge is nothing that the change had to reach."""
    services = copy.deepcopy(CONFIG["services"])
    services[1]["from"] = "2026-03-08"
    first = {**services[1], "from": "2026-01-01", "repository": "acme/else"}
    config = write(tmp_path, services=[*services, first])
    found = views(play(tmp_path, config, "10"))
    states = [row["state"] for row in found["work_item_states"]]
    assert "shipped_not_adopted" in states


def test_an_item_follows_the_subject_that_selected_it_then(tmp_path: Path) -> None:
    """A subject that selects a work item from a day on changes nothing before that day."""
    services = [{k: v for k, v in CONFIG["services"][0].items() if k != "subjects"}]
    measure = {"kind": "usage", "actions": 1, "days": 1}
    later = {"id": "later", "unit": "team", "measure": measure, "from": "2026-03-08"}
    later["work"] = {"work_items": ["PAY-1"]}
    before = {**later, "work": {}, "from": "2026-01-01"}
    config = write(tmp_path, services=services, subjects=[*CONFIG["subjects"], before, later])
    early = views(play(tmp_path, config, "07"))["work_item_states"]
    found = views(play(tmp_path, config, "10"))["work_item_states"]
    assert [row["state"] for row in sorted(found, key=lambda row: row["confirmed_at"])] == [
        "open",
        "closed_not_shipped",
        "unknown",
        "shipped_not_adopted",
    ]
    told = {(row["state"], row["effective_at"], row["confirmed_at"]) for row in found}
    assert {(r["state"], r["effective_at"], r["confirmed_at"]) for r in early} <= told


def test_a_check_says_what_a_replay_would_change(data: Path, tmp_path: Path) -> None:
    """With a directory of data `config check` names what is gone, and what rewrites the past."""
    assert list(differences(write(tmp_path), data)) == []
    goal = {**CONFIG["goals"][0], "due_on": "2026-04-30"}
    config = write(tmp_path, "subjects/carts", goals=[goal])
    said = [str(problem) for problem in differences(config, data)]
    assert len(said) == 2
    assert "goal used has changed and has no `from:`: this rewrites the past" in said[0]
    assert "subject carts no longer stands here: it will not be counted any further" in said[1]


def test_a_check_says_when_a_rebuild_is_due(data: Path, tmp_path: Path) -> None:
    """Uses that were not needed are not kept, so who needs more of them must rebuild."""
    measure = {**CONFIG["subjects"][0]["measure"], "actions": 2}
    config = write(tmp_path, subjects=[{**CONFIG["subjects"][0], "measure": measure}])
    said = [str(problem) for problem in differences(config, data)]
    assert "subject carts counts uses by other days or actions than before" in said[0]
    assert "run `signals rebuild` after the next replay" in said[0]


def test_a_subject_may_list_very_many_adopters(tmp_path: Path) -> None:
    """A list that is longer than a line may be is one definition all the same."""
    names = [f"{n:0600d}" for n in range(2_000)]
    subject = {**CONFIG["subjects"][0], "unit": "account", "eligible": names}
    data = play(tmp_path, write(tmp_path, subjects=[subject]), "10")
    rebuild(data)
    with open_store(data) as store:
        rows = store.rows("SELECT DISTINCT adopters, eligible FROM signals.adoption_daily")
    # the two who use it are not on the list; the zero is said all the same
    assert [(row["adopters"], row["eligible"]) for row in rows] == [(0, 2_000)]
