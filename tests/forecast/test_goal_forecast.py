"""What a goal's forecast says, when it says nothing, and that it depends on facts alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pipeline.core.calendar import Week, WorkingCalendar
from pipeline.core.definition import Forecasting
from pipeline.core.forecast import Strand
from pipeline.core.goal_forecast import Forecast, Question, Scenario, closes_week, forecast_goal
from pipeline.core.rows import ForecastRow, Gone

CALENDAR = WorkingCalendar("Europe/Berlin", Week(frozenset(range(5)), frozenset()))
SUNDAY = 20_513
"""2026-03-01"""

HORIZONS = (7, 21, 28, 42, 90)
"""1, 3 and 6 weeks, and what a month and a quarter are."""


def steady(days: int, per_week: float = 3.5, start: float = 0.0) -> list[float | None]:
    """A value that grows on four days of every week."""
    return [start + per_week * (day // 7 + min(day % 7, 4) / 4) for day in range(days)]


def question(series: Sequence[float | None], **other: Any) -> Question:
    given: dict[str, Any] = {
        "goal_id": "g",
        "day": SUNDAY,
        "kind": "adoption",
        "series": series,
        "baseline": 0.0,
        "target": 40.0,
        "due_on": SUNDAY + 42,
        "ceiling": 60.0,
    }
    return Question(**{**given, **other})


def ask(asked: Question, known: dict[int, Forecast] | None = None) -> dict[Any, ForecastRow]:
    """The rows of a forecast, by quantity, horizon and scenario."""
    _, rows, _ = forecast_goal(asked, CALENDAR, (known or {}).get)
    return {(row.quantity, row.horizon, row.scenario): row for row in rows}


def nothing(row: ForecastRow) -> bool:
    return all(value is None for value in (row.p10, row.p50, row.p85, row.p_hit, row.p_never))


def test_weeks_close_on_sundays() -> None:
    assert [closes_week(SUNDAY + n) for n in range(-1, 8)] == [
        n in {0, 7} for n in range(-1, 8)
    ]


def test_a_goal_on_pace_will_be_hit() -> None:
    """In the order of its quantiles, with the same pace ahead as behind."""
    rows = ask(question(steady(56)))
    days = rows["days", 0, ""]
    assert days.low <= days.p10 <= days.p50 <= days.p85 <= days.high
    assert days.p50 == pytest.approx(7 * 12 / 3.5, abs=7)
    assert days.p_hit > 0.6
    for horizon in HORIZONS:
        row = rows["value", horizon, ""]
        assert row.low <= row.p10 <= row.p50 <= row.p85 <= row.high <= 60
    for horizon in (7, 21):
        middle = rows["value", horizon, ""].p50
        assert middle == pytest.approx(28 + horizon / 2, abs=1)


@pytest.mark.parametrize(
    ("series", "other", "reason"),
    [
        (steady(20), {}, "20 days of data, 21 are needed"),
        ([None] * 30 + steady(20), {}, "20 days of data, 21 are needed"),
        ([], {}, "0 days of data"),
        ([None] * 60, {}, "0 days of data"),
        (steady(21), {"target": 400.0}, "2 % of the way, 25 % are needed"),
        (steady(56), {"ceiling": 35.0}, "fewer are eligible than the target asks for"),
        (steady(56), {"target": 20.0}, "the target is met"),
        (
            steady(56),
            {"kind": "work", "strands": [Strand([4] * 7, 12)]},
            "28 finished in 7 weeks, at least 10 in 8 are needed",
        ),
        (
            steady(56),
            {"kind": "work", "strands": [Strand([1] * 9, 12)]},
            "9 finished in 9 weeks, at least 10 in 8 are needed",
        ),
        (steady(56), {"kind": "work"}, "no work is left"),
    ],
)
def test_what_cannot_be_known_is_not_said(
    series: list[float | None], other: dict[str, Any], reason: str
) -> None:
    """One row without numbers, and the reason in words."""
    asked = question(series, **other)
    found, rows, _ = forecast_goal(asked, CALENDAR, {}.get)
    assert [(row.quantity, row.horizon) for row in rows] == [("days", 0)]
    assert nothing(rows[0])
    assert reason in rows[0].basis
    assert (found.p_hit, found.hit_by_p50, found.hit_by_p85) == (None, None, None)


def test_the_rules_say_how_wide_and_how_early() -> None:
    """An interval that shall hold less is narrower around the same middle; less is enough."""
    usual, narrow = (
        ask(question(steady(56), rules=Forecasting(interval=share)))["value", 28, ""]
        for share in (0.85, 0.5)
    )
    assert (usual.interval, narrow.interval) == (0.85, 0.5)
    assert usual.p50 == narrow.p50
    assert usual.low < narrow.low < narrow.high <= usual.high
    early = question(steady(20), rules=Forecasting(least_days=15))
    assert not nothing(ask(early)["days", 0, ""])
    young = work(Strand([4] * 5, 12), rules=Forecasting(least_weeks=4))
    assert not nothing(ask(young)["days", 0, ""])


def test_fewer_trials_say_the_same_less_surely() -> None:
    """Within what a thousand trials can tell."""
    few, many = (
        ask(question(steady(56), rules=Forecasting(trials=trials)))["days", 0, ""]
        for trials in (1_000, 10_000)
    )
    assert few != many
    assert few.p_hit == pytest.approx(many.p_hit, abs=0.06)


def test_what_stands_still_is_not_forecast() -> None:
    """Drawn again, four weeks without a change are none for ever: nobody knows that much."""
    asked = question([*steady(28), *[14.0] * 29], kind="kpi", ceiling=None)
    days = ask(asked)["days", 0, ""]
    assert nothing(days)
    assert days.basis == "nothing changed in the last 28 days"


def test_after_the_due_date_it_says_when_it_will_be_late() -> None:
    row = ask(question(steady(56), due_on=SUNDAY - 7))["days", 0, ""]
    assert row.p_hit == 0
    assert row.p50 is not None


def test_less_is_as_far_as_more() -> None:
    """A goal that shall fall is the mirror image of one that shall rise."""
    up = question(steady(56), kind="kpi", ceiling=None)
    down = replace(up, series=[100 - (v or 0) for v in up.series], baseline=100, target=60)
    rising, falling = ask(up)["days", 0, ""], ask(down)["days", 0, ""]
    assert falling[6:11] == rising[6:11]
    fell, rose = ask(down)["value", 28, ""], ask(up)["value", 28, ""]
    assert fell.p50 is not None
    assert rose.p50 is not None
    assert fell.p50 == pytest.approx(100 - rose.p50, abs=0.5)
    assert fell.low <= fell.p10 <= fell.p50 <= fell.p85 <= fell.high


def test_the_same_facts_give_the_same_forecast() -> None:
    """Whoever asks again hears the same; another goal or day has other trials."""
    asked = question(steady(56))
    assert ask(asked) == ask(asked)
    one, other = (ask(replace(asked, goal_id=id))["days", 0, ""].p_hit for id in "gh")
    assert one != other


def test_the_same_question_is_not_answered_again() -> None:
    """Only when a fact is another one, and then what no longer holds leaves."""
    asked = question(steady(56))
    found, rows, _ = forecast_goal(asked, CALENDAR, {}.get)
    assert len(rows) == 1 + len(HORIZONS)
    known = {SUNDAY: found}
    assert forecast_goal(asked, CALENDAR, known.get) == (found, [], [])
    early = replace(asked, target=400.0)
    other, rows, gone = forecast_goal(early, CALENDAR, known.get)
    assert [row.quantity for row in rows] == ["days"]
    assert gone == [
        Gone(ForecastRow, ("goal", "g", "value", SUNDAY, horizon, "")) for horizon in HORIZONS
    ]
    assert other.fingerprint != found.fingerprint


def test_a_date_that_moves_by_less_than_a_week_stays() -> None:
    """The dates that people see; the forecast itself says what it found."""
    first = question(steady(56))
    found, _, _ = forecast_goal(first, CALENDAR, {}.get)
    second = replace(first, day=SUNDAY + 7, series=steady(63))
    assert found.hit_by_p50 is not None
    for shift, stays in ((-2, True), (2, True), (-12, False), (12, False)):
        fresh, _, _ = forecast_goal(second, CALENDAR, {}.get)
        assert fresh.hit_by_p50 is not None
        before = found._replace(hit_by_p50=fresh.hit_by_p50 + shift)
        again, _, _ = forecast_goal(second, CALENDAR, {SUNDAY: before}.get)
        kept = again.hit_by_p50 == before.hit_by_p50
        assert kept == stays, shift


def test_forecasts_that_missed_make_the_next_ones_wider() -> None:
    """Of each horizon by itself, from the goal's own past."""
    asked = question(steady(63), day=SUNDAY + 7)
    before, _, _ = forecast_goal(question(steady(56)), CALENDAR, {}.get)
    missed = before._replace(intervals={**before.intervals, 7: (0.0, 1.0)})
    calm, _, _ = forecast_goal(asked, CALENDAR, {SUNDAY: before}.get)
    wide, _, _ = forecast_goal(asked, CALENDAR, {SUNDAY: missed}.get)
    assert calm.widths[7] < before.widths[7] < wide.widths[7]
    assert calm.widths[28] == wide.widths[28] == before.widths[28]
    (low, high), (wider_low, wider_high) = calm.intervals[7], wide.intervals[7]
    assert wider_high - wider_low > high - low


HISTORY = [3, 5, 2, 6, 4, 0, 5, 3, 4, 6, 2, 5]


def work(*strands: Strand, **other: Any) -> Question:
    return question(
        [float(n) for n in range(60)], kind="work", target=200.0, strands=strands, **other
    )


def test_who_waits_for_two_teams_waits_for_the_slower() -> None:
    """And for longer than for each alone, since either may be late."""
    one, both = Strand(HISTORY, 30), [Strand(HISTORY, 30), Strand(HISTORY[::-1], 30)]
    alone, joined = ask(work(one))["days", 0, ""], ask(work(*both))["days", 0, ""]
    assert alone.p50 is not None
    assert joined.p50 is not None
    assert joined.p50 > alone.p50


@pytest.mark.parametrize(("added", "longer"), [(0, 1.0), (1, 1.36), (4, None)])
def test_work_that_is_added_takes_longer(added: int, longer: float | None) -> None:
    """A quarter as much added as finished makes it a third longer; as much, and it never ends."""
    plain = ask(work(Strand(HISTORY, 30)))["days", 0, ""]
    grows = ask(work(Strand(HISTORY, 30, [added] * 12)))["days", 0, ""]
    assert plain.p50 is not None
    if longer is None:
        assert grows.p85 is None
    else:
        assert grows.p50 == pytest.approx(plain.p50 * longer, rel=0.05)


def test_a_scenario_says_what_it_costs_that_things_are_as_they_are() -> None:
    """Beside the forecast as things are, from the same trials."""
    rows = ask(work(Strand(HISTORY, 30), scenarios=[Scenario("less-support", 1.35)]))
    as_is, better = rows["days", 0, ""], rows["days", 0, "less-support"]
    assert as_is.p50 is not None
    assert better.p50 is not None
    assert as_is.p50 / better.p50 == pytest.approx(1.35, abs=0.08)
    assert (
        better.basis
        == f"1.35 of the pace: {round(as_is.p50 - better.p50)} days sooner than as things are"
    )
