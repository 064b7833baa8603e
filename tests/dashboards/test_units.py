"""Numbers and instants are printed as Grafana's own code prints them."""

import datetime as dt
from pathlib import Path

import pytest
import yaml

from dashboards.preview.units import dated, printed, since

TABLES = yaml.safe_load((Path(__file__).parent / "units.yaml").read_text("utf-8"))
INSTANT = dt.datetime(2026, 3, 30, 22, tzinfo=dt.UTC)


@pytest.mark.parametrize(("unit", "value", "decimals", "text"), TABLES["numbers"])
def test_a_number_reads_as_in_grafana(
    unit: str, value: float, decimals: int | None, text: str
) -> None:
    """In its unit, with decimals as set, else with about three digits."""
    assert printed(value, unit, decimals) == text


@pytest.mark.parametrize(("unit", "text"), TABLES["instants"])
def test_an_instant_reads_as_in_grafana(unit: str, text: str) -> None:
    """By the name of a form, or by a pattern."""
    assert dated(INSTANT, unit, dt.UTC, INSTANT) == text


def test_an_instant_has_a_zone_and_may_leave_out_today() -> None:
    """The wall clock of the zone; the date only where it is not today's."""
    zone = dt.timezone(dt.timedelta(hours=2))
    assert dated(INSTANT, "", zone, INSTANT) == "2026-03-31 00:00:00"
    assert dated(INSTANT, "dateTimeAsIsoNoDateIfToday", dt.UTC, INSTANT) == "22:00:00"


@pytest.mark.parametrize(("seconds", "text"), TABLES["ages"])
def test_an_age_is_counted_from_the_store_s_clock(seconds: int, text: str) -> None:
    """In one word, as moment.js has it."""
    assert since(dt.timedelta(seconds=seconds)) == text
