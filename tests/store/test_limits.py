"""Limits of commitments: computed here another way than the view does, by products of chances."""

import datetime as dt
import itertools
from typing import Any

import pytest

from pipeline.store.client import Store
from tests.store.rows import fill

Counts = list[tuple[int, int]]

ALIKE = [(10, 8)] * 6 + [(10, 9)] * 3 + [(10, 7)] * 3 + [(20, 6)]
"""Committed and closed per team: twelve teams as chance has them, and one far below."""

SPREAD = [(20, 19), (20, 18), (20, 4), (20, 2), (20, 12), (20, 16), (20, 7), (20, 20)]
"""Teams that differ much: then hardly anything is unusual."""


def chances(n: int, a: float, b: float) -> list[float]:
    """Beta-binomial, from each count to the next."""
    found = [1.0]
    for i in range(n):
        found[0] *= (b + i) / (a + b + i)
    for x in range(n):
        found.append(found[-1] * (n - x) / (x + 1) * (a + x) / (b + n - x - 1))
    return found


def limits(counts: Counts, n: int) -> tuple[float, float]:
    total = sum(m for m, _ in counts)
    p = sum(x for _, x in counts) / total
    chance = p * (1 - p)
    apart = sum(m * (x / m - p) ** 2 for m, x in counts) / chance
    teams = len(counts) - 1
    room = total - sum(m * m for m, _ in counts) / total - teams
    alike = max((apart - teams) / room, 1e-6)
    size = (1 - alike) / alike
    sums = list(itertools.accumulate(chances(n, p * size, (1 - p) * size)))
    low = next(x for x, c in enumerate(sums) if c > 0.025)
    high = next(x for x, c in enumerate(sums) if c >= 0.975)
    return low / n, high / n


@pytest.mark.parametrize(
    ("counts", "unusual"), [(ALIKE, {"12"}), (SPREAD, set())], ids=["alike", "spread"]
)
def test_only_what_is_unusual_is_said(store: Store, counts: Counts, unusual: set[str]) -> None:
    """Limits, share drawn to that of all, and a text for what lies outside."""
    at = dt.datetime(2026, 3, 14, tzinfo=dt.UTC)
    rows: dict[str, list[dict[str, Any]]] = {
        "clock": [{"name": "c", "at": at}],
        "periods": [{"team": str(t), "period": "S", "ends_at": at} for t in range(len(counts))],
        "commitments": [
            {"team": str(t), "period": "S", "work_item": str(i), "committed": True}
            | {"closed": i < closed}
            for t, (n, closed) in enumerate(counts)
            for i in range(n)
        ],
    }
    fill(store, rows)
    found = store.rows("SELECT * FROM signals.commitment_limits WHERE level = 'closed'")
    assert len(found) == len(counts)
    for row in found:
        n, closed = counts[int(row["team"])]
        assert (row["low"], row["high"]) == pytest.approx(limits(counts, n))
        ends = sorted([closed / n, row["expected"]])
        assert ends[0] - 1e-9 <= row["likely"] <= ends[1] + 1e-9
    assert {row["team"] for row in found if row["explanation"]} == unusual
    if unusual:
        text = next(row["explanation"] for row in found if row["explanation"])
        assert text.startswith("6 of 20 closed: fewer than 95 % of teams with as many")
