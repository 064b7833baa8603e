"""What grafanalib 0.7.1 writes, as Grafana 13 reads it: classic JSON of schema version 41.

grafanalib is from 2024 and writes keys of older Grafanas: nulls that stand for nothing, keys of
panels that are gone, shapes that a migration would have to mend. They are removed here, so that
Grafana migrates nothing.
"""

import json
from typing import Any

from grafanalib import core
from grafanalib._gen import DashboardEncoder

Json = dict[str, Any]

SCHEMA = 41

_DASHBOARD = (
    "__inputs",
    "hideControls",
    "rows",
    "sharedCrosshair",
    "style",
    "gnetId",
    "id",
    "version",
)
_PANEL = (
    "editable",
    "error",
    "height",
    "span",
    "minSpan",
    "cacheTimeout",
    "hideTimeOverride",
    "maxDataPoints",
    "columns",
    "fontSize",
    "mappings",
    "color",
    "transparent",
)
_ROW = ("id", "type", "title", "gridPos", "collapsed", "panels")


def cleaned(dashboard: core.Dashboard) -> Json:
    """Return the dashboard in the form that file provisioning loads, keys in a fixed order."""
    body: Json = _without_nulls(json.loads(json.dumps(dashboard, cls=DashboardEncoder)))
    for key in _DASHBOARD:
        body.pop(key, None)
    body.pop("timepicker", None)
    body["schemaVersion"] = SCHEMA
    body["graphTooltip"] = 1  # one crosshair through all panels
    body["links"] = [{"url": "", "tooltip": "", **link} for link in body["links"]]
    body["panels"] = [_panel(panel) for panel in body["panels"]]
    return body


def _without_nulls(value: Any) -> Any:
    """Leave out what is null, but for the `value` of a threshold: its base has none."""
    match value:
        case dict():
            return {
                k: _without_nulls(v) for k, v in value.items() if v is not None or k == "value"
            }
        case list():
            return [_without_nulls(one) for one in value]
        case _:
            return value


def _panel(panel: Json) -> Json:
    if panel["type"] == "row":
        return {key: panel[key] for key in _ROW if key in panel}
    for key in _PANEL:
        panel.pop(key, None)
    if not panel.get("transformations"):
        panel.pop("transformations", None)
    if panel["type"] == "text":
        for key in ("fieldConfig", "targets", "datasource"):
            panel.pop(key, None)
        return panel
    panel["datasource"] = panel["targets"][0]["datasource"]
    fields = panel.setdefault("fieldConfig", {})
    fields.setdefault("overrides", [])
    defaults = fields.setdefault("defaults", {})
    if not defaults.get("thresholds", {}).get("steps"):
        defaults["thresholds"] = {
            "mode": "absolute",
            "steps": [{"value": None, "color": "text"}],
        }
    custom = defaults.get("custom")
    if custom is not None:
        if panel["type"] == "table":
            custom.pop("displayMode", None)
            custom |= {"cellOptions": {"type": "auto"}, "inspect": False}
        if (custom.get("scaleDistribution") or {}).get("type") == "linear":
            custom["scaleDistribution"] = {"type": "linear"}
    options = panel.get("options", {})
    if panel["type"] == "table" and not options.get("sortBy"):
        options.pop("sortBy", None)
    legend = options.get("legend")
    if legend is not None:
        legend.setdefault("showLegend", True)
    return panel
