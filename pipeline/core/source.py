"""A source: when it was last heard, and whether it has been silent for too long.

What is usual is learned from the hours in which it was heard in the 28 days before (semantics
4.5): silent for three times its usual longest gap means stale.
"""

from math import ceil
from typing import Any, NamedTuple

from pipeline.core.calendar import DAY_MS, HOUR_MS, iso_instant
from pipeline.core.findings import Interval
from pipeline.core.messages import Counted, Heard, Listen, Silences
from pipeline.core.reaction import Draft
from pipeline.core.rows import FindingRow, SourceDayRow, SourceRow
from pipeline.core.signals import Instant

WINDOW_HOURS = 28 * 24
ENOUGH = 20
QUANTILE = 0.95
PATIENCE = 3


class Silence(NamedTuple):
    """After the signal at `after` the source was silent for too long (until None: still is)."""

    after: Instant
    raised_at: Instant
    until: Instant | None


COUNTS = ("signals", "duplicates", "late", "skewed", "too_late")

PARTS: dict[str, Any] = {
    "counts/": dict[int, dict[str, int]],
    "dirty": int,
    "findings": list[str],
    "hours/": dict[int, tuple[Instant, Instant]],
    "index": list[int],
    "listeners": list[str],
    "silences": list[Silence],
}


def hear(draft: Draft, message: Heard | Counted | Listen) -> None:
    match message:
        case Counted():
            _count(draft, message)
        case Heard():
            _hear(draft, message)
        case Listen():
            others = {g for g in draft.get("listeners") or [] if g != message.goal}
            draft.put("listeners", sorted({*others, message.goal} if message.on else others))
            if message.on:
                _tell(draft, [message.goal], draft.get("silences") or [])


def _tell(draft: Draft, goals: list[str], silences: list[Silence]) -> None:
    for goal in goals:
        told = [(s.raised_at, s.until) for s in silences]
        draft.send(f"goal:{goal}", Silences(draft.id, told))


def _count(draft: Draft, message: Counted) -> None:
    """Sum up what the intakes have counted: each counts what came to it."""
    for day, counts in message.days.items():
        part = f"counts/{day}"
        known: dict[int, dict[str, int]] = {**(draft.get(part) or {}), message.intake: counts}
        draft.put(part, known)
        total = [sum(c.get(name, 0) for c in known.values()) for name in COUNTS]
        draft.rows.append(SourceDayRow(draft.id, day, *total))


def _hear(draft: Draft, message: Heard) -> None:
    """Keep, per month of hours, the first and the last instant in each hour."""
    index = set(draft.get("index") or [])
    dirty = draft.get("dirty")
    for hour, (first, last) in message.hours.items():
        month = hour // WINDOW_HOURS
        hours: dict[int, tuple[Instant, Instant]] = draft.get(f"hours/{month}") or {}
        known = hours.get(hour)
        merged = (first, last) if known is None else (min(first, known[0]), max(last, known[1]))
        if merged != known:
            draft.put(f"hours/{month}", {**hours, hour: merged})
            index.add(month)
            dirty = hour if dirty is None else min(dirty, hour)
    if dirty is not None:
        draft.put("dirty", dirty)
    draft.put_if_new("index", sorted(index))
    draft.wake()


def _hours(draft: Draft, since: int) -> list[tuple[int, Instant, Instant]]:
    found: list[tuple[int, Instant, Instant]] = []
    for month in draft.get("index") or []:
        if month >= since // WINDOW_HOURS:
            found += [(h, *span) for h, span in (draft.get(f"hours/{month}") or {}).items()]
    return sorted(found)


def wake(draft: Draft) -> None:
    """Find the silences again from the earliest hour that changed on."""
    dirty: int | None = draft.get("dirty")
    silences: list[Silence] = draft.get("silences") or []
    index = draft.get("index") or []
    if not index:
        return
    if dirty is None:
        dirty = max(draft.get(f"hours/{index[-1]}") or {0: 0})
    # the gap that the earliest changed hour ends began at an hour before it
    hours = _hours(draft, dirty - 2 * WINDOW_HOURS)
    start = next((i for i, h in enumerate(hours) if h[0] >= dirty), len(hours))
    start = max(0, start - 1)
    kept = [s for s in silences if s.after < hours[start][1]]
    found: list[Silence] = []
    next_look: Instant | None = None
    for i in range(start, len(hours)):
        last = hours[i][2]
        following = hours[i + 1] if i + 1 < len(hours) else None
        if following is not None and following[1] - last <= PATIENCE * HOUR_MS:
            continue
        usual = _usual(hours, i)
        if usual is None:
            continue
        raised = last + PATIENCE * usual * HOUR_MS
        if following is None:
            if raised > draft.now:
                next_look = raised
            else:
                found.append(Silence(last, raised, None))
        elif raised < following[1]:
            found.append(Silence(last, raised, following[1]))
    draft.put("dirty", None)
    silences = [*kept, *found]
    if draft.put_if_new("silences", silences):
        _tell(draft, draft.get("listeners") or [], silences)
    if next_look is not None:
        draft.wake(next_look)
    usual = _usual(hours, len(hours) - 1)
    last_at = hours[-1][2]
    stale_after = None if usual is None else last_at + PATIENCE * usual * HOUR_MS
    draft.rows.append(SourceRow(draft.id, last_at, stale_after))
    rows = [
        Interval("source_stale", s.raised_at, s.until, evidence=_rests_on(s)).row(
            "source", draft.id, "", [], "", draft.now
        )
        for s in silences
    ]
    draft.show("findings", FindingRow, rows)


def _rests_on(silence: Silence) -> list[str]:
    usual = (silence.raised_at - silence.after) // (PATIENCE * HOUR_MS)
    return [
        f"last heard: {iso_instant(silence.after)}",
        f"usual gap: {usual} h, times {PATIENCE}",
    ]


def _usual(hours: list[tuple[int, Instant, Instant]], i: int) -> int | None:
    """P95 (nearest rank) of the gaps in hours that ended in the 28 d before hour i's last signal."""
    oldest = (hours[i][2] - 28 * DAY_MS) // HOUR_MS + 1  # the first hour within the 28 d
    gaps: list[int] = []
    j = i
    while j > 0 and hours[j][0] >= oldest:
        gaps.append(hours[j][0] - hours[j - 1][0])
        j -= 1
    if len(gaps) < ENOUGH:
        return None
    gaps.sort()
    return gaps[ceil(QUANTILE * len(gaps)) - 1]
