"""A team: how long its work usually takes to get from one stage to the next.

From that it answers how much grace a state gets that begins at an instant (semantics 6.4).
Only gaps that were known before that instant teach, so an answer never rests on the future.
"""

from bisect import insort
from math import ceil
from typing import NamedTuple

from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS
from pipeline.core.messages import AskGrace, Gaps, Grace, Redefined
from pipeline.core.reaction import Draft
from pipeline.core.signals import Instant

WINDOW_MS = 90 * DAY_MS
ENOUGH = 10
QUANTILE = 0.85


class Gap(NamedTuple):
    """One finished gap: known at, ended at, length in working days, of which work item."""

    known_at: Instant
    ended_at: Instant
    days: int
    work_item: str


def hear(draft: Draft, message: Gaps | AskGrace | Redefined, book: Book) -> None:
    match message:
        case Gaps():
            _learn(draft, message, book)
        case AskGrace():
            _ask(draft, message)
        case Redefined():
            draft.put("since", -(2**62))
            draft.wake()


def _learn(draft: Draft, message: Gaps, book: Book) -> None:
    calendar = book.calendar("team", draft.id)
    since: Instant | None = draft.get("since")
    for stage in ("close_to_ship", "ship_to_adopt", "adopt_to_verify"):
        known: list[Gap] = draft.get(f"gaps/{stage}") or []
        old = [gap for gap in known if gap.work_item == message.work_item]
        new = []
        if stage in message.gaps:
            start, end, known_at = message.gaps[stage]
            new = [Gap(known_at, end, calendar.gap(start, end), message.work_item)]
        if old == new:
            continue
        gaps = (
            [gap for gap in known if gap.work_item != message.work_item] if old else list(known)
        )
        for gap in new:
            insort(gaps, gap, key=lambda g: (g.known_at, g.work_item))
        draft.put(f"gaps/{stage}", gaps)
        touched = min(gap.known_at for gap in (*old, *new))
        since = touched if since is None else min(since, touched)
    if since is not None:
        draft.put("since", since)
        draft.wake()


def _ask(draft: Draft, message: AskGrace) -> None:
    asked: list[tuple[str, Instant]] = draft.get(f"asked/{message.work_item}") or []
    if asked == message.asks:
        return
    draft.put(f"asked/{message.work_item}", message.asks or None)
    fresh = list(draft.get("fresh") or [])
    asks: list[tuple[Instant, str]] = list(draft.get("asks") or [])
    for _, at in asked:
        if (at, message.work_item) in asks:
            asks.remove((at, message.work_item))
    for stage, at in message.asks:
        if (at, message.work_item) not in asks:
            insort(asks, (at, message.work_item))
        fresh.append((message.work_item, stage, at))
    draft.put("asks", asks)
    draft.put("fresh", fresh)
    draft.wake()


def wake(draft: Draft, book: Book) -> None:
    """Answer the new asks, and those that what was learned since concerns."""
    answers: dict[str, set[tuple[str, Instant]]] = {}
    for work_item, stage, at in draft.get("fresh") or []:
        answers.setdefault(work_item, set()).add((stage, at))
    since: Instant | None = draft.get("since")
    if since is not None:
        for at, work_item in reversed(draft.get("asks") or []):
            if at < since:
                break
            for stage, asked_at in draft.get(f"asked/{work_item}") or []:
                answers.setdefault(work_item, set()).add((stage, asked_at))
    draft.put("fresh", None)
    draft.put("since", None)
    for work_item, asks in sorted(answers.items()):
        days = [(stage, at, _grace(draft, stage, at, book)) for stage, at in sorted(asks)]
        draft.send(f"item:{work_item}", Grace(draft.id, days))


def _grace(draft: Draft, stage: str, at: Instant, book: Book) -> int:
    """P85 of the gaps known before and ended in the 90 d before, within its limits."""
    rule = book.grace(stage)
    gaps: list[Gap] = draft.get(f"gaps/{stage}") or []
    lengths = sorted(
        gap.days for gap in gaps if gap.known_at < at and at - WINDOW_MS <= gap.ended_at < at
    )
    if len(lengths) < ENOUGH:
        return rule.default
    usual = lengths[ceil(QUANTILE * len(lengths)) - 1]
    return min(max(usual, rule.min), rule.max)
