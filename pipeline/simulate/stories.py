"""The life of ordinary work items: from the board to production, in every order."""

from collections.abc import Callable
from typing import Any

from pipeline.simulate.calendar import DAY, HOUR, MINUTE
from pipeline.simulate.organisation import CODE, FLAGS, FROZEN, MONO, SUITE, TEAMS, TRAINS
from pipeline.simulate.world import Change, Item, World

ADOPTED = {
    "one-click-pay": "payments",
    "search-facets": "search",
    "dark-mode": "mobile",
    "saved-carts": "checkout",
    "sso": "identity",
    "runbooks": "sre",
    "feature-store": "data",
    "quick-reorder": "growth",
    "address-book": "logistics",
    "sdk-2": "platform",
}
"""Subjects that people take up, with the team that mostly works on them."""

REGULAR = [
    f"{team}-{part}"
    for team in TEAMS
    for part in ("api", "web")
    if f"{team}-{part}" not in {*TRAINS, "platform-api"}
]
"""Services that are deployed soon after each merge and never rolled back."""


def begin(world: World, story: str, team: str, day: float, **more: Any) -> tuple[Item, int]:
    """A work item from the board to somebody's desk; says when it is about to be merged."""
    created = world.office(day)
    item = world.item(story, team, created, **more)
    doing = world.after(created, 0.2, 3)
    world.status(item, doing, "doing", "In Progress")
    return item, world.after(doing, 0.5, 5)


def tick(world: World, item: Item, at: int) -> None:
    """Fill in the checklist of the item's team, one entry after the other."""
    for entry in TEAMS[item.team][2]:
        at = world.after(at, 0.1, 3)
        world.edit(item, at, ready={entry: True})


def close(world: World, item: Item, at: int, *, ready: bool = True) -> None:
    """Finish the work as the tracker sees it."""
    world.status(item, at, "done", world.pick(["Done", "Closed", "Resolved"]))
    if ready:
        tick(world, item, at)


def flow(
    world: World,
    story: str,
    team: str,
    day: float,
    *,
    service: str | None = None,
    closing: tuple[float, float] = (0, 2),
    lag: tuple[float, float] | None = (2, 50),
    ready: bool = True,
    **more: Any,
) -> tuple[Item, Change, int]:
    """A work item with one or two changes, closed and deployed."""
    item, at = begin(world, story, team, day, **more)
    service = service or world.pick([own for own in REGULAR if own.startswith(f"{team}-")])
    via = world.pick(["title", "keyword", "commit", "branch"])
    change = world.merge(world.repository(service), at, [(item, via)])
    if world.rng.random() < 0.2:
        at = world.after(at, 0.1, 2)
        change = world.merge(world.repository(service), at, [(item, "title")])
    if lag is not None:
        world.ship(service, world.hours(at, *lag), change)
    closed = world.after(at, *closing)
    close(world, item, closed, ready=ready)
    return item, change, closed


def plain(world: World, _: int) -> None:
    """Work that goes well; parts of it belong to the goals of a sprint."""
    subject = world.pick(list(ADOPTED))
    team = ADOPTED[subject] if world.rng.random() < 0.7 else world.pick(list(TEAMS))
    more: dict[str, Any] = {"subjects": [subject], "estimate": world.rng.randint(1, 8)}
    if world.rng.random() < 0.3:
        more["labels"] = ["ui", world.pick(["easy", "hard"])]
    if team in {"payments", "platform"}:
        more["labels"] = [f"goal:sprint-{team}"]
    flow(world, "plain", team, world.rng.uniform(2, world.days * 0.85), **more)


def routine(world: World, _: int) -> None:
    """Work that is over once it is shipped, for the teams' usual times."""
    team = world.pick(list(TEAMS))
    kind = world.pick(["chore", "bug", "incident", "support"])
    exempt: dict[str, Any] = {"adoption": "none_expected", "reason": "refactoring"}
    day = world.rng.uniform(1, world.days * 0.95)
    flow(world, "exempt", team, day, kind=kind, **exempt)


def exempt_waiting(world: World, _: int) -> None:
    """Exempt, but the checklist of the team is filled in late or never."""
    more: dict[str, Any] = {"adoption": "none_expected", "reason": "compliance"}
    day = world.rng.uniform(5, 70)
    item, _change, closed = flow(world, "exempt_waiting", "platform", day, ready=False, **more)
    if world.rng.random() < 0.7:
        tick(world, item, world.after(closed, 15, 30))


def never_shipped(world: World, n: int) -> None:
    """Closed and merged into a service that nobody deploys any more."""
    service = FROZEN[n % len(FROZEN)]
    day = world.rng.uniform(8, world.days * 0.8)
    flow(world, "never_shipped", "data", day, service=service, lag=None, subjects=["sso"])


def train(world: World, n: int) -> None:
    """Closed, and then the next release train is days away."""
    service = TRAINS[n % len(TRAINS)]
    team = service.removesuffix("-api")
    subject = world.pick(["search-facets", "feature-store", "address-book", "runbooks"])
    day = world.rng.uniform(2, world.days * 0.8)
    flow(world, "waits_for_train", team, day, service=service, lag=None, subjects=[subject])


def partial(world: World, n: int) -> None:
    """Needed in three services that are deployed days apart, the last one sometimes never."""
    item, at = begin(world, "partial", "growth", 3 + n * 9, subjects=["quick-reorder"])
    change = world.merge("acme/suite", at, [(item, "title")])
    for service, days in zip(SUITE, (0.2, 3, 9), strict=True):
        if service != SUITE[-1] or n % 3:
            at = world.after(at, days, days + 1)
            world.ship(service, at, change)
    close(world, item, world.after(change.at, 0, 3))


def monorepo(world: World, n: int) -> None:
    """A change of some paths needs only their services; one of no service needs none."""
    team = world.pick(["catalog", "identity", "checkout"])
    day = world.rng.uniform(3, world.days * 0.8)
    item, at = begin(world, "monorepo", team, day, subjects=["sso"])
    service = MONO[n % len(MONO)]
    paths = [f"{service.replace('-', '/')}/main.py"]
    if n % 5 == 3:
        paths = ["libs/money.py"]
    if n % 5 == 4:
        paths = ["docs/index.md"]
    change = world.merge("acme/apps", at, [(item, "keyword")], paths=paths)
    for number, needed in enumerate(MONO):
        if needed == service or n % 5 == 3:
            world.ship(needed, world.hours(at, 2 + number * 20, 30 + number * 20), change)
    close(world, item, world.after(at, 0, 2))


def reverted(world: World, n: int) -> None:
    """A change is reverted in production; every second revert is reverted too."""
    service = world.pick(REGULAR)
    team = service.rsplit("-", 1)[0]
    subject = world.pick(["sso", "one-click-pay", "search-facets"])
    day = world.rng.uniform(3, world.days * 0.7)
    _item, change, closed = flow(
        world, "reverted", team, day, service=service, subjects=[subject]
    )
    at = world.after(closed, 4, 12)
    undo = world.merge(change.repository, at, reverts=change.id, title="Revert")
    world.ship(service, world.hours(at, 1, 5), undo)
    if n % 2:
        at = world.after(at, 3, 9)
        redo = world.merge(change.repository, at, reverts=undo.id, title="Revert the revert")
        world.ship(service, world.hours(at, 1, 5), redo)


def hotfix(world: World, n: int) -> None:
    """A fix on a release branch ships with its own sha, or with a deploy that lists it."""
    service = world.pick(REGULAR)
    team = service.rsplit("-", 1)[0]
    day = world.rng.uniform(5, world.days * 0.8)
    item, at = begin(world, "hotfix", team, day, kind="bug", subjects=["address-book"])
    change = world.merge(
        world.repository(service), at, [(item, "commit")], base="release", default_branch=False
    )
    close(world, item, world.after(at, 0, 1))
    at = world.after(at, 0.5, 8)
    if n % 2:
        world.deploy(service, at, sha=change.sha, cause="hotfix")
    else:
        built = f"{world.rng.getrandbits(160):040x}"
        world.deploy(service, at, sha=built, changes=[change.id], cause="hotfix")


def reopened(world: World, n: int) -> None:
    """Finished, reopened, and closed again; or left open while a newer change ships."""
    subject = world.pick(["sso", "search-facets", "one-click-pay", "quick-reorder"])
    team = ADOPTED[subject]
    service = f"{team}-web"
    day = world.rng.uniform(3, world.days * 0.55)
    story = "reopened_newer_change" if n % 3 == 2 else "reopened"
    item, change, closed = flow(world, story, team, day, service=service, subjects=[subject])
    again = world.after(closed, 3, 45)
    world.status(item, again, "doing", "Reopened")
    if n % 3 == 2:
        at = world.after(again, 1, 6)
        newer = world.merge(change.repository, at, [(item, "title")])
        world.ship(service, world.hours(at, 2, 40), newer)
    elif n % 3:
        close(world, item, world.after(again, 1, 10))


def never_closed(world: World, _: int) -> None:
    """Shipped, while the board still says in progress."""
    subject = world.pick(list(ADOPTED))
    team = ADOPTED[subject]
    day = world.rng.uniform(3, world.days * 0.8)
    item, at = begin(world, "never_closed", team, day, subjects=[subject])
    service = world.pick([service for service in REGULAR if service.startswith(team)])
    for _number in range(world.rng.randint(1, 2)):
        change = world.merge(world.repository(service), at, [(item, "title")])
        world.ship(service, world.hours(at, 2, 30), change)
        at = world.after(at, 2, 6)
    tick(world, item, at)


def epic(world: World, n: int) -> None:
    """An epic hands its subjects and goals to its children."""
    team = ("identity", "search")[n % 2]
    goals = ["sprint-search"]
    subject = {"identity": "sso", "search": "search-facets"}[team]
    at = world.office(1 + n * 9)
    # The subject `sso` selects the children of IDN-1 by itself.
    own: dict[str, Any] = {} if n == 0 else {"subjects": [subject]}
    parent = world.item("epic", team, at, kind="epic", goals=goals, **own)
    if n == 0:
        world.edit(parent, at + MINUTE, subjects=[subject])
    closed, named = at, parent.id if n % 2 else parent.key
    for _number in range(3):
        day = (at - world.start) / DAY + world.rng.uniform(1, 25)
        _child, _change, done = flow(world, "child", team, day, parent=named)
        closed = max(closed, done)
    if n != 3:
        close(world, parent, world.after(closed, 1, 4))


def dropped(world: World, n: int) -> None:
    """Given up or deleted, before or after it was finished."""
    story = ("dropped", "deleted")[n % 2]
    team = world.pick(list(TEAMS))
    day = world.rng.uniform(2, world.days * 0.6)
    if n % 4 < 2:
        item, at = begin(world, story, team, day)
    else:
        item, _change, at = flow(world, story, team, day, subjects=["sso"])
        at = world.after(at, 10, 40)
    if story == "dropped":
        world.status(item, at, "dropped", "Won't do")
    else:
        world.add(at, "/jira/acme", "work_item.deleted", {"work_item": item.id})


def non_code(world: World, _: int) -> None:
    """Nothing to deploy: a text, a training, a contract."""
    subject = world.pick(list(ADOPTED))
    day = world.rng.uniform(2, world.days * 0.8)
    more: dict[str, Any] = {"code": False, "kind": "other", "subjects": [subject]}
    item, at = begin(world, "non_code", ADOPTED[subject], day, **more)
    close(world, item, at)


def late_checklist(world: World, n: int) -> None:
    """Adopted and verified, and the documentation is still missing."""
    team, subject = (("payments", "one-click-pay"), ("platform", "sdk-2"))[n % 2]
    day = world.rng.uniform(3, world.days * 0.5)
    item, _change, closed = flow(
        world, "late_checklist", team, day, subjects=[subject], ready=False
    )
    if n % 4 < 3:
        tick(world, item, world.after(closed, 20, 50))


def moved(world: World, _: int) -> None:
    """Moved to another project: a new key, the same item."""
    day = world.rng.uniform(2, world.days * 0.6)
    item, at = begin(world, "moved", "data", day, subjects=["feature-store"])
    service = "data-web"
    world.merge(world.repository(service), at, [(item, "title")])
    at = world.after(at, 0.5, 4)
    item.key = f"SRE-{900 + world.count('moved')}"
    world.keys[item.key] = item.id
    world.edit(item, at)
    at = world.after(at, 0.5, 4)
    change = world.merge(world.repository(service), at, [(item, "branch")])
    world.ship(service, world.hours(at, 3, 30), change)
    close(world, item, world.after(at, 0, 2))


def flagged(world: World, n: int) -> None:
    """Shipped behind a flag that is off for a while."""
    day = 4 + n * 8
    flow(world, "behind_flag", "mobile", day, service="mobile-web", subjects=["dark-mode"])
    if n == 0:
        production = {"name": "production", "tier": "production"}
        for days, on, rollout in ((5, False, 0), (14, True, 20), (20, True, 100)):
            data = {"flag": "dark-mode", "environment": production, "on": on}
            world.add(world.office(days), FLAGS, "flag.changed", data | {"rollout": rollout})


def in_progress(world: World, _: int) -> None:
    """Somebody is on it."""
    team = world.pick(list(TEAMS))
    day = world.rng.uniform(world.days * 0.4, world.days * 0.98)
    item, at = begin(world, "in_progress", team, day, kind=world.pick(["feature", "bug"]))
    if world.rng.random() < 0.3:
        world.edit(item, at, blocked=True)
    if world.rng.random() < 0.5:
        world.merge(f"acme/{team}-api", world.after(at, 0.2, 1), [(item, "mention")])


def needs_merge(world: World, n: int) -> None:
    """Closed although the change that somebody linked is merged only later."""
    team = ("sre", "identity")[n % 2]
    day = world.rng.uniform(3, world.days * 0.7)
    item, at = begin(world, "needs_merge", team, day, subjects=["runbooks"])
    closed = world.after(at, 0, 1)
    close(world, item, closed)
    change = world.merge(f"acme/{team}-web", world.after(closed, 5, 9))
    assert_link(world, item, change, closed - HOUR)
    world.ship(f"{team}-web", world.hours(change.at, 5, 60), change)


def assert_link(world: World, item: Item, change: Change, at: int, **more: Any) -> None:
    """Somebody says that this change implements that item."""
    data = {"from": item.id, "to": change.id, "rel": "implements", "via": "manual"}
    world.add(at, CODE, "link.asserted", data | more)


STORIES: list[tuple[Callable[[World, int], None], int]] = [
    (epic, 5),  # first, for the key that a subject selects by
    (plain, 80),
    (routine, 60),
    (exempt_waiting, 4),
    (never_shipped, 8),
    (train, 16),
    (partial, 10),
    (monorepo, 15),
    (reverted, 8),
    (hotfix, 8),
    (reopened, 15),
    (never_closed, 10),
    (dropped, 16),
    (non_code, 10),
    (late_checklist, 8),
    (moved, 4),
    (flagged, 5),
    (in_progress, 20),
    (needs_merge, 4),
]
"""How often each of them happens."""
