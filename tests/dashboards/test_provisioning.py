"""What Grafana is provisioned with: only keys that its readers know, and names that exist."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards import alerts, provisioning
from dashboards.alerts import Hours
from pipeline.store.client import Store
from tests.cli.conftest import run
from tests.dashboards.judge import Json, kind

HERE = Path(__file__).parent
KEYS: Json = yaml.safe_load((HERE / "provisioning.yaml").read_text(encoding="utf-8"))
DASHBOARDS = provisioning.dashboards()
FILES = {
    path.relative_to(provisioning.HOME).as_posix(): yaml.safe_load(text)
    for path, text in provisioning.files().items()
    if path.suffix == ".yaml"
}
GROUPS = FILES["provisioning/alerting/rules.yaml"]["groups"]
RULES: dict[str, Json] = {rule["uid"]: rule for group in GROUPS for rule in group["rules"]}
OUTCOMES = {"goal-stalled", "goal-off-track", "basically-done-at-risk"}


def unlike(value: Any, shape: Any, where: str = "") -> list[str]:
    """Where a document differs from its shape: unknown keys, missing ones, other values.

    A shape is a mapping of keys (`key*` is required), a list of one shape, the values that are
    allowed, a regular expression between slashes, or the name of a type.
    """
    match shape:
        case {"one of": allowed}:
            return [] if value in allowed else [f"{where}: {value!r}"]
        case dict() if isinstance(value, dict):
            known = {key.removesuffix("*"): part for key, part in shape.items()}
            missing = [key[:-1] for key in shape if key.endswith("*") and key[:-1] not in value]
            found = [f"{where}: lacks {key}" for key in missing]
            found += [f"{where}: knows no {key}" for key in value.keys() - known.keys()]
            for key in value.keys() & known.keys():
                found += unlike(value[key], known[key], f"{where}.{key}")
            return found
        case [part] if isinstance(value, list):
            return [
                one
                for n, item in enumerate(value)
                for one in unlike(item, part, f"{where}[{n}]")
            ]
        case "any":
            return []
        case "text" | "whole" | "truth":
            type_ = {"text": str, "whole": int, "truth": bool}[shape]
            return [] if type(value) is type_ else [f"{where}: {value!r} is no {shape}"]
        case str() if shape.startswith("/") and isinstance(value, str):
            return [] if re.fullmatch(shape.strip("/"), value) else [f"{where}: {value!r}"]
    return [f"{where}: {value!r}"]


@pytest.mark.parametrize("path", FILES)
def test_grafana_knows_every_key(path: str) -> None:
    """Each file has the keys that its reader needs, and none that it would pass over."""
    reader = Path(path).parent.name or "alerting"  # the policies stand beside the folders
    assert unlike(FILES[path], KEYS[reader]) == []


@pytest.mark.parametrize("case", KEYS["refused"], ids=lambda case: case["says"])
def test_the_keys_refuse(case: Json) -> None:
    """A key that is misspelt, one that is missing and a wrong value would be found."""
    rule = {**RULES["goal-stalled"], **case.get("with", {})}
    rule = {key: value for key, value in rule.items() if key not in case.get("without", ())}
    group = {**GROUPS[0], "rules": [rule]}
    found = unlike({"apiVersion": 1, "groups": [group]}, KEYS["alerting"])
    assert found == [f".groups[0].rules[0]{case['says']}"]


def texts(value: Any) -> list[str]:
    match value:
        case dict():
            return [one for part in value.values() for one in texts(part)]
        case list():
            return [one for part in value for one in texts(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("uid", RULES)
def test_rule(uid: str) -> None:
    """A rule leads to a panel that exists, says what to do, and leaves no `$` to be expanded."""
    rule = RULES[uid]
    said = rule["annotations"]
    panels = {panel["id"]: panel for panel in DASHBOARDS[rule["dashboardUid"]]["panels"]}
    assert panels[rule["panelId"]]["type"] != "row"
    assert said["__dashboardUid__"] == rule["dashboardUid"]
    assert said["__panelId__"] == str(rule["panelId"])
    assert said["runbook_url"] == f"/d/{rule['dashboardUid']}?viewPanel={rule['panelId']}"
    templates = {key: value for key, value in rule.items() if key != "data"}
    assert [text for text in texts(templates) if "$" in text] == []
    query = rule["data"][0]
    assert query["datasourceUid"] == provisioning.data_source()["datasources"][0]["uid"]
    assert "$" not in query["model"]["rawSql"], "no variable exists in a rule"
    assert query["relativeTimeRange"]["from"] > query["relativeTimeRange"]["to"]
    assert [step["datasourceUid"] for step in rule["data"][1:]] == ["__expr__"] * 2


def test_uids() -> None:
    """No two rules share a uid."""
    uids = [rule["uid"] for group in GROUPS for rule in group["rules"]]
    assert len(uids) == len(set(uids))


@pytest.mark.parametrize("uid", RULES)
def test_labels(uid: str, store: Store) -> None:
    """A template names labels that the query has; none of them hides one that the rule sets."""
    rule = RULES[uid]
    table = store.query(rule["data"][0]["model"]["rawSql"])
    kinds = dict(zip(table.names, map(kind, table.types), strict=True))
    labels = {name for name, one in kinds.items() if one == "string"}
    named = re.findall(r"\.Labels\.(\w+)", " ".join(rule["annotations"].values()))
    assert set(named) <= labels
    assert set(rule["notification_settings"]["group_by"]) <= labels | {
        "grafana_folder",
        "alertname",
    }
    assert labels.isdisjoint({*rule["labels"], "alertname", "grafana_folder"})


def test_who_is_told() -> None:
    """Rules and policies name receivers and quiet hours that exist."""
    receivers = {
        point["name"]
        for point in FILES["provisioning/alerting/contact-points.yaml"]["contactPoints"]
    }
    quiet = {
        time["name"] for time in FILES["provisioning/alerting/mute-times.yaml"]["muteTimes"]
    }
    told = [rule["notification_settings"] for rule in RULES.values()]
    for policy in FILES["policies.yaml"]["policies"]:
        told += [policy, *policy["routes"]]
    assert {one["receiver"] for one in told} <= receivers
    assert {name for one in told for name in one.get("mute_time_intervals", ())} <= quiet


def test_paused() -> None:
    """Outcomes are the product's own to tell: their rules wait; those on the product are active."""
    assert {uid for uid, rule in RULES.items() if rule["isPaused"]} == OUTCOMES


def test_at_work() -> None:
    """News of outcomes can wait until people work; that the product is blind cannot."""
    settings = {uid: rule["notification_settings"] for uid, rule in RULES.items()}
    waiting = {uid for uid, one in settings.items() if "mute_time_intervals" in one}
    assert waiting == OUTCOMES


def test_dashboards_stay_generated() -> None:
    """Nobody edits or deletes in Grafana what comes from files."""
    (provider,) = FILES["provisioning/dashboards/delivery-signals.yaml"]["providers"]
    assert (provider["disableDeletion"], provider["allowUiUpdates"]) == (True, False)


def test_compose_gives_what_the_files_ask_for() -> None:
    """Grafana's container has every variable that a file names, and the files where they say."""
    compose = yaml.safe_load(
        (HERE.parents[1] / "docker-compose.yml").read_text(encoding="utf-8")
    )
    grafana = compose["services"]["grafana"]
    named = {
        text
        for path, document in FILES.items()
        if path
        != "provisioning/alerting/rules.yaml"  # its `$A` is an expression, and no variable
        for text in texts(document)
        if text.startswith("$")
    }
    assert named <= {f"${name}" for name in grafana["environment"]}
    (provider,) = FILES["provisioning/dashboards/delivery-signals.yaml"]["providers"]
    mounts = dict(mount.split(":")[:2] for mount in grafana["volumes"])
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"


def test_mute_times_as_defined(tmp_path: Path) -> None:
    """Quiet hours follow the working days, holidays and time zone of the definitions."""
    organisation = {
        "name": "Acme",
        "timezone": "Asia/Riyadh",
        "working_days": "sun-thu",
        "holidays": ["2026-03-20"],
    }
    config = tmp_path / "acme.yaml"
    config.write_text(yaml.safe_dump({"organisation": organisation}), encoding="utf-8")
    ran = run("dashboards", "write", "--out", tmp_path, "--config", config)
    assert ran.code == 0, ran.err
    written = tmp_path / provisioning.HOME / "provisioning" / "alerting" / "mute-times.yaml"
    (times,) = yaml.safe_load(written.read_text(encoding="utf-8"))["muteTimes"]
    place = {"location": "Asia/Riyadh"}
    nights = [
        {"start_time": "00:00", "end_time": "07:30"},
        {"start_time": "18:00", "end_time": "24:00"},
    ]
    assert times["time_intervals"] == [
        {"times": nights, **place},
        {"weekdays": ["friday", "saturday"], **place},
        {"years": ["2026"], "months": ["3"], "days_of_month": ["20"], **place},
    ]


def test_every_day_is_worked() -> None:
    """Who works on every day is muted on none."""
    (times,) = alerts.mute_times(Hours(days=range(7)))["muteTimes"]
    assert [list(interval) for interval in times["time_intervals"]] == [["times", "location"]]


def test_folder_rights() -> None:
    """Nobody but an administrator edits what is generated: viewers and editors view."""
    body = json.loads(provisioning.files()[provisioning.HOME / "folder-rights.json"])
    assert {item["role"]: item["permission"] for item in body["items"]} == {
        "Viewer": 1,
        "Editor": 1,
    }
