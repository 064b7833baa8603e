"""Work that goes wrong: rollbacks, missing links, and results that nobody wants."""

from collections.abc import Callable
from typing import Any

from pipeline.simulate.calendar import DAY, HOUR, MINUTE
from pipeline.simulate.organisation import CODE, FROZEN, SHAKY, TEAMS, TRAINS
from pipeline.simulate.stories import REGULAR, assert_link, begin, close, flow, tick
from pipeline.simulate.world import World

OUTCOMES = {
    "unused": ("gift-cards", "payments", 8),
    "below_target": ("bulk-export", "data", 8),
    "lost": ("live-tracking", "logistics", 16),
    "lost_and_regained": ("smart-sort", "catalog", 10),
    "lost_late": ("quick-reorder", "growth", 12),
    "not_verified": ("event-bus", "platform", 8),
    "low_response": ("macros", "support-tools", 6),
    "refuted": ("refer-friend", "growth", 10),
    "verified_by_kpi": ("feature-store", "data", 6),
    "pinned": ("sdk-2", "platform", 8),
    "pinned_late": ("sdk-3", "platform", 6),
    "downgraded": ("base-image", "sre", 8),
}
"""What became of the subject, who works on it, and on how many items."""


def outcome(world: World, story: str, n: int) -> None:
    """Work on a subject whose adoption has a story of its own."""
    subject, team, count = OUTCOMES[story]
    day = 2 + (n + world.rng.random()) * world.days * 0.7 / count
    flow(world, story, team, day, subjects=[subject])


def by_service(world: World, n: int) -> None:
    """No subject named: those of the service count, if it has any."""
    service = ("search-web", "identity-web", "sre-web")[n % 3]
    day = world.rng.uniform(3, world.days * 0.7)
    flow(world, "subject_of_service", service.removesuffix("-web"), day, service=service)


def no_subject(world: World, n: int) -> None:
    """Nobody knows what it is good for."""
    service = ("payments-api", "growth-api", "platform-web")[n % 3]
    team = service.rsplit("-", 1)[0]
    flow(world, "no_subject", team, world.rng.uniform(3, world.days * 0.8), service=service)


def two_subjects(world: World, _: int) -> None:
    """Both subjects have to be taken up; one of them is chosen by a label."""
    day = world.rng.uniform(3, world.days * 0.5)
    more: dict[str, Any] = {"labels": ["subject:saved-carts"], "subjects": ["address-book"]}
    flow(world, "two_subjects", "checkout", day, **more)


def no_service(world: World, n: int) -> None:
    """Merged into a repository that no service is built from."""
    day = world.rng.uniform(3, world.days * 0.8)
    item, at = begin(world, "no_service", "search", day, subjects=["sso"])
    world.merge(f"acme/scripts-{n % 2}", at, [(item, "title")])
    close(world, item, world.after(at, 0, 2))


def unlinked(world: World, n: int) -> None:
    """Closed, and nothing says by which change; somebody may say so later."""
    service = TRAINS[n % len(TRAINS)]
    team = service.removesuffix("-api")
    day = world.rng.uniform(3, world.days * 0.7)
    story = ("unlinked", "linked_late")[n % 2]
    item, at = begin(world, story, team, day, subjects=["search-facets"])
    close(world, item, world.after(at, 0, 1))
    if n % 2:
        change = world.merge(f"acme/{service}", world.after(at, 1, 3))
        assert_link(world, item, change, world.after(change.at, 4, 20))


def ambiguous(world: World, n: int) -> None:
    """Only mentioned in passing; two weak signs together may be enough."""
    service = REGULAR[n % len(REGULAR)]
    team = service.rsplit("-", 1)[0]
    day = world.rng.uniform(3, world.days * 0.7)
    story = ("ambiguous", "ambiguous", "two_weak_links")[n % 3]
    item, at = begin(world, story, team, day, subjects=["sso"])
    via = ("mention", "release_note", "mention")[n % 3]
    change = world.merge(world.repository(service), at, [(item, via)])
    world.ship(service, world.hours(at, 5, 30), change)
    close(world, item, world.after(at, 0, 2))
    if n % 3 == 2:
        assert_link(world, item, change, world.after(at, 4, 12), via="release_note")


def bulk(world: World, _: int) -> None:
    """One merge names seven items: too many to believe any."""
    day = world.rng.uniform(10, 40)
    items = [begin(world, "bulk", "logistics", day)[0] for _number in range(7)]
    at = world.after(world.office(day), 6, 8)
    change = world.merge("acme/logistics-web", at, [(item, "title") for item in items])
    world.ship("logistics-web", world.hours(at, 5, 9), change)
    for item in items:
        close(world, item, world.after(at, 0, 3))


def wrong_link(world: World, n: int) -> None:
    """Linked to the wrong change by hand, taken back, and linked to the right one."""
    day = world.rng.uniform(3, world.days * 0.6)
    item, at = begin(world, "wrong_link", "catalog", day, subjects=["sso"])
    wrong = world.merge(f"acme/{FROZEN[n % 2]}", at)
    right = world.merge("acme/catalog-web", at + HOUR)
    world.ship("catalog-web", world.hours(at, 5, 30), right)
    close(world, item, world.after(at, 0, 2))
    assert_link(world, item, wrong, at + 2 * HOUR)
    later = world.after(at, 6, 15)
    data = {"from": item.id, "to": wrong.id, "rel": "implements", "via": "manual"}
    world.add(later, CODE, "link.retracted", data)
    assert_link(world, item, right, later + 5 * MINUTE)


def named_in_deploy(world: World, n: int) -> None:
    """The deploy itself names the item: there is no change, or its sha is never seen."""
    service = ("support-tools-web", "identity-api")[n % 2]
    team = service.rsplit("-", 1)[0]
    day = world.rng.uniform(3, world.days * 0.8)
    item, at = begin(world, "named_in_deploy", team, day, subjects=["address-book"])
    if n % 3 == 0:
        world.merge(world.repository(service), at, [(item, "commit")])
    close(world, item, world.after(at, 0, 2))
    stray = f"{world.rng.getrandbits(160):040x}"
    world.deploy(service, world.after(at, 1, 9), sha=stray, work_items=[item.key])


def unknown_sha(world: World, n: int) -> None:
    """The deploy is reported days before the change that it contains."""
    service = REGULAR[(5 * n) % len(REGULAR)]
    team = service.rsplit("-", 1)[0]
    day = world.rng.uniform(3, world.days * 0.8)
    item, at = begin(world, "unknown_sha", team, day, subjects=["sso"])
    arrives_at = at + int(world.rng.uniform(3, 9) * DAY)
    change = world.merge(
        world.repository(service), at, [(item, "title")], arrives_at=arrives_at
    )
    world.ship(service, world.hours(at, 2, 20), change)
    close(world, item, world.after(at, 0, 1))


def rolled_back(world: World, n: int) -> None:
    """Deployed and rolled back: for good, for days, for minutes, or to an older sha."""
    service = SHAKY[n % len(SHAKY)]
    turn = n // len(SHAKY)
    kind = ("days", "blip", "lower", "forever", "edge", "late")[(turn + n % len(SHAKY)) % 6]
    day = 4 + turn * 17
    done = kind in {"days", "lower", "late"} and n % 2 == 0
    more: dict[str, Any] = {"subjects": ["sso"]}
    if done:
        more = {"adoption": "none_expected", "reason": "migration"}
    story = "blip" if kind in {"blip", "edge"} else "rolled_back"
    item, at = begin(world, story, "identity", day, **more)
    base = world.merge(world.repository(service), at - HOUR)
    world.ship(service, at - HOUR // 2, base)
    change = world.merge(world.repository(service), at, [(item, "title")])
    shipped = world.hours(at, 1, 6)
    world.ship(service, shipped, change)
    close(world, item, world.after(at, 0, 2))
    back = world.after(shipped, 1, 3) if kind != "late" else shipped + 5 * DAY
    if kind == "lower":
        world.ship(service, back, base, backwards=True)
    else:
        world.rollback(service, back)
    minutes = {
        "blip": world.rng.uniform(5, 58),
        "edge": 60,
        "days": 60 * world.rng.uniform(2, 70),
    }
    minutes |= {"lower": 60 * world.rng.uniform(2, 30), "late": 60 * world.rng.uniform(20, 50)}
    if kind in minutes:
        again = back + int(minutes[kind] * MINUTE)
        world.ship(service, again, change, backwards=True)


def rolled_back_done(world: World, n: int) -> None:
    """Done for weeks, and then the service returns to a sha of long ago."""
    service = "platform-api"
    first = world.merge("acme/platform-api", world.office(2))
    world.ship(service, world.hours(first.at, 1, 3), first)
    more: dict[str, Any] = {"adoption": "none_expected", "reason": "upgrade"}
    flow(world, "rolled_back_done", "search", 15 + 9 * n, service=service, lag=(1, 9), **more)
    if n == 3:
        back = world.office(70)
        world.rollback(service, back, first)
        fix = world.merge("acme/platform-api", world.hours(back, 1, 3))
        world.ship(service, world.hours(back, 20, 60), fix)


def releases(world: World, n: int) -> None:
    """A library: an older line gets a release later, and nothing is un-shipped."""
    day = 3 + n * 14
    item, at = begin(
        world, "library", "platform", day, subjects=["sdk-2"], labels=["goal:sprint-platform"]
    )
    change = world.merge("acme/sdk", at, [(item, "title")])
    world.ship("sdk", world.after(at, 0.1, 6), change, version=f"v2.{n}.0")
    closed = world.after(at, 0, 2)
    close(world, item, closed, ready=False)
    tick(world, item, closed)
    if n == 0:
        older = world.merge("acme/sdk", world.office(1))
        world.ship("sdk", world.hours(older.at, 1, 2), older, version="v1.9.0")
        world.ship("sdk", world.office(60), older, version="v1.9.1", backwards=True)


def trains(world: World) -> None:
    """Every other Thursday, what is merged goes to production; frozen services stop early."""
    for service in TRAINS:
        for day in range(3, world.days, 14):
            head = world.merge(f"acme/{service}", world.office(day))
            world.ship(service, head.at + 10 * MINUTE, head)
    for service in FROZEN:
        head = world.merge(f"acme/{service}", world.office(1))
        world.ship(service, head.at + HOUR, head)
    for team in TEAMS:
        for day in range(5, world.days, 21):
            tidy = world.merge(f"acme/{team}-web", world.office(day), title="Tidy up")
            world.ship(f"{team}-web", world.hours(tidy.at, 1, 20), tidy)


TROUBLES: list[tuple[Callable[[World, int], None], int]] = [
    (by_service, 9),
    (no_subject, 6),
    (two_subjects, 5),
    (no_service, 6),
    (unlinked, 12),
    (ambiguous, 12),
    (bulk, 1),
    (wrong_link, 4),
    (named_in_deploy, 8),
    (unknown_sha, 6),
    (rolled_back, 24),
    (rolled_back_done, 4),
    (releases, 6),
]
"""How often each of them happens."""
