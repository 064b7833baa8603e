"""Where a service stands after each of its deploys, and since when a change is live in it.

A change has a *position* on the default branch; a target (a service in production) stands at a
position after each deploy. A change is live in a target from the first deploy that stands at or
above it (semantics 5.1). Positions are values, not ordinals, so a late change moves no other.
"""

from bisect import bisect_left
from typing import NamedTuple

from pipeline.core.book import Service
from pipeline.core.calendar import MINUTE_MS
from pipeline.core.messages import Live
from pipeline.core.reaction import Draft
from pipeline.core.signals import Instant, Order

BLIP_MS = 60 * MINUTE_MS
"""A redeploy within this time after a rollback makes it a blip: no change of state."""

Position = tuple[Instant, int, int, str, int, str]
"""Place on the default branch: merge time, sequence (three fields), number, change id."""

BOTTOM: Position = (-(2**62), 0, 0, "", 0, "")
TOP: Position = (2**62, 9, 0, "", 0, "")


class Change(NamedTuple):
    """A merged change as we know it; `named` are the keys it names, with how."""

    order: Order
    change: str
    shas: list[str]
    on_default: bool
    paths: list[str] | None
    reverts: str | None
    first_commit_at: Instant | None
    named: list[tuple[str, str, bool]]
    """(key, via, found in text): what is found in text counts for known projects only."""

    @property
    def position(self) -> Position:
        # numbers compare as numbers: of two merged in one instant, !10 stands above !9
        number = self.change.rpartition("!")[2]
        return (
            self.order.at,
            *self.order.sequence,
            int(number) if number.isascii() and number.isdigit() else 0,
            self.change,
        )


class Deploy(NamedTuple):
    order: Order
    deploy: str
    kind: str
    sha: str | None
    version: str | None
    changes: list[str]
    work_items: list[str]


class Target(NamedTuple):
    """The successful production deploys of one service, in order.

    `positions[i]` is where the target stands after deploy i; `drops` are the indices where it
    went down; `explicit` maps a change that only a deploy proves to the deploys that do, and
    `named` does so for work items; `undone` maps a deploy to the rollback that took it back.
    """

    deploys: list[Deploy]
    positions: list[Position]
    drops: list[int]
    explicit: dict[str, list[int]]
    named: dict[str, list[int]]
    undone: dict[int, int]


EMPTY_TARGET = Target([], [], [], {}, {}, {})


# -- where a target stands ---------------------------------------------------------------


def place(draft: Draft, deploys: list[Deploy], library: bool, known: Target | None) -> Target:
    """Where the target stands after each deploy; `known` is the answer for all but the last."""
    if known is None:
        known = EMPTY_TARGET
    positions = list(known.positions)
    drops = list(known.drops)
    explicit = dict(known.explicit)
    named = dict(known.named)
    undone = dict(known.undone)
    standing = [i for i in range(len(positions)) if i not in undone]
    for i in range(len(positions), len(deploys)):
        deploy = deploys[i]
        before = positions[-1] if positions else BOTTOM
        own = draft.get(f"sha/{deploy.sha}") if deploy.sha else None
        change: Change | None = draft.get(f"change/{own[-1][1]}") if own else None
        position = change.position if change is not None and change.on_default else None
        if deploy.kind == "rollback":
            position = _roll_back(i, position, deploy.sha, standing, positions, undone)
        elif library and position is not None:
            position = max(position, before)
        stands = before if position is None else position
        if stands < before:
            drops.append(i)
        positions.append(stands)
        if deploy.kind != "rollback":
            standing.append(i)
        proves = list(deploy.changes)
        if change is not None and not change.on_default:
            proves.append(change.change)
        for id in proves:
            explicit[id] = [*explicit.get(id, []), i]
        for name in deploy.work_items:
            named[name] = [*named.get(name, []), i]
    return Target(deploys, positions, drops, explicit, named, undone)


def _roll_back(
    i: int,
    position: Position | None,
    sha: str | None,
    standing: list[int],
    positions: list[Position],
    undone: dict[int, int],
) -> Position | None:
    """Take back the deploys above the one that a rollback returns to.

    Without a sha that is the previous successful deploy; with one, whatever stands above it.
    """
    if sha is None:
        if standing:
            undone[standing.pop()] = i
        return positions[standing[-1]] if standing else BOTTOM
    if position is None:
        return None
    while standing and positions[standing[-1]] > position:
        undone[standing.pop()] = i
    return position


# -- where a change is live --------------------------------------------------------------


def _steps(
    target: Target, change: str, position: Position | None
) -> list[tuple[Instant, bool]]:
    """When the change went live in the target, and when it left, in deploy order."""
    marks: list[tuple[int, bool]] = []
    if position is not None:
        marks = _positional(target, position)
    for i in target.explicit.get(change, ()):
        marks.append((i, True))
        back = target.undone.get(i)
        if back is not None and (position is None or target.positions[back] < position):
            marks.append((back, False))
    return _turns(target, marks)


def _turns(target: Target, marks: list[tuple[int, bool]]) -> list[tuple[Instant, bool]]:
    """Of what deploys (by their index) switched on and off, only what made a difference."""
    steps: list[tuple[Instant, bool]] = []
    for i, on in sorted(marks):
        if on != (steps[-1][1] if steps else False):
            steps.append((target.deploys[i].order.at, on))
    return steps


def _positional(target: Target, position: Position) -> list[tuple[int, bool]]:
    """Between two drops the positions only rise, so each stretch is searched by halves."""
    marks: list[tuple[int, bool]] = []
    starts = [0, *target.drops]
    for n, start in enumerate(starts):
        end = starts[n + 1] if n + 1 < len(starts) else len(target.positions)
        if start < end and target.positions[start] < position:
            marks.append((start, False))
        first = bisect_left(target.positions, position, start, end)
        if first < end:
            marks.append((first, True))
    return marks


def _without_blips(steps: list[tuple[Instant, bool]]) -> list[Live]:
    """The log of being live: leaving it is known after an hour without a redeploy."""
    log: list[Live] = []
    i = 0
    while i < len(steps):
        at, on = steps[i]
        if not on and i + 1 < len(steps) and steps[i + 1][0] - at <= BLIP_MS:
            i += 2
            continue
        log.append(Live(at if on else at + BLIP_MS, at, on))
        i += 1
    return log


def named_log(target: Target, name: str) -> list[Live]:
    """Since when a work item that deploys list is live in a target, and when it was not."""
    marks: list[tuple[int, bool]] = []
    for i in target.named.get(name, ()):
        marks.append((i, True))
        if i in target.undone:
            marks.append((target.undone[i], False))
    return _without_blips(_turns(target, marks))


def live_log(draft: Draft, id: str, service: Service, seen: tuple[str, ...] = ()) -> list[Live]:
    """Since when a change is live in a service, and when it was not (reverts included)."""
    target: Target = draft.get(f"target/{service.id}") or EMPTY_TARGET
    change: Change | None = draft.get(f"change/{id}")
    position = change.position if change is not None and change.on_default else None
    log = _without_blips(_steps(target, id, position))
    reverts = [by for by in draft.get(f"reverted/{id}") or [] if by not in seen]
    if not reverts:
        return log
    others = [live_log(draft, by, service, (*seen, id)) for by in reverts]
    return _both(log, others)


def _both(own: list[Live], reverts: list[list[Live]]) -> list[Live]:
    """Live while its own log says so and no revert of it is live."""
    events = sorted(
        [(step.known_at, -1, step) for step in own]
        + [(step.known_at, n, step) for n, log in enumerate(reverts) for step in log],
        key=lambda e: (e[0], e[1]),
    )
    on = False
    reverted = [False] * len(reverts)
    log: list[Live] = []
    for known_at, who, step in events:
        if who < 0:
            on = step.on
        else:
            reverted[who] = step.on
        now = on and not any(reverted)
        if now != (log[-1].on if log else False):
            log.append(Live(known_at, step.effective_at, now))
    return log
