"""A team: its work, its commitments, and how long it usually takes from one stage to the next.

From that it answers how much grace a state gets that begins at an instant (semantics 6.4), and
how long what is started then is usually in work (11.1); `team_flow` and `commitments` do the rest.
Only gaps that were known before that instant teach, so an answer never rests on the future.
Gaps and questions are kept by day, so that neither grows with the age of the team.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterator
from math import ceil
from typing import Any, NamedTuple

from pipeline.core import commitments, stopped, team_flow
from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, WorkingCalendar
from pipeline.core.messages import AskGrace, Gaps, Grace, Redefined, Retracted, Struck, Work
from pipeline.core.reaction import Chain, Draft
from pipeline.core.rows import GapRow, Gone, NameRow
from pipeline.core.signals import Instant, Signal

WINDOW_MS = 90 * DAY_MS
ENOUGH = 10
QUANTILE = 0.85
CYCLE = "cycle_time"
"""The stage that is counted in milliseconds, not in working days."""

STAGES = ("close_to_ship", "ship_to_adopt", "adopt_to_verify", CYCLE)


class Gap(NamedTuple):
    """One finished gap: known at, ended at, length (working days), begun at, of which item."""

    known_at: Instant
    ended_at: Instant
    days: int
    began_at: Instant
    work_item: str


class Ended(NamedTuple):
    """The gaps that ended on a day, by when they were known, and how many have which length."""

    gaps: list[Gap]
    lengths: dict[int, int]

    @classmethod
    def of(cls, gaps: list[Gap]) -> "Ended | None":
        return cls(gaps, dict(Counter(gap.days for gap in gaps))) if gaps else None


NONE_ENDED = Ended([], {})

Ask = tuple[Instant, str, str]
"""At, stage, work item."""

PARTS: dict[str, Any] = {
    **team_flow.PARTS,
    **commitments.PARTS,
    **stopped.PARTS,
    "asked/": list[tuple[str, Instant]],
    "asks": list[int],
    "asks/": list[Ask],
    "fresh": Chain[Ask],
    "gaps/": dict[str, Gap],
    "since": Instant,
    **dict.fromkeys(STAGES, list[int]),
    **dict.fromkeys((f"{stage}/" for stage in STAGES), Ended),
}


def react(draft: Draft, signal: Signal, *, retract: bool = False) -> None:
    commitments.react(draft, signal, retract=retract)
    draft.wake()


def hear(
    draft: Draft, message: Gaps | AskGrace | Work | Struck | Retracted | Redefined, book: Book
) -> None:
    match message:
        case Work():
            before = team_flow.take(draft, message, book)
            commitments.follow(draft, message, before)
            draft.wake()
        case Retracted():
            react(draft, message.signal, retract=True)
        case Struck():
            stopped.take(draft, message)
            draft.wake()
        case Gaps():
            _learn(draft, message, book)
        case AskGrace():
            _ask(draft, message)
        case Redefined():
            if book.team(draft.id) is not None:
                draft.rows.append(NameRow("team", draft.id, "", known=True))
            else:
                draft.gone.append(Gone(NameRow, ("team", draft.id, "")))
            _measure(draft, book)
            _learned(draft, -(2**62))
            team_flow.recount(draft, book)
            commitments.recount(draft)
            stopped.recount(draft)


def _learn(draft: Draft, message: Gaps, book: Book) -> None:
    calendar = book.calendar("team", draft.id)
    part = f"gaps/{message.work_item}"
    known: dict[str, Gap] = draft.get(part) or {}
    new: dict[str, Gap] = {}
    for stage, (start, end, known_at) in message.gaps.items():
        days = _length(stage, start, end, calendar)
        new[stage] = Gap(known_at, end, days, start, message.work_item)
    for stage in STAGES:
        old, now = known.get(stage), new.get(stage)
        if old == now:
            continue
        if old is not None:
            bucket = f"{stage}/{old.ended_at // DAY_MS}"
            gaps = (draft.get(bucket) or NONE_ENDED).gaps
            draft.put(bucket, Ended.of([gap for gap in gaps if gap != old]))
            _learned(draft, old.known_at)
            if stage != CYCLE and now is None:
                draft.gone.append(Gone(GapRow, (draft.id, stage, message.work_item)))
        if now is not None:
            bucket = _bucket(draft, stage, now.ended_at)
            gaps = list((draft.get(bucket) or NONE_ENDED).gaps)
            insort(gaps, now)
            draft.put(bucket, Ended.of(gaps))
            _learned(draft, now.known_at)
            if stage != CYCLE:
                draft.rows.append(
                    GapRow(draft.id, stage, now.work_item, now.began_at, now.ended_at)
                )
    draft.put(part, new or None)


def _length(stage: str, start: Instant, end: Instant, calendar: WorkingCalendar) -> int:
    return end - start if stage == CYCLE else calendar.gap(start, end)


def _learned(draft: Draft, at: Instant) -> None:
    """Questions about instants after `at` may have another answer now."""
    since: Instant | None = draft.get("since")
    draft.put("since", at if since is None else min(at, since))
    draft.wake()


def _measure(draft: Draft, book: Book) -> None:
    """Count the working days of every gap again: the calendar may differ."""
    calendar = book.calendar("team", draft.id)
    for stage in STAGES:
        for day in draft.get(stage) or []:
            bucket = f"{stage}/{day}"
            old: list[Gap] = (draft.get(bucket) or NONE_ENDED).gaps
            new = [
                gap._replace(days=_length(stage, gap.began_at, gap.ended_at, calendar))
                for gap in old
            ]
            if new != old:
                draft.put(bucket, Ended.of(sorted(new)))
                for gap in new:
                    gaps: dict[str, Gap] = draft.get(f"gaps/{gap.work_item}") or {}
                    draft.put(f"gaps/{gap.work_item}", {**gaps, stage: gap})


def _bucket(draft: Draft, index: str, at: Instant) -> str:
    """The part of a day; the index lists the days that have one."""
    day = at // DAY_MS
    days = draft.get(index) or []
    if day not in days:
        draft.put(index, sorted([*days, day]))
    return f"{index}/{day}"


def _ask(draft: Draft, message: AskGrace) -> None:
    part = f"asked/{message.work_item}"
    asked: list[tuple[str, Instant]] = draft.get(part) or []
    if asked == message.asks:
        return
    draft.put(part, message.asks or None)
    for stage, at in asked:
        if (stage, at) not in message.asks:
            bucket = f"asks/{at // DAY_MS}"
            entry = (at, stage, message.work_item)
            draft.put(bucket, [ask for ask in draft.get(bucket) or [] if ask != entry] or None)
    for stage, at in message.asks:
        if (stage, at) not in asked:
            bucket = _bucket(draft, "asks", at)
            asks = list(draft.get(bucket) or [])
            insort(asks, (at, stage, message.work_item))
            draft.put(bucket, asks)
        draft.chain("fresh", (at, stage, message.work_item))
    draft.wake()


def wake(draft: Draft, book: Book) -> None:
    """Judge, and answer the new asks and those that what was learned since concerns."""
    team_flow.judge(draft, book)
    commitments.judge(draft, book)
    stopped.judge(draft, book)
    asks: set[Ask] = set(draft.unchain("fresh"))
    since: Instant | None = draft.get("since")
    if since is not None:
        for day in draft.get("asks") or []:
            if day >= since // DAY_MS:
                asks.update(ask for ask in draft.get(f"asks/{day}") or [] if ask[0] >= since)
    draft.put("since", None)
    answers: dict[str, list[tuple[str, Instant, int | None]]] = {}
    for stage in STAGES:
        asked = sorted((at, item) for at, about, item in asks if about == stage)
        grace = _graces(draft, stage, sorted({at for at, _ in asked}), book)
        for at, work_item in asked:
            answers.setdefault(work_item, []).append((stage, at, grace[at]))
    for work_item, days in sorted(answers.items()):
        draft.send(f"item:{work_item}", Grace(draft.id, days))


def _graces(
    draft: Draft, stage: str, ats: list[Instant], book: Book
) -> dict[Instant, int | None]:
    """For each instant P85 of the gaps known before and ended in the 90 d before, within limits.

    One sweep over time: a gap counts after it is known and has ended, for 90 d. A day whose gaps
    count at all the instants is one count.
    """
    if not ats:
        return {}
    rule = None if stage == CYCLE else book.grace(stage)
    first, last = ats[0], ats[-1]
    lengths: Counter[int] = Counter()
    events: list[tuple[Instant, int, int]] = []
    for day, ended in _ended(draft, stage, first - WINDOW_MS, last):
        begun = max((day + 1) * DAY_MS, ended.gaps[-1].known_at + 1) <= first
        if begun and day * DAY_MS + WINDOW_MS >= last:
            lengths.update(ended.lengths)
            continue
        for gap in ended.gaps:
            events += (
                (max(gap.known_at, gap.ended_at), gap.days, 1),
                (max(gap.known_at, gap.ended_at + WINDOW_MS), gap.days, -1),
            )
    events.sort()
    n, position = lengths.total(), 0
    found: dict[Instant, int | None] = {}
    for at in ats:
        while position < len(events) and events[position][0] < at:
            _, days, change = events[position]
            lengths[days] += change
            n += change
            position += 1
        usual = _quantile(lengths, n) if n >= ENOUGH else None
        if rule is not None:
            usual = rule.default if usual is None else min(max(usual, rule.min), rule.max)
        found[at] = usual
    return found


def _quantile(lengths: dict[int, int], n: int) -> int:
    """Nearest rank over a count per length."""
    rank = ceil(QUANTILE * n)
    for days in sorted(lengths):
        rank -= lengths[days]
        if rank <= 0:
            return days
    raise AssertionError("there are as many as were counted")


def _ended(
    draft: Draft, stage: str, low: Instant, high: Instant
) -> Iterator[tuple[int, Ended]]:
    for day in draft.get(stage) or []:
        if low // DAY_MS <= day <= high // DAY_MS and (ended := draft.get(f"{stage}/{day}")):
            yield day, ended
