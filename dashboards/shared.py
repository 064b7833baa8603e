"""Panels that share an answer: one of them asks, the others take what it was told.

A view that joins and counts much costs as much for one column as for all of them. So it is asked
once for a dashboard, by one panel; each draws its own columns. Grafana's name for what the others
ask is the data source "-- Dashboard --".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SOURCE: Json = {"type": "datasource", "uid": "-- Dashboard --"}


@dataclass(frozen=True)
class Shared:
    """A query that the panel with the id `by` asks, for itself and for others."""

    by: int
    sql: str


def taken(by: int) -> Json:
    """The target of a panel that takes another's answer, as that was before its transformations."""
    return {"refId": "A", "datasource": SOURCE, "panelId": by, "withTransforms": False}


def only(names: Iterable[str]) -> Json:
    """The transformation that leaves the columns which a panel draws."""
    return {"id": "filterFieldsByName", "options": {"include": {"names": list(names)}}}


def asker(panel: Json, body: Json) -> Json:
    """The panel that asks what this one draws: another of the dashboard, or itself."""
    by = next((one["panelId"] for one in panel.get("targets", ()) if is_taken(one)), None)
    if by is None:
        return panel
    return next(one for one in body["panels"] if one["id"] == by)


def is_taken(target: Mapping[str, Any]) -> bool:
    return bool(target.get("datasource", {}).get("uid") == SOURCE["uid"])


def columns_of(panel: Json, names: Sequence[str]) -> list[int]:
    """Which of the columns that came a panel draws."""
    kept = set(names)
    for one in panel.get("transformations", ()):
        if one["id"] == "filterFieldsByName":
            kept &= set(one["options"]["include"]["names"])
    return [n for n, name in enumerate(names) if name in kept]
