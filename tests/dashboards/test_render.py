"""The page that draws dashboards: all types of panels, and nothing is passed over in silence."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboards.render import MissingError, RenderError, build, chromium, fields, render

pytestmark = pytest.mark.prove

HERE = Path(__file__).parent
SAMPLE = HERE / "render" / "sample"
REFUSED = yaml.safe_load((HERE / "refused.yaml").read_text())


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    try:
        chromium()
        build()
    except MissingError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def described(tools: None) -> dict[str, Any]:
    return fields(SAMPLE)


def test_sample(tmp_path: Path) -> None:
    """Every type of panel is drawn, full and empty, light and dark."""
    pictures = render(SAMPLE, tmp_path)
    assert [picture.name for picture in pictures] == ["sample-light.png", "sample-dark.png"]
    sizes = [struct.unpack(">II", picture.read_bytes()[16:24]) for picture in pictures]
    assert sizes == [(1400, 1044)] * 2


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["says"])
def test_refused(case: dict[str, Any], tmp_path: Path) -> None:
    """What Grafana cannot draw, or would drop in silence, is an error that names the panel."""
    place = {"x": 0, "y": 0, "w": 12, "h": 6}
    panel = {"id": 1, "title": "Wrong", "gridPos": place} | case["panel"]
    field = {"name": "goals", "type": "number"}
    frame = {"schema": {"fields": [field]}, "data": {"values": [[1]]}}
    frames = {"timeRange": {"from": 0, "to": 1}, "variables": {}, "panels": {"1": [frame]}}
    (tmp_path / "dashboard.json").write_text(json.dumps({"title": "One", "panels": [panel]}))
    (tmp_path / "frames.json").write_text(json.dumps(frames))
    with pytest.raises(RenderError) as refused:
        render(tmp_path, tmp_path)
    assert f'panel 1 "Wrong": {case["says"]}' in str(refused.value)


@pytest.mark.parametrize(
    ("panel", "texts"),
    [
        ("4", ["4 goals"]),
        ("5", ["No goals yet"]),
        ("6", ["3.5 days", "1.7 weeks"]),
        ("7", ["82%", "41%", "12%"]),
    ],
)
def test_values(panel: str, texts: list[str], described: dict[str, Any]) -> None:
    """Units, decimals and the words for nothing are those that Grafana prints."""
    assert [value["text"] for value in described[panel]["values"]] == texts


def test_names(described: dict[str, Any]) -> None:
    """A series is named by its label, a column by its transformation, a title by its variable."""
    assert described["3"]["title"] == "Progress of All teams"
    series = [field["name"] for field in described["3"]["fields"]]
    assert series == ["time", "Cut latency", "Self-serve onboarding"]
    columns = [field["name"] for field in described["8"]["fields"]]
    assert columns[:3] == ["Id", "Goal", "Team"]


def test_colours(described: dict[str, Any]) -> None:
    """An empty value is not in the colour of the lowest threshold, which would alarm."""
    [nothing] = described["5"]["values"]
    [low] = [value for value in described["7"]["values"] if value["text"] == "12%"]
    assert nothing["color"] != low["color"] == "#F2495C"


def test_links(described: dict[str, Any]) -> None:
    """A link has the values of its row, the variables and the range of time."""
    [goal] = [field for field in described["8"]["fields"] if field["name"] == "Goal"]
    time = "from=1771545600000&to=1772323200000"
    assert goal["links"] == [f"/d/goal?var-goal=g3&var-team=platform&{time}"]


def test_unmatched(described: dict[str, Any]) -> None:
    """The sample has no override without a field; every panel could be prepared."""
    assert not [panel for panel in described.values() if panel.get("error")]
    assert not [panel for panel in described.values() if panel["unmatched"]]
