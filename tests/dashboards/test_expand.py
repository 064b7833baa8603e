"""What becomes of macros and variables before a query reaches ClickHouse."""

import datetime as dt
from pathlib import Path

import pytest
import yaml

from dashboards.expand import ALL, Choice, MacroError, Range, expand

TABLES = yaml.safe_load((Path(__file__).parent / "expand.yaml").read_text("utf-8"))
REFUSED = [line.split(" => ") for line in TABLES.pop("refused").splitlines()]
CASES = [line.split(" => ") for table in TABLES.values() for line in table.splitlines()]
RANGE = Range(
    dt.datetime.fromisoformat("2014-11-12T11:45:26.371Z"),
    dt.datetime.fromisoformat("2015-11-12T11:45:26.456Z"),
    20,
)
CHOICES = {
    "goal": Choice("g1", ("g1", "g2")),
    "team": Choice(("payments", "search"), ("payments", "search", "web")),
    "service": Choice((ALL,), ("api", "web")),
    "any": Choice(""),
    "odd": Choice("o'b"),
}


@pytest.mark.parametrize(("asked", "sent"), CASES)
def test_a_query_is_expanded_as_grafana_and_the_plugin_do(asked: str, sent: str) -> None:
    """Conditions on All, then variables, then macros."""
    assert expand(asked, RANGE, CHOICES) == sent


@pytest.mark.parametrize(("asked", "why"), REFUSED)
def test_a_macro_that_the_plugin_refuses_is_refused(asked: str, why: str) -> None:
    """Where Grafana would show an error, there is one, and it says why."""
    with pytest.raises(MacroError, match=why):
        expand(asked, RANGE, CHOICES)
