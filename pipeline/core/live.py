"""Where a service stands after each of its deploys, and since when a change is live in it.

A change has a *position* on the default branch; a target (a service in production) stands at a
position after each deploy. A change is live in a target from the first deploy that stands at or
above it (semantics 5.1). Positions are values, not ordinals, so a late change moves no other.
"""

from bisect import bisect_left
from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

from pipeline.core.calendar import MINUTE_MS
from pipeline.core.definition import Service
from pipeline.core.messages import Live
from pipeline.core.reaction import Draft
from pipeline.core.signals import Instant, Order, number_key

BLIP_MS = 60 * MINUTE_MS
"""A redeploy within this time after a rollback makes it a blip: no change of state."""

Position = tuple[Instant, int, int, str, int, str]
"""Place on the default branch: merge time, sequence (three fields), number, change id."""

ALWAYS: Instant = -(2**62)
BOTTOM: Position = (-(2**62), 0, 0, "", 0, "")
TOP: Position = (2**62, 9, 0, "", 0, "")


class Change(NamedTuple):
    """A merge of a change as we know it; `named` are the keys it names, with how.

    What was taken back may be merged anew: such a change has several.
    """

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
            number_key(number)[0] if number.isascii() and number.isdigit() else 0,
            self.change,
        )


class Deploy(NamedTuple):
    """A successful deploy to production, by the version of its service that was in force."""

    order: Order
    deploy: str
    kind: str
    sha: str | None
    version: str | None
    changes: list[str]
    work_items: list[str]
    library: bool
    subjects: list[str]


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


def merges(draft: Draft, id: str) -> list[Change]:
    """Every merge of a change, in order."""
    return draft.get(f"change/{id}") or []


def merge_of(draft: Draft, sha: str, by: Instant) -> Change | None:
    """The merge that had put a sha on a branch by an instant; the last one if several had.

    Where all came later it is the first one: what a sha contains was known then at last.
    """
    listed: list[tuple[Order, str]] = draft.get(f"sha/{sha}") or []
    if not listed:
        return None
    past = [one for one in listed if one[0].at <= by]
    order, id = past[-1] if past else listed[0]
    return next(merge for merge in merges(draft, id) if merge.order == order)


def reverts_of(draft: Draft, id: str) -> dict[str, list[Change]]:
    """Merges that revert a change, by their change; they may call it by one of its shas."""
    names = {id}
    if draft.get("reverts_shas"):
        names |= {f"{draft.id}@{sha}" for merge in merges(draft, id) for sha in merge.shas}
    found = sorted({by for name in names for by in draft.get(f"reverted/{name}") or []})
    return {by: [m for m in merges(draft, by) if m.reverts in names] for by in found}


def called(draft: Draft, reference: str) -> list[str]:
    """The changes that a reference may mean: the one of that name, and those with that sha."""
    _, at, sha = reference.rpartition("@")
    listed: list[tuple[Order, str]] = (draft.get(f"sha/{sha}") or []) if at else []
    return [reference, *(id for _, id in listed)]


# -- where a target stands ---------------------------------------------------------------


def place(draft: Draft, deploys: list[Deploy], known: Target | None) -> Target:
    """Where the target stands after each deploy; `known` is the answer for all but the last."""
    if known is None:
        known = EMPTY_TARGET
    positions = list(known.positions)
    drops = list(known.drops)
    explicit = dict(known.explicit)
    named = dict(known.named)
    undone = dict(known.undone)
    standing = [
        i for i in range(len(positions)) if i not in undone and deploys[i].kind != "rollback"
    ]
    for i in range(len(positions), len(deploys)):
        deploy = deploys[i]
        before = positions[-1] if positions else BOTTOM
        change = merge_of(draft, deploy.sha, deploy.order.at) if deploy.sha else None
        position = change.position if change is not None and change.on_default else None
        if deploy.kind == "rollback":
            position = _roll_back(i, position, deploy.sha, standing, positions, undone)
        elif deploy.library and position is not None:
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
    target: Target, change: str, position: Position | None, since: Instant
) -> list[tuple[Instant, bool]]:
    """When the change went live in the target, and when it left, in deploy order.

    Deploys that list it prove it from `since` on.
    """
    marks: list[tuple[int, bool]] = []
    if position is not None:
        marks = _positional(target, position)
    for i in target.explicit.get(change, ()):
        if target.deploys[i].order.at < since:
            continue
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


def live_log(
    draft: Draft,
    id: str,
    service: Service,
    counted: list[Change] | None = None,
    seen: tuple[str, ...] = (),
) -> list[Live]:
    """Since when a change is live in a service, and when it was not (reverts included).

    Of a revert only some merges count: it takes back no later merge of what it reverts, and
    nothing while it was merged as something else.
    """
    target: Target = draft.get(f"target/{service.id}") or EMPTY_TARGET
    reverts = {by: m for by, m in reverts_of(draft, id).items() if by not in seen}

    def log(position: Position | None, merged_at: Instant) -> list[Live]:
        own = _without_blips(_steps(target, id, position, merged_at))
        undone: list[list[Live]] = []
        for by, found in reverts.items():
            later = [merge for merge in found if merge.order.at >= merged_at]
            undone.append(live_log(draft, by, service, later, (*seen, id)))
        if not undone:
            return own
        return _combined([own, *undone], lambda on: on[0] and not any(on[1:]))

    known = merges(draft, id)
    if not known:
        return log(None, ALWAYS)
    # The first merge is reverted by whatever says so, and proved by whatever lists it.
    logs = [
        log(merge.position if merge.on_default else None, merge.order.at if n else ALWAYS)
        for n, merge in enumerate(known)
        if counted is None or merge in counted
    ]
    return logs[0] if len(logs) == 1 else _combined(logs, any)


def _combined(logs: list[list[Live]], judge: Callable[[list[bool]], bool]) -> list[Live]:
    """One log of several: on while `judge` says so of where all of them stand."""
    steps = sorted(
        ((step, n) for n, log in enumerate(logs) for step in log),
        key=lambda turn: turn[0].known_at,
    )
    stand = [False] * len(logs)
    log: list[Live] = []
    for known_at, turns in groupby(steps, key=lambda turn: turn[0].known_at):
        effective: list[Instant] = []
        for step, n in turns:
            stand[n] = step.on
            effective.append(step.effective_at)
        on = judge(stand)
        if on != (log[-1].on if log else False):
            log.append(Live(known_at, max(effective) if on else min(effective), on))
    return log


def retired(log: list[Live], at: Instant) -> list[Live]:
    """The log in a service that ends at an instant: nothing has to reach it from then on."""
    past = [step for step in log if step.known_at < at]
    return past if past and past[-1].on else [*past, Live(at, at, True)]
