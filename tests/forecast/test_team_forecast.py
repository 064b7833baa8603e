"""What a team will finish in the next weeks."""

from pipeline.core.team_forecast import forecast_team

SUNDAY = 20_513
HISTORY = [3, 5, 2, 6, 4, 0, 5, 3, 4, 6, 2, 5]


def test_one_three_and_six_weeks_ahead() -> None:
    """Around as many as were finished before; the further, the less is known."""
    rows = forecast_team("t", SUNDAY, HISTORY)
    assert [row.horizon for row in rows] == [7, 21, 42]
    widths = []
    for row, mean in zip(rows, (3.75, 11.25, 22.5), strict=True):
        assert row.low <= row.p10 <= row.p50 <= row.p85 <= row.high
        assert 0.85 * mean < row.p50 < 1.15 * mean
        widths.append(row.high - row.low)
    assert widths == sorted(widths)
    assert rows == forecast_team("t", SUNDAY, HISTORY)


def test_weeks_without_anything_finished_count() -> None:
    """They are weeks too: a team that rests every other week finishes half."""
    busy, resting = (forecast_team("t", SUNDAY, some) for some in ([4] * 12, [4, 0] * 6))
    assert resting[2].p50 < 0.6 * busy[2].p50


def test_too_little_is_said_to_be_too_little() -> None:
    """Seven weeks, or nine finished: rows without numbers, with the reason."""
    for finished, reason in (
        ([9] * 7, "63 finished in 7 weeks"),
        ([1] * 9, "9 finished in 9 weeks"),
        ([], "0 finished in 0 weeks"),
        ([0] * 30, "0 finished in 26 weeks"),
    ):
        rows = forecast_team("t", SUNDAY, finished)
        assert len(rows) == 3
        for row in rows:
            assert (row.p10, row.p50, row.p85, row.low, row.high) == (None,) * 5
            assert reason in row.basis


def test_only_the_newest_26_weeks_count() -> None:
    """What a team did before them does not move its middle."""
    old = forecast_team("t", SUNDAY, [40] * 50 + [4] * 26)
    new = forecast_team("t", SUNDAY, [4] * 26)
    assert abs(old[0].p50 - new[0].p50) < 0.2
