"""The statistics that the golden numbers are given in."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

DAY = 86_400_000
"""In milliseconds."""

Stay = tuple[int, int | None]
"""From an instant on, and until which (None: still)."""

Stays = Mapping[str, list[Stay]]
"""By adopter, each adopter's in the order of time."""


def iso(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def days(milliseconds: int) -> float:
    return round(milliseconds / DAY, 4)


def quantile(values: Iterable[float], q: float) -> float:
    """By linear interpolation between the two nearest values."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * q
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (at - low), 4)


def holds(stays: list[Stay], at: int) -> bool:
    return any(start <= at and (end is None or at < end) for start, end in stays)


class Observation(NamedTuple):
    """How long somebody was watched, and whether the watch ended with what was waited for."""

    time: int
    happened: bool


def kaplan_meier(seen: list[Observation]) -> dict[str, float | int | None]:
    """Time until something happens to a share of all; who left before it counts until then."""
    surviving = Fraction(1)
    reached: dict[str, float] = {}
    limits = {
        "p25_days": Fraction(3, 4),
        "median_days": Fraction(1, 2),
        "p75_days": Fraction(1, 4),
    }
    for time in sorted({one.time for one in seen if one.happened}):
        at_risk = sum(one.time >= time for one in seen)
        happened = sum(one.happened and one.time == time for one in seen)
        surviving *= Fraction(at_risk - happened, at_risk)
        for name, limit in limits.items():
            if surviving <= limit:
                reached.setdefault(name, days(time))
    return {
        "n": len(seen),
        "events": sum(one.happened for one in seen),
        "censored": sum(not one.happened for one in seen),
        **{name: reached.get(name) for name in limits},
        "survival_at_end": round(float(surviving), 6),
    }


def precedence(version: str) -> tuple[tuple[int, ...], bool, list[tuple[bool, int, str]]]:
    """A key that sorts versions as semantic versioning 2.0.0 does."""
    core, _, before = version.removeprefix("v").partition("+")[0].partition("-")
    parts = [
        (not part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in before.split(".")
        if before
    ]
    return tuple(int(number) for number in core.split(".")), not before, parts
