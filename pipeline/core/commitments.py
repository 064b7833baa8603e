"""What a team committed to for a period, and what became of it (semantics 11.1).

What stands at the close of the second working day of a period is the commitment, and stays it;
what stands at the end and did not then is added, the other way round removed. A work item stands
by the last word about it: a list that the team made, or the period its tracker plans it for.
"""

from bisect import insort
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, WorkingCalendar, day_number
from pipeline.core.messages import Pledge, Promised, Step, Unlinked, Work
from pipeline.core.reaction import Chain, Draft
from pipeline.core.rows import CommitmentRow, Day, Gone, PeriodRow, RejectionRow
from pipeline.core.signals import CommitmentMade, Instant, Order, Signal

REOPENED_MS = 28 * DAY_MS
"""What is reopened so soon after the end was not finished by then."""


class Listed(NamedTuple):
    """A list of work items that the team committed to, by any of their names."""

    order: Order
    recorded_at: Instant
    starts_on: Day
    ends_on: Day
    names: list[str]


class Planned(NamedTuple):
    """Since when a work item was planned for a period, and from when to when that was to last."""

    at: Instant
    starts_on: Day
    ends_on: Day


class Period(NamedTuple):
    """All that was ever said about a period: lists, and plans by work item."""

    lists: list[Listed]
    planned: dict[str, list[Planned]]


class Time(NamedTuple):
    """When a period starts, is frozen and ends, and its first and last day."""

    starts_at: Instant
    frozen_at: Instant
    ends_at: Instant
    starts_on: Day
    ends_on: Day


NEVER = Time(2**62, 2**62, 2**62, 0, 0)
"""Of a period about which everything was taken back."""


class Frozen(NamedTuple):
    """What became of a period: its work items, and those that it left unfinished."""

    time: Time
    items: list[str]
    left: list[str]


LEVELS = ("closed", "shipped", "adopted", "verified")

NO_PLEDGE = Pledge([], [], [], {}, [], None)

PARTS: dict[str, Any] = {
    "due": Chain[str],
    "frozen/": Frozen,
    "lists/": list[str],
    "named/": list[tuple[Instant, Instant | None, str]],
    "period/": Period,
    "periods": list[str],
    "refused": list[str],
    "waits": dict[str, Instant],
}
"""`lists/` has by name the periods that list it, `named/` the work items that it was a name of."""


def react(draft: Draft, signal: Signal, *, retract: bool) -> None:
    data = signal.data
    assert isinstance(data, CommitmentMade)
    period = _period(draft, data.period.name)
    lists = [known for known in period.lists if known.order[1:] != signal.order[1:]]
    if not retract:
        said = Listed(
            signal.order,
            signal.recorded_at,
            day_number(data.period.starts_on),
            day_number(data.period.ends_on),
            list(dict.fromkeys(data.work_items)),
        )
        insort(lists, said, key=lambda known: known.order)
    before = {name for known in period.lists for name in known.names}
    after = {name for known in lists for name in known.names}
    for name in sorted(before ^ after):
        _list(draft, name, data.period.name, listed=name in after)
    _keep(draft, data.period.name, period._replace(lists=lists))


def _list(draft: Draft, name: str, period: str, *, listed: bool) -> None:
    """Ask whoever has the name to tell how it goes, once however many periods list it."""
    known: list[str] = draft.get(f"lists/{name}") or []
    periods = [one for one in known if one != period] + ([period] if listed else [])
    draft.put(f"lists/{name}", periods or None)
    if periods and not known:
        draft.send(f"key:{name}", Promised(draft.id))
    elif known and not periods:
        draft.send(f"key:{name}", Unlinked(f"team {draft.id}"))


def _period(draft: Draft, name: str) -> Period:
    found: Period = draft.get(f"period/{name}") or Period([], {})
    return found


def _keep(draft: Draft, name: str, period: Period) -> None:
    names: list[str] = draft.get("periods") or []
    if name not in names:
        draft.put("periods", [*names, name])
    draft.put(f"period/{name}", period)
    draft.chain("due", name)


def follow(draft: Draft, work: Work, before: Work | None) -> None:
    """A work item went on: what it was promised for is judged again."""
    old = before.pledge if before is not None else None
    new = work.pledge
    if old == new:
        return
    for sign, pledge in ((False, old), (True, new)):
        for name, since, until in pledge.names if pledge is not None else ():
            part = f"named/{name}"
            holder = (since, until, work.work_item)
            known = [one for one in draft.get(part) or [] if one != holder]
            if sign:
                insort(known, holder, key=lambda one: (one[0], one[2]))
            draft.put(part, known or None)
            for period in draft.get(f"lists/{name}") or []:
                draft.chain("due", period)
    plans, were = _plans(new), _plans(old)
    for name in sorted(plans.keys() | were.keys()):
        draft.chain("due", name)
        if plans.get(name) != were.get(name):
            period = _period(draft, name)
            planned = {k: v for k, v in period.planned.items() if k != work.work_item}
            if name in plans:
                planned[work.work_item] = plans[name]
            _keep(draft, name, period._replace(planned=planned))


def _plans(pledge: Pledge | None) -> dict[str, list[Planned]]:
    found: dict[str, list[Planned]] = {}
    for at, period in pledge.periods if pledge is not None else ():
        if period:
            name, starts_on, ends_on = period
            planned = Planned(at, day_number(starts_on), day_number(ends_on))
            found.setdefault(name, []).append(planned)
    return found


def recount(draft: Draft) -> None:
    """The team or its calendar may differ."""
    for name in draft.get("periods") or []:
        draft.chain("due", name)


# -- judging -------------------------------------------------------------------------------


def judge(draft: Draft, book: Book) -> None:
    """Judge what is due, the earlier periods first: what they leave is carried into later ones."""
    waits: dict[str, Instant] = dict(draft.get("waits") or {})
    due = {*draft.unchain("due"), *(name for name, at in waits.items() if at <= draft.now)}
    known = book.team(draft.id) is not None
    if due:
        _refuse(draft, known=known)
    calendar = book.calendar("team", draft.id)
    times = {name: _time(_period(draft, name), calendar) for name in due}
    while due:
        name = min(due, key=lambda one: (times[one], one))
        due.remove(name)
        time = times[name]
        before: Frozen | None = draft.get(f"frozen/{name}")
        waits.pop(name, None)
        if time is NEVER or not known:
            _vanish(draft, name)
        elif time.frozen_at > draft.now:
            waits[name] = time.frozen_at
            _vanish(draft, name)
        else:
            _judge(draft, name, time)
        after: Frozen | None = draft.get(f"frozen/{name}")
        if before != after:
            since = min(one.time.starts_at for one in (before, after) if one is not None)
            later = [one for one, frozen in _frozen(draft) if frozen.time.starts_at > since]
            times.update({one: _time(_period(draft, one), calendar) for one in later})
            due.update(one for one in later if one != name)
    draft.put_if_new("waits", waits or None)
    if waits:
        draft.wake(min(waits.values()))


def _frozen(draft: Draft) -> Iterator[tuple[str, Frozen]]:
    for name in draft.get("periods") or []:
        if (frozen := draft.get(f"frozen/{name}")) is not None:
            yield name, frozen


def _time(period: Period, calendar: WorkingCalendar) -> Time:
    """When the period is, by the last word before it was frozen."""
    said = sorted(
        [
            *((one.order.at, one.starts_on, one.ends_on) for one in period.lists),
            *(one for plans in period.planned.values() for one in plans),
        ]
    )
    found = NEVER
    for at, starts_on, ends_on in said:
        if found is NEVER or at < found.frozen_at:
            zone = calendar.zone
            second = calendar.next_working(calendar.next_working(starts_on) + 1)
            found = Time(
                zone.start(starts_on),
                zone.close(min(second, ends_on)),
                zone.close(ends_on),
                starts_on,
                ends_on,
            )
    return found


def _refuse(draft: Draft, *, known: bool) -> None:
    """Say of every list of a team that nobody defines that it does not count."""
    refused: list[RejectionRow] = []
    for name in () if known else draft.get("periods") or []:
        for one in _period(draft, name).lists:
            order = one.order
            id = f"unknown_team:{draft.id}:{order.source}:{order.id}"
            detail = f"data.team: {draft.id} is not defined; its commitment for {name} waits"
            refused.append(
                RejectionRow(
                    id, order.source, one.recorded_at, "invalid_field", detail, "", 0, b""
                )
            )
    draft.show("refused", RejectionRow, refused)


def _vanish(draft: Draft, name: str) -> None:
    frozen: Frozen | None = draft.get(f"frozen/{name}")
    if frozen is not None:
        draft.gone.append(Gone(PeriodRow, (draft.id, name)))
        draft.gone += [Gone(CommitmentRow, (draft.id, name, item)) for item in frozen.items]
        draft.put(f"frozen/{name}", None)


def _judge(draft: Draft, name: str, time: Time) -> None:
    # not by now: another partition may be ahead of this one, and what it tells has happened
    end = time.ends_at
    carried = _carried(draft, time)
    rows: list[CommitmentRow] = []
    left: list[str] = []
    for item, words in sorted(_words(draft, name, _period(draft, name)).items()):
        work: Work | None = draft.get(f"work/{item}")
        pledge = (work.pledge if work is not None else None) or NO_PLEDGE
        committed = not _absent(words, pledge, time.frozen_at)
        absent = _absent(words, pledge, end)
        if not committed and absent:
            continue
        reached = {level: _reached(pledge, level, end, time.ends_at) for level in LEVELS}
        rows.append(
            CommitmentRow(
                draft.id,
                name,
                item,
                committed=committed,
                added=not committed,
                removed=absent,
                carried=committed and item in carried,
                **reached,
            )
        )
        if pledge.claimed_at is None or pledge.claimed_at >= time.ends_at:
            left.append(item)
    items = [row.work_item for row in rows]
    before: Frozen | None = draft.get(f"frozen/{name}")
    if before is not None:
        gone = [item for item in before.items if item not in items]
        draft.gone += [Gone(CommitmentRow, (draft.id, name, item)) for item in gone]
    draft.rows.append(
        PeriodRow(
            draft.id,
            name,
            time.starts_on,
            time.ends_on,
            time.starts_at,
            time.frozen_at,
            time.ends_at,
        )
    )
    draft.rows += rows
    draft.put_if_new(f"frozen/{name}", Frozen(time, items, left))


def _carried(draft: Draft, time: Time) -> set[str]:
    """What the period left unfinished that ended last before this one was frozen."""
    earlier = [
        frozen
        for _, frozen in _frozen(draft)
        if frozen.time.starts_at < time.starts_at and frozen.time.ends_at <= time.frozen_at
    ]
    last = max((frozen.time.ends_at for frozen in earlier), default=0)
    return {item for one in earlier if one.time.ends_at == last for item in one.left}


def _words(draft: Draft, name: str, period: Period) -> dict[str, list[tuple[Instant, bool]]]:
    """By work item since when it was in the period and since when it was not, oldest first.

    A list takes out only what an earlier list put in, a plan only what was planned; of one
    instant the list has the last word.
    """
    words: dict[str, list[tuple[Instant, bool]]] = {}
    for item in period.planned:
        work: Work = draft.get(f"work/{item}")
        planned = False
        for at, which in work.pledge.periods if work.pledge is not None else ():
            if planned != (which[:1] == (name,)):
                planned = not planned
                words.setdefault(item, []).append((at, planned))
    listed: set[str] = set()
    for one in period.lists:
        items = {_item(draft, called, one.order.at) for called in one.names}
        for item in items | listed:
            words.setdefault(item, []).append((one.order.at, item in items))
        listed = items
    return {item: sorted(said, key=lambda word: word[0]) for item, said in words.items()}


def _item(draft: Draft, name: str, at: Instant) -> str:
    """Whose name it was; one that nobody has yet stands for itself."""
    holders: list[tuple[Instant, Instant | None, str]] = draft.get(f"named/{name}") or []
    past = [item for since, _, item in holders if since <= at]
    return past[-1] if past else holders[0][2] if holders else name


def _absent(words: list[tuple[Instant, bool]], pledge: Pledge, by: Instant) -> str:
    """Why it is not in the period at a close (empty: it is)."""
    there = [here for at, here in words if at < by][-1:] == [True]
    gone = [why for at, why in pledge.gone if at < by][-1:]
    return (gone[0] if gone else "") or ("" if there else "moved")


def _reached(pledge: Pledge, level: str, by: Instant, ends_at: Instant) -> bool:
    """Whether it stood at a level at the end, by all that is known now; a reopening undoes it."""
    steps: list[Step] = pledge.levels.get(level, [])
    stood = [step.value for step in steps if step.effective_at < by][-1:] == ["on"]
    return stood and not any(0 <= at - ends_at <= REOPENED_MS for at in pledge.reopened)
