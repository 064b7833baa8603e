"""Adoption of a library at exact instants, from what the views say about its consumers.

The views know nothing of how long a consumer was watched (`snapshots`): a repository's history
ends with its newest commit, and after that nothing is claimed about it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.history.lines import instant
from tests.history.maths import (
    DAY,
    Observation,
    Stays,
    days,
    holds,
    iso,
    kaplan_meier,
    precedence,
    quantile,
)
from tests.history.views import Views

HORIZONS = (30, 60, 90, 180, 365)
"""Days after a release."""


@dataclass(frozen=True)
class Pin:
    adopter: str
    at: int
    version: str
    """Empty where the library was removed."""


@dataclass(frozen=True)
class Adoption:
    """Who requires a package, and since when which version of it."""

    views: Views
    package: str
    present: str
    """The subject that every version meets."""
    lines: Mapping[str, tuple[str, int]]
    """X.Y of a line to its subject and its release."""
    snapshots: Mapping[str, int]
    """Until when a consumer was watched."""

    @cached_property
    def presence(self) -> Stays:
        return self.views.stays(self.present)

    @cached_property
    def on(self) -> dict[str, Stays]:
        """Who was on a line or above, by line."""
        return {minor: self.views.stays(subject) for minor, (subject, _) in self.lines.items()}

    @cached_property
    def pins(self) -> dict[str, list[Pin]]:
        """Every move, in order; the views of subjects know only what crosses their version."""
        sql = """
            SELECT time, JSONExtractString(data, 'adopter') AS adopter,
                JSONExtractString(data, 'version') AS version
            FROM signals.signals
            WHERE type = 'delivery.subject.pinned.v1'
                AND JSONExtractString(data, 'package') = {package:String}
            ORDER BY time, id
        """
        found: dict[str, list[Pin]] = {}
        for row in self.views.rows(sql, package=self.package):
            pin = Pin(row["adopter"], row["time"], row["version"])
            found.setdefault(pin.adopter, []).append(pin)
        return found

    def eligible(self, at: int) -> list[str]:
        return [
            adopter
            for adopter, stays in self.presence.items()
            if at <= self.snapshots[adopter] and holds(stays, at)
        ]

    def share(self, stays: Stays, at: int) -> tuple[int, int]:
        """How many of those who could be seen at an instant had adopted, and how many they
        were.
        """
        eligible = self.eligible(at)
        return sum(holds(stays.get(adopter, []), at) for adopter in eligible), len(eligible)

    def horizons(self, minor: str) -> dict[str, dict[str, Any]]:
        return {str(horizon): self.horizon(minor, horizon) for horizon in HORIZONS}

    def horizon(self, minor: str, horizon: int) -> dict[str, Any]:
        at = self.lines[minor][1] + horizon * DAY
        adopted, eligible = self.share(self.on[minor], at)
        return {
            "eligible": eligible,
            "at_or_above": adopted,
            "share": round(adopted / eligible, 6) if eligible else None,
            "no_longer_observed": sum(
                self.snapshots[adopter] < at and holds(stays, self.snapshots[adopter])
                for adopter, stays in self.presence.items()
            ),
        }

    def line(self, minor: str) -> dict[str, Any]:
        """When a line was first adopted, by anybody and by those who were below it."""
        on, released = self.on[minor], self.lines[minor][1]
        anybody = [(stays[0][0], adopter) for adopter, stays in on.items()]
        already, watched = [], {}
        for adopter, stays in self.presence.items():
            if released < self.snapshots[adopter] and holds(stays, released):
                if holds(on.get(adopter, []), released):
                    already.append(adopter)
                else:
                    watched[adopter] = self._watch(adopter, on.get(adopter, []), released)
        events = [
            (one.time + released, adopter) for adopter, one in watched.items() if one.happened
        ]
        return {
            "first_adopter_any": _first(anybody, released),
            "first_adopter_cohort": _first(events, released),
            "already_at_or_above_at_release": sorted(already),
            "time_to_adopt": kaplan_meier(list(watched.values())) if watched else None,
        }

    def _watch(
        self, adopter: str, on: list[tuple[int, int | None]], released: int
    ) -> Observation:
        """Until it adopts; or until it removes the library, or is no longer seen."""
        adopted = min((start for start, _ in on if start > released), default=None)
        pins = self.pins[adopter]
        gone = [pin.at for pin in pins if pin.at > released and not pin.version]
        end = min(gone, default=self.snapshots[adopter])
        # A removal and a new pin may share a second (grafana/grafana-operator): removed first.
        if adopted is not None and (not gone or adopted < end):
            return Observation(adopted - released, happened=True)
        return Observation(end - released, happened=False)

    def downgrades(self) -> list[dict[str, Any]]:
        """Moves to a version below the last one."""
        return [found for adopter in sorted(self.pins) for found in self._downgrades(adopter)]

    def _downgrades(self, adopter: str) -> Iterable[dict[str, Any]]:
        before = last = ""
        pins = self.pins[adopter]
        for n, pin in enumerate(pins):
            if pin.version and last and precedence(pin.version) < precedence(last):
                back = _first_at_least(pins[n + 1 :], last)
                yield {
                    "consumer": adopter,
                    "at": iso(pin.at),
                    "from_version": last,
                    "to_version": pin.version,
                    "across_removal": not before,
                    "recovered_after_days": None if back is None else days(back - pin.at),
                }
            before, last = pin.version, pin.version or last

    def skipped_minors(self) -> dict[str, list[str]]:
        """Lines between a consumer's lowest and highest that it never required."""
        lines = sorted(tuple(int(part) for part in minor.split(".")) for minor in self.lines)
        found = {}
        for adopter, pins in self.pins.items():
            seen = {precedence(pin.version)[0][:2] for pin in pins if pin.version}
            skipped = [x for x in lines if min(seen) < x < max(seen) and x not in seen]
            if skipped:
                found[adopter] = [f"{major}.{minor}" for major, minor in skipped]
        return found

    def lag(self, adopter: str) -> dict[str, Any]:
        """How long a consumer that was there at the release took to each line."""
        lags = []
        for minor, (_, released) in self.lines.items():
            on = self.on[minor].get(adopter, [])
            if holds(self.presence[adopter], released) and not holds(on, released):
                lags += [start - released for start, _ in on if start > released][:1]
        sql = """
            SELECT version FROM signals.adopters
            WHERE subject = {subject:String} AND adopter = {adopter:String}
        """
        return {
            "minors_adopted": len(lags),
            "median_lag_days": quantile((lag / DAY for lag in lags), 0.5) if lags else None,
            "max_lag_days": days(max(lags)) if lags else None,
            "version_at_snapshot": self.views.one(sql, subject=self.present, adopter=adopter),
        }


def differences(
    one: Iterable[Pin], other: Iterable[Pin]
) -> Iterable[tuple[int, int | None, str, str]]:
    """From when until when (None: still) two packages had which different versions."""
    last = {pin.at: pin.version for pin in one}, {pin.at: pin.version for pin in other}
    known = since = None
    now = ("", "")
    for at in sorted({*last[0], *last[1]}):
        now = last[0].get(at, now[0]), last[1].get(at, now[1])
        differs = now if now[0] != now[1] else None
        if known is not None and since is not None and differs != known:
            yield since, at, *known
        if differs != known:
            known, since = differs, at
    if known is not None and since is not None:
        yield since, None, *known


def _first(found: list[tuple[int, str]], released: int) -> dict[str, Any] | None:
    if not found:
        return None
    at, adopter = min(found)
    return {"consumer": adopter, "days": days(at - released)}


def _first_at_least(pins: Iterable[Pin], version: str) -> int | None:
    at_least = (
        pin.at for pin in pins if pin.version and precedence(pin.version) >= precedence(version)
    )
    return next(at_least, None)


def snapshots(consumers: Iterable[Mapping[str, str]]) -> dict[str, int]:
    return {row["consumer"]: instant(row["snapshot_at"]) for row in consumers}
