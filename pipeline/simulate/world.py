"""What happens in the organisation: plain facts, in the words of the signals."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from pipeline.simulate.calendar import DAY, HOUR, MINUTE, rfc3339
from pipeline.simulate.organisation import (
    CODE,
    DEPLOYS,
    FIRST_DAY,
    TEAMS,
    TRACKER,
    Organisation,
)

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Fact:
    """One true thing at its true time, before noise touches it."""

    at: int
    source: str
    signal: str
    data: dict[str, Any]
    arrives_at: int | None = None
    """When a story needs a certain lateness."""
    applies: bool = True
    """False for what arrives too late to count."""


@dataclass(slots=True)
class Item:
    """A work item as its story refers to it."""

    id: str
    key: str
    team: str


class Change(NamedTuple):
    """A merged change as its story refers to it."""

    id: str
    sha: str
    repository: str
    at: int


class _Shipping(NamedTuple):
    at: int
    change: Change
    backwards: bool
    more: dict[str, Any]


@dataclass(slots=True)
class World:
    """Collects the facts of all stories."""

    organisation: Organisation
    days: int
    rng: random.Random
    facts: list[Fact] = field(default_factory=list)
    stories: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[str, str] = field(default_factory=dict)
    """Work item by any key it ever had."""
    _counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _shippings: dict[str, list[_Shipping]] = field(default_factory=lambda: defaultdict(list))

    @property
    def start(self) -> int:
        """The first instant."""
        return self.organisation.calendar.start(FIRST_DAY.toordinal())

    @property
    def end(self) -> int:
        """The last instant: the close of the last day."""
        return self.organisation.calendar.start(FIRST_DAY.toordinal() + self.days)

    def count(self, name: str) -> int:
        """The next number of a name."""
        self._counts[name] += 1
        return self._counts[name]

    def add(self, at: int, source: str, signal: str, data: dict[str, Any], **more: Any) -> None:
        """Record a fact, unless the simulation is over by then."""
        if at < self.end:
            self.facts.append(Fact(at, source, signal, data, **more))

    def office(self, day: float) -> int:
        """A moment in office hours of the working day at or after so many days."""
        calendar = self.organisation.calendar
        working = calendar.next_working(FIRST_DAY.toordinal() + int(day))
        return calendar.start(working) + 8 * HOUR + self.rng.randrange(9 * HOUR)

    def after(self, at: int, least: float, most: float) -> int:
        """A moment in office hours some days later."""
        days = (at - self.start) / DAY + self.rng.uniform(least, most)
        return max(self.office(days), at + 5 * MINUTE)

    def hours(self, at: int, least: float, most: float) -> int:
        """A moment some hours later, at whatever time of day."""
        return at + int(self.rng.uniform(least, most) * HOUR)

    def item(
        self, story: str, team: str, at: int, *, kind: str = "feature", **more: Any
    ) -> Item:
        """Create a work item."""
        number = self.count(f"key:{team}")
        key = f"{TEAMS[team][0]}-{number}"
        item = Item(f"jira:{10_000 + self.count('item')}", key, team)
        self.keys[key] = item.id
        if at < self.end:
            self.stories[story].append(item.id)
        data: dict[str, Any] = {"work_item": item.id, "key": key}
        data["title"] = f"{story.replace('_', ' ').capitalize()} {number}"
        data |= {"url": f"https://tracker.example/browse/{key}", "kind": kind, "team": team}
        status = {"name": "To Do", "category": "todo"}
        self.add(at, TRACKER, "work_item.changed", data | {"status": status} | more)
        return item

    def edit(self, item: Item, at: int, **fields: Any) -> None:
        """Change fields of a work item."""
        self.add(
            at, TRACKER, "work_item.changed", {"work_item": item.id, "key": item.key} | fields
        )

    def status(self, item: Item, at: int, category: str, name: str | None = None) -> None:
        """Move a work item on the board."""
        status = {"name": name or category.capitalize(), "category": category}
        self.edit(item, at, status=status)

    def merge(
        self,
        repository: str,
        at: int,
        items: Iterable[tuple[Item, str]] = (),
        **more: Any,
    ) -> Change:
        """Merge a change that names work items."""
        name = f"{repository}!{self.count(f'change:{repository}')}"
        sha = f"{self.rng.getrandbits(160):040x}"
        data: dict[str, Any] = {
            "change": name,
            "repository": repository,
            "shas": [sha],
            "base": "main",
        }
        data |= {"default_branch": True, "first_commit_at": rfc3339(self.hours(at, -60, -1))}
        arrives_at = more.pop("arrives_at", None)
        if items := list(items):
            data["work_items"] = [{"key": item.key, "via": via} for item, via in items]
        self.add(at, CODE, "change.merged", data | more, arrives_at=arrives_at)
        return Change(name, sha, repository, at)

    def ship(
        self, service: str, at: int, change: Change, *, backwards: bool = False, **more: Any
    ) -> None:
        """Ask for a deploy; it is left out if the service is ahead of the change by then."""
        self._shippings[service].append(_Shipping(at, change, backwards, more))

    def deploy(self, service: str, at: int, **fields: Any) -> None:
        """Record a deploy as it is."""
        tiers: dict[str, str] = self._service(service).get("environments", {})
        live = next((name for name, tier in tiers.items() if tier == "production"), None)
        environment = {"name": live} if live else {"name": "production", "tier": "production"}
        data: dict[str, Any] = {"deploy": f"argo:{self.count('deploy')}", "service": service}
        data |= {"environment": environment, "outcome": "success", "kind": "deploy"}
        data |= {"repository": self._service(service)["repository"]}
        data |= {"started_at": rfc3339(at - 4 * MINUTE)}
        self.add(at, DEPLOYS, "deploy.finished", data | fields)

    def rollback(self, service: str, at: int, to: Change | None = None) -> None:
        """Return to a change, or to whatever was deployed before."""
        self.deploy(
            service, at, kind="rollback", cause="incident", **({"sha": to.sha} if to else {})
        )

    def depart(self) -> None:
        """Turn the wished-for deploys into deploys that never go backwards by accident."""
        for service, wishes in self._shippings.items():
            ahead: tuple[int, str] = (0, "")
            for at, change, backwards, more in sorted(wishes, key=lambda wish: wish.at):
                position = (change.at, change.id)
                if change.at >= at or (position < ahead and not backwards):
                    continue
                if not backwards:
                    ahead = max(ahead, position)
                self._rehearse(service, at, change)
                self.deploy(service, at, sha=change.sha, **more)

    def _rehearse(self, service: str, at: int, change: Change) -> None:
        """Now and then a deploy fails first, or is seen on staging."""
        chance = self.rng.random()
        if chance < 0.05:
            self.deploy(service, at - 20 * MINUTE, sha=change.sha, outcome="failure")
        elif chance < 0.2:
            staging = {"name": "staging", "tier": "staging"}
            self.deploy(service, at - 40 * MINUTE, sha=change.sha, environment=staging)

    def repository(self, service: str) -> str:
        """Where a service is built from."""
        return str(self._service(service)["repository"])

    def _service(self, service: str) -> dict[str, Any]:
        return next(record for record in self.organisation.services if record["id"] == service)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """One of them, by chance."""
        return self.rng.choice(choices)
