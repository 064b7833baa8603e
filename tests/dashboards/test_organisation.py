"""Every dashboard on the organisation of the demo."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards import provisioning
from dashboards.expand import Choice
from pipeline.store.client import Store
from tests.dashboards.asked import answers, clock, first, options, unfit

DASHBOARDS = provisioning.dashboards()
pytestmark = pytest.mark.prove


def test_a_quote_in_a_name_is_no_sql(whole: Store) -> None:
    """A value of a variable never becomes part of the query."""
    for body in DASHBOARDS.values():
        names = [one["name"] for one in body["templating"]["list"] if one["type"] == "query"]
        choices = {name: Choice("x' OR 1=1 OR 'a'='", ["x"]) for name in names}
        assert all(answer.names for answer in answers(body, whole, choices))


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_every_panel_has_rows(uid: str, whole: Store) -> None:
    """On the organisation of the demo each panel draws something, for a value of its variables."""
    body = DASHBOARDS[uid]
    values = options(body, whole)
    choices = first(body, values)
    singles = [name for name, choice in choices.items() if not choice.is_all]
    tries: list[dict[str, Any]] = [choices]
    for name in singles:
        tries += [choices | {name: Choice(value, values[name])} for value in values[name]]
    left = {panel["id"] for panel in body["panels"] if panel.get("targets")}
    for one in tries:
        found = list(answers(body, whole, one))
        assert [wrong for answer in found for wrong in unfit(answer)] == []
        left -= {answer.panel["id"] for answer in found if answer.rows}
        if not left:
            break
    assert left == set()


NUMBERS = yaml.safe_load((Path(__file__).parent / "numbers.yaml").read_text(encoding="utf-8"))


def _day(value: dt.date | dt.datetime) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: case["panel"])
def test_a_panel_says_what_the_views_say(case: dict[str, str], whole: Store) -> None:
    """Its numbers are those that plain Python finds in the rows of a view."""
    uid, _, id_ = case["panel"].rpartition(" ")
    body = DASHBOARDS[uid]
    choices = first(body, options(body, whole))
    (found,) = (a for a in answers(body, whole, choices) if a.panel["id"] == int(id_))
    shown = [dict(zip(found.names, row, strict=True)) for row in found.rows]
    names = {"day": _day} | {name: choice.values for name, choice in choices.items()}
    said = (
        eval(case["as"], names | {"rows": shown})
        if "as" in case
        else next(iter(shown[0].values()))
    )
    rows = whole.rows(f"SELECT * FROM signals.{case['of']}")
    assert rows
    assert said == eval(case["is"], names | {"rows": rows, "clock": clock(whole)})
