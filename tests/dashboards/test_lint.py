"""The lint of dashboards: what it finds, each on a dashboard that is right but for one thing."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards import wake_up
from dashboards.lint import lint

CASES = yaml.safe_load((Path(__file__).parent / "lint.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["says"])
def test_one_thing_is_wrong(case: dict[str, Any]) -> None:
    """It says what is wrong, and where."""
    body = copy.deepcopy(wake_up.build()) | case.get("dashboard", {})
    panel = next(one for one in body["panels"] if one["id"] == 1)
    panel |= case.get("panel", {})
    panel["fieldConfig"]["defaults"] |= case.get("defaults", {})
    if "sql" in case:
        panel["targets"][0]["rawSql"] = case["sql"]
    found = lint(body)
    assert any(case["says"] in one for one in found), found
