"""The oracle's view of production: which change was live in which service, and since when."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.simulate.calendar import HOUR
from pipeline.simulate.organisation import Record
from pipeline.simulate.world import Fact

BLIP = HOUR
"""A service that is back within this time was never away."""


class Switch(NamedTuple):
    """From `known` on we know that something is so (or not so) since `effective`."""

    known: int
    effective: int
    on: bool
    rollback: bool = False


class Merged(NamedTuple):
    """A change as far as shipping is concerned."""

    at: int
    name: str
    repository: str
    shas: frozenset[str]
    paths: tuple[str, ...] | None
    default_branch: bool
    reverts: str | None


class Deployed(NamedTuple):
    """A deploy that succeeded in production."""

    at: int
    service: str
    repository: str
    sha: str | None
    rollback: bool
    changes: frozenset[str]
    keys: tuple[str, ...]


def state_at(switches: Sequence[Switch], at: int) -> Switch | None:
    """The last switch that is known at an instant."""
    last = None
    for switch in switches:
        if switch.known <= at:
            last = switch
    return last


def touches(paths: Sequence[str] | None, patterns: Sequence[str] | None) -> bool:
    """Whether one of the paths is the service's; the simulator writes `folder/**` only."""
    if paths is None or patterns is None:
        return True
    folders = [pattern.removesuffix("**") for pattern in patterns]
    return any(path.startswith(folder) for path in paths for folder in folders)


@dataclass(slots=True)
class Production:
    """All changes and deploys of the simulation."""

    services: dict[str, Record]
    changes: dict[str, Merged] = field(default_factory=dict)
    deploys: dict[str, list[Deployed]] = field(default_factory=lambda: defaultdict(list))
    _live: dict[tuple[str, str], list[Switch]] = field(default_factory=dict)

    def read(self, facts: Sequence[Fact]) -> None:
        """Take in the merges and deploys; facts are in the order of their time."""
        for fact in facts:
            data = fact.data
            if fact.signal == "change.merged":
                paths = tuple(data["paths"]) if "paths" in data else None
                self.changes[data["change"]] = Merged(
                    fact.at,
                    data["change"],
                    data["repository"],
                    frozenset(data["shas"]),
                    paths,
                    data["default_branch"],
                    data.get("reverts"),
                )
            elif fact.signal == "deploy.finished" and self._counts(data):
                self.deploys[data["service"]].append(
                    Deployed(
                        fact.at,
                        data["service"],
                        data["repository"],
                        data.get("sha"),
                        data["kind"] == "rollback",
                        frozenset(data.get("changes", ())),
                        tuple(data.get("work_items", ())),
                    )
                )

    def _counts(self, data: Record) -> bool:
        service, environment = self.services[data["service"]], data["environment"]
        named = service.get("environments", {}).get(environment["name"])
        fallback = "production" if environment["name"] in {"production", "prod"} else "other"
        tier = environment.get("tier") or named or fallback
        return data["outcome"] == "success" and tier == "production"

    def required(self, change: Merged) -> list[str] | None:
        """Where a change has to be live; None if nothing is built from its repository."""
        built = [
            service
            for service in self.services.values()
            if service["repository"] == change.repository
        ]
        if not built:
            return None
        return [one["id"] for one in built if touches(change.paths, one.get("paths"))]

    def live(self, change: Merged, service: str) -> list[Switch]:
        """When it was known to be live there, reverts included."""
        key = (change.name, service)
        if key not in self._live:
            own = _settle(self._raw(change, service))
            reverts = [
                self.live(other, service)
                for other in self.changes.values()
                if other.reverts == change.name
            ]
            self._live[key] = _without(own, reverts) if reverts else own
        return self._live[key]

    def _raw(self, change: Merged, service: str) -> Iterator[tuple[int, bool]]:
        if not change.default_branch:
            for deploy in self.deploys[service]:
                if deploy.sha in change.shas or change.name in deploy.changes:
                    yield deploy.at, True
                    return
            return
        for at, position in self._positions(service):
            yield at, position >= (change.at, change.name)

    def _positions(self, service: str) -> Iterator[tuple[int, tuple[int, str]]]:
        """How far along its repository a service was, deploy by deploy."""
        repository = self.services[service]["repository"]
        additive = "releases" in self.services[service]
        by_sha = {
            sha: (change.at, change.name)
            for change in self.changes.values()
            if change.repository == repository and change.default_branch
            for sha in change.shas
        }
        history: list[tuple[int, str]] = []
        for deploy in self.deploys[service]:
            position = by_sha.get(deploy.sha or "")
            if deploy.rollback and deploy.sha is None and len(history) > 1:
                position = history[-2]
            if position is None:
                continue
            if additive and history and not deploy.rollback:
                position = max(position, history[-1])
            history.append(position)
            yield deploy.at, position


def _settle(raw: Iterator[tuple[int, bool]]) -> list[Switch]:
    """Changes only, and without what was over within an hour."""
    turns: list[tuple[int, bool]] = []
    for at, on in raw:
        if on != (turns[-1][1] if turns else False):
            turns.append((at, on))
    switches: list[Switch] = []
    away: int | None = None
    for at, on in turns:
        if not on:
            away = at
            continue
        if away is not None and at - away > BLIP:
            switches.append(Switch(away + BLIP, away, on=False, rollback=True))
            away = None
        if away is None:
            switches.append(Switch(at, at, on=True))
        away = None
    if away is not None:
        switches.append(Switch(away + BLIP, away, on=False, rollback=True))
    return switches


def _without(own: list[Switch], reverts: list[list[Switch]]) -> list[Switch]:
    """Live while no live change reverts it."""
    merged: list[Switch] = []
    on = False
    for turn in sorted([*own, *(switch for other in reverts for switch in other)]):
        mine = state_at(own, turn.known)
        theirs = [state_at(other, turn.known) for other in reverts]
        now = bool(mine and mine.on) and not any(other and other.on for other in theirs)
        if now != on:
            merged.append(
                Switch(turn.known, turn.effective, now, turn in own and turn.rollback)
            )
            on = now
    return merged
