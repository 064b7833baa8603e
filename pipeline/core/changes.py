"""The changes of a repository: what is said about each merge, and where it is found.

A change is found by its name, by the shas that it put on a branch, by its place on the default
branch, and by what it reverts. Whatever may have become different waits until the repository
wakes.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import Any, NamedTuple

from pipeline.core import links
from pipeline.core.live import Change, Position, called, merges
from pipeline.core.reaction import Chain, Draft
from pipeline.core.signals import ChangeMerged, Instant, Order, Signal

PARTS: dict[str, Any] = {
    "aside": list[str],
    "change/": list[Change],
    "facts/": list[Change],
    "index/": list[Position],
    "months": list[int],
    "reverted/": list[str],
    "reverts_shas": bool,
    "sha/": list[tuple[Order, str]],
    "changes_due": Chain[str],
    "names_due": Chain[tuple[str, str]],
    "ranges_due": Chain[tuple[Position, Position]],
}


def _month(at: Instant) -> int:
    return at // (30 * 86_400_000)


class Touched(NamedTuple):
    """What has to be judged again: changes, and work items that deploys name."""

    changes: list[str]
    names: list[tuple[str, str]]
    """(service, name of a work item)."""


def touch(
    draft: Draft,
    *,
    changes: Iterable[str] = (),
    ranges: Iterable[tuple[Position, Position]] = (),
    names: Iterable[tuple[str, str]] = (),
) -> None:
    """Remember what to judge again: changes, those in ranges of the branch, and names."""
    for key, values in (("changes", changes), ("ranges", ranges), ("names", names)):
        for value in values:
            draft.chain(f"{key}_due", value)
    draft.wake()


def touched(draft: Draft) -> Touched:
    """Take what was remembered, with all that a change there may have taken back."""
    found = dict.fromkeys(reversed(draft.unchain("changes_due")))
    for low, high in _merged(draft.unchain("ranges_due")):
        found.update(dict.fromkeys(_between(draft, low, high)))
    for id in list(found):
        found.update(dict.fromkeys(_undone_by(draft, id)))
    names = dict.fromkeys(reversed(draft.unchain("names_due")))
    return Touched(list(found), list(names))


def merge(draft: Draft, signal: Signal, data: ChangeMerged) -> list[str]:
    """Take in a merge; the shas of which another change may be meant now."""
    given = data.work_items is not None
    change = Change(
        signal.order,
        data.change,
        data.shas,
        data.default_branch is not False,
        data.paths,
        data.reverts,
        data.first_commit_at,
        [(key, via, not given) for key, via in links.named(data)],
    )
    said = [f for f in _facts(draft, change.change) if f.order[1:] != change.order[1:]]
    insort(said, change, key=lambda f: f.order)
    return _hold(draft, change.change, said)


def _facts(draft: Draft, id: str) -> list[Change]:
    """All that is said about a change; a part of its own where that is more than what holds."""
    return draft.get(f"facts/{id}") or merges(draft, id)


def retract(draft: Draft, signal: Signal, data: ChangeMerged) -> list[str]:
    """Undo what a superseded copy had said; the shas of which another change may be meant now."""
    return _hold(
        draft, data.change, [f for f in _facts(draft, data.change) if f.order != signal.order]
    )


def _hold(draft: Draft, id: str, said: list[Change]) -> list[str]:
    """Of what is said about one merge (by its time) the newest holds; put it into every index."""
    known = merges(draft, id)
    now = list({fact.order.at: fact for fact in said}.values())
    draft.put_if_new(f"facts/{id}", said if said != now else None)
    if now == known:
        return []
    touch(draft, changes=_undone_by(draft, id))
    for merge in known:
        _forget(draft, merge)
    draft.put(f"change/{id}", now or None)
    for merge in now:
        _remember(draft, merge)
    touch(draft, changes=[id])
    return list(dict.fromkeys(sha for m in (*known, *now) for sha in m.shas))


def _remember(draft: Draft, change: Change) -> None:
    for sha in change.shas:
        listed = draft.get(f"sha/{sha}") or []
        draft.put(f"sha/{sha}", sorted([*listed, (change.order, change.change)]))
    if not change.on_default:
        put_aside(draft, change.change)
    else:
        month = _month(change.order.at)
        index = list(draft.get(f"index/{month}") or [])
        insort(index, change.position)
        draft.put(f"index/{month}", index)
        months = draft.get("months") or []
        if month not in months:
            draft.put("months", sorted([*months, month]))
    if change.reverts:
        by = draft.get(f"reverted/{change.reverts}") or []
        draft.put(f"reverted/{change.reverts}", sorted({*by, change.change}))
        if "@" in change.reverts:
            draft.put_if_new("reverts_shas", value=True)


def put_aside(draft: Draft, id: str) -> None:
    """Remember a change that has no place on the default branch, to judge it again."""
    aside: list[str] = draft.get("aside") or []
    if id not in aside:
        draft.put("aside", sorted([*aside, id]))


def _forget(draft: Draft, change: Change) -> None:
    """Take a merge of a change out of every index, before another fact replaces it."""
    for sha in change.shas:
        listed = [own for own in draft.get(f"sha/{sha}") or [] if own[0] != change.order]
        draft.put(f"sha/{sha}", listed or None)
    if change.on_default:
        month = _month(change.order.at)
        index = [p for p in draft.get(f"index/{month}") or [] if p != change.position]
        draft.put(f"index/{month}", index)
    if change.reverts:
        by = [b for b in draft.get(f"reverted/{change.reverts}") or [] if b != change.change]
        draft.put(f"reverted/{change.reverts}", by or None)


def _undone_by(draft: Draft, id: str) -> list[str]:
    """The change that a change reverts, the one that this one reverted, and so on."""
    found: dict[str, None] = {}
    left = [id]
    while left:
        for merge in merges(draft, left.pop()):
            for other in called(draft, merge.reverts) if merge.reverts else ():
                if other not in found:
                    found[other] = None
                    left.append(other)
    return list(found)


def _merged(ranges: list[tuple[Position, Position]]) -> list[tuple[Position, Position]]:
    merged: list[tuple[Position, Position]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _between(draft: Draft, low: Position, high: Position) -> list[str]:
    """Changes above `low`, up to and with `high`."""
    found: list[str] = []
    months = draft.get("months") or []
    first = bisect_left(months, _month(low[0]))
    last = bisect_right(months, _month(high[0]))
    for month in months[first:last]:
        index = draft.get(f"index/{month}") or []
        found += [p[-1] for p in index[bisect_right(index, low) : bisect_right(index, high)]]
    return found
