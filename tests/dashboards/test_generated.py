"""What is generated: fresh, the same every time, and in the shape that Grafana reads."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dashboards import provisioning
from dashboards.lint import lint

ROOT = Path(__file__).parents[2]
SCHEMAS = Path(__file__).parent / "schemas"
DASHBOARDS = provisioning.dashboards()
Json = dict[str, Any]


def schema(name: str) -> Json:
    return _lenient(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))


def _lenient(value: Any) -> Any:
    """Without `required`: Grafana's types mark what has a default so."""
    match value:
        case dict():
            return {
                k: _lenient(v)
                for k, v in value.items()
                if not (k == "required" and isinstance(v, list))
            }
        case list():
            return [_lenient(one) for one in value]
        case _:
            return value


def errors(body: Any, name: str, definition: str = "") -> list[str]:
    rules = schema(name)
    if definition:
        rules |= {"$ref": f"#/definitions/{definition}"}
    found = jsonschema.Draft7Validator(rules).iter_errors(body)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


def panel_errors(panel: Json) -> list[str]:
    if panel["type"] == "row":
        return errors(panel, "rowpanel")
    found = errors(panel, "dashboard", "Panel")
    found += errors(panel["options"], f"{panel['type']}.options")
    custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom")
    if custom:
        found += errors(custom, f"{panel['type']}.field")
    return found


def test_there_are_eight() -> None:
    """Each of the eight questions has its dashboard."""
    assert list(DASHBOARDS) == [
        "wake-up",
        "goal",
        "adoption",
        "basically-done",
        "predictability",
        "team",
        "delivery",
        "trust",
    ]


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_grafana_knows_every_key(uid: str) -> None:
    """The JSON validates against the schemas of Grafana's own types."""
    body = DASHBOARDS[uid]
    assert errors({k: v for k, v in body.items() if k != "panels"}, "dashboard") == []
    wrong = {panel["id"]: panel_errors(panel) for panel in body["panels"]}
    assert {id: found for id, found in wrong.items() if found} == {}


def test_the_schemas_refuse_what_grafana_does_not_know() -> None:
    """A key that is misspelt would be found."""
    body = DASHBOARDS["wake-up"]
    panel = next(one for one in body["panels"] if one["type"] == "table")
    assert panel_errors(panel | {"options": {"showHeaders": True}})
    assert panel_errors(panel | {"thresholds": []})
    assert errors(body | {"hideControls": True}, "dashboard")


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_it_keeps_to_the_rules(uid: str) -> None:
    """Every panel has a title, a definition, a unit, and words for nothing and for unknown."""
    assert lint(DASHBOARDS[uid]) == []


def test_generation_is_deterministic() -> None:
    """Two generations give the same bytes."""
    assert provisioning.files() == provisioning.files()


def test_the_files_are_fresh() -> None:
    """What lies in deploy/grafana is what would be written now."""
    assert provisioning.differing(ROOT) == []


def test_links_lead_somewhere() -> None:
    """A link between dashboards names one that exists, and variables that it has."""
    for uid, body in DASHBOARDS.items():
        for url in _urls(body):
            if not url.startswith("/d/"):
                continue
            target, _, query = url.removeprefix("/d/").partition("?")
            assert target in DASHBOARDS, f"{uid}: {url}"
            known = {one["name"] for one in DASHBOARDS[target]["templating"]["list"]}
            asked = {
                part.removeprefix("var-").partition("=")[0]
                for part in query.split("&")
                if part.startswith("var-")
            }
            assert asked <= known, f"{uid}: {url}"


def _urls(value: Any) -> list[str]:
    match value:
        case dict():
            own = [value["url"]] if isinstance(value.get("url"), str) else []
            return own + [url for one in value.values() for url in _urls(one)]
        case list():
            return [url for one in value for url in _urls(one)]
        case _:
            return []
