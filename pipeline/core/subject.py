"""A subject: a capability whose adoption is measured, in 16 shards of adopters and a head.

A shard keeps its adopters and what they add to the counts of each day. The head sums the shards
day by day and knows when the target was met, verified and released (semantics 6.5, 8).
"""

from typing import Any, NamedTuple

from pipeline.core import adoption
from pipeline.core.adoption import COLUMNS, FOREVER, LEVELS, ZERO
from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, Zone
from pipeline.core.definition import ALWAYS, CONFIG, Subject, Target, VerificationRule
from pipeline.core.messages import (
    Adoption,
    Eligible,
    Flag,
    Follow,
    Reach,
    Redefined,
    Released,
    Retracted,
    SaidBy,
    ShardDays,
    Step,
)
from pipeline.core.names import SHARDS, shard_of
from pipeline.core.reaction import Draft
from pipeline.core.rows import AdoptionDayRow, Day, Gone, SubjectRow
from pipeline.core.semver import at_least, precedence
from pipeline.core.shard import show_verdict
from pipeline.core.signals import AdoptionVerified, Instant, Order, Signal

LOST_DAYS = 7
LOST_SHARE = 0.9
"""Adoption is lost after 7 days in a row below 0.9 of the target (semantics 6.5)."""


class Total(NamedTuple):
    """One closed day of a subject: the counts, and the fold of its target up to that day."""

    counts: list[int]
    met: bool = False
    ever: bool = False
    streak: int = 0
    streak_from: Day = 0
    verified: str = "none"


class Logs(NamedTuple):
    adopted: list[Step]
    verified: list[Step]


class Statement(NamedTuple):
    """A verdict about the subject as a whole (method kpi or retired)."""

    order: Order
    verdict: str


class Span(NamedTuple):
    """First day of the subject, and the earliest day whose total is out of date."""

    first: Day
    dirty: Day


PARTS: dict[str, Any] = {
    "deploys": dict[str, list[tuple[Instant, str]]],
    "firsts": dict[int, Instant],
    "flags": dict[str, list[Step]],
    "follows/": bool,
    "goals": list[str],
    "in/": dict[int, list[int]],
    "listed": bool,
    "logs": Logs,
    "members/": list[str],
    "said": Adoption,
    "size": int,
    "sources": dict[str, list[str]],
    "span": Span,
    "statements": list[Statement],
    "told": list[str],
    "total/": Total,
}


def react(draft: Draft, signal: Signal, *, retract: bool = False) -> None:
    """A verdict about the subject as a whole."""
    data = signal.data
    assert isinstance(data, AdoptionVerified)
    known: list[Statement] = draft.get("statements") or []
    statements = [s for s in known if s.order[1:] != signal.order[1:]]
    if not retract:
        statements.append(Statement(signal.order, data.verdict))
    draft.put("statements", sorted(statements, key=lambda s: s.order))
    show_verdict(draft, signal, data, retract=retract)
    _dirty(draft, signal.at // 86_400_000 - 1)
    draft.wake()


def hear(
    draft: Draft,
    message: ShardDays | SaidBy | Follow | Flag | Released | Redefined | Retracted,
    book: Book,
) -> None:
    match message:
        case ShardDays():
            for day, counts in message.days.items():
                known: dict[int, list[int]] = draft.get(f"in/{day}") or {}
                draft.put(f"in/{day}", {**known, message.shard: counts})
            if message.days:
                if -FOREVER in message.days:
                    _dirty(draft, -FOREVER)
                _dirty(draft, min((d for d in message.days if d > -FOREVER), default=FOREVER))
            firsts: dict[int, Instant] = {**(draft.get("firsts") or {})}
            firsts.pop(message.shard, None)
            if message.first_use_at is not None:
                firsts[message.shard] = message.first_use_at
            draft.put_if_new("firsts", firsts)
        case SaidBy():
            known_sources: dict[str, list[str]] = draft.get("sources") or {}
            draft.put("sources", {**known_sources, message.origin: message.sources})
        case Follow():
            _follow(draft, message)
            return
        case Flag():
            flags: dict[str, list[Step]] = {**(draft.get("flags") or {})}
            flags.pop(message.flag, None)
            if message.steps:
                flags[message.flag] = message.steps
            draft.put("flags", flags)
        case Released():
            known_deploys = draft.get("deploys") or {}
            # a repository that the service has left may say so later than its new one
            teller = f"{message.repository} {message.service}"
            draft.put("deploys", {**known_deploys, teller: message.deploys})
        case Retracted():
            react(draft, message.signal, retract=True)
        case Redefined():
            _send_lists(draft, book)
            for shard in range(SHARDS):
                draft.send(f"shard:{draft.id}/{shard}", Redefined())
            _dirty(draft, -FOREVER)
    draft.wake()


def _follow(draft: Draft, message: Follow) -> None:
    """A part per follower, and a list of them in chunks: one more costs the same."""
    part = f"follows/{message.work_item}"
    known: bool | None = draft.get(part)
    if known is None:
        draft.join(message.work_item)
    if known == message.on:
        return  # it was told then, and of everything since
    draft.put(part, message.on)
    said = draft.get("said")
    if message.on and said is not None:
        draft.send(f"item:{message.work_item}", said)


def _dirty(draft: Draft, day: Day) -> None:
    span: Span | None = draft.get("span")
    if span is not None:
        draft.put("span", Span(span.first, min(span.dirty, max(day, span.first))))
    draft.wake()


def _begin(draft: Draft, zone: Zone) -> None:
    """Zero is published too: days are counted from the first signal on, adopters or not."""
    firsts = [*(draft.get("firsts") or {}).values()]
    firsts += [statement.order.at for statement in draft.get("statements") or []]
    span: Span | None = draft.get("span")
    first = zone.day(min(firsts)) if firsts else None
    if first == (span.first if span is not None else None):
        return
    _end(draft)
    draft.put("span", None if first is None else Span(first, first))


def _end(draft: Draft) -> None:
    """Take back every day that was counted, and what they said."""
    draft.put_if_new("logs", None)
    span: Span | None = draft.get("span")
    if span is not None:
        for day in range(span.first, draft.now // DAY_MS + 2):
            if draft.get(f"total/{day}") is not None:
                draft.put(f"total/{day}", None)
                draft.gone.append(Gone(AdoptionDayRow, (draft.id, day)))
        draft.put("span", None)


def _send_lists(draft: Draft, book: Book) -> None:
    """Give every shard its part of the eligible lists, one per version of the subject."""
    versions = book.versions("subject", draft.id)
    if all(parsed.eligible is None for _, parsed, _ in versions) and not draft.get("listed"):
        return
    draft.put("listed", True)
    for shard in range(SHARDS):
        lists: dict[Day, list[str] | None] = {}
        for day, parsed, _ in versions:
            names = parsed.eligible
            lists[day] = None if names is None else [n for n in names if shard_of(n) == shard]
        draft.send(f"shard:{draft.id}/{shard}", Eligible(lists))


def wake(draft: Draft, book: Book) -> None:
    subject = book.subject(draft.id)
    if subject is None:
        draft.gone.append(Gone(SubjectRow, (draft.id,)))
        _end(draft)
        _say(draft, Adoption(draft.id, [], [], [], None))
        return
    zone = book.calendar("subject", subject.id).zone
    last = zone.last_closed(draft.now)
    if subject.until is not None:
        last = min(last, subject.until - 1)
    _subject_row(draft, subject, book)
    _begin(draft, zone)
    first_use_at = min((draft.get("firsts") or {}).values(), default=None)
    span: Span | None = draft.get("span")
    logs: Logs = draft.get("logs") or Logs([], [])
    if span is not None and span.first > -FOREVER:
        if zone.close(last + 1) > draft.now:
            draft.wake(zone.close(last + 1))
        if span.dirty <= last:
            logs = _count(draft, subject, book, span, last, logs)
        elif _sources(draft, book) != (draft.get("told") or []):
            _tell_goals(draft, subject, book, {}, span.first, last)
    said = Adoption(
        subject.id,
        logs.adopted,
        logs.verified,
        _released(draft),
        first_use_at,
    )
    _say(draft, said)


def _say(draft: Draft, said: Adoption) -> None:
    if draft.put_if_new("said", said):
        for name in draft.members():
            if draft.get(f"follows/{name}"):
                draft.send(f"item:{name}", said)


def _count(
    draft: Draft, subject: Subject, book: Book, span: Span, last: Day, logs: Logs
) -> Logs:
    """Sum up every day from the earliest one touched to the last full one."""
    zone = book.calendar("subject", subject.id).zone
    start = span.dirty
    before: Total = draft.get(f"total/{start - 1}") or Total(list(ZERO))
    if start == span.first:
        counts = _sum(draft, -FOREVER, list(ZERO))
        for since, _, _ in book.versions("subject", subject.id):
            if ALWAYS < since < start:
                counts = _sum(draft, since, counts)
        before = Total(counts)
    opening = zone.start(start)
    adopted = [s for s in logs.adopted if s.known_at <= opening]
    verified = [s for s in logs.verified if s.known_at <= opening]
    reach: dict[Day, tuple[int, int | None, int]] = {}
    single = len(book.versions("subject", subject.id)) <= 1
    statements: list[Statement] = draft.get("statements") or []
    for day in range(start, last + 1):
        counts = _sum(draft, day, before.counts[:LEVELS] + ZERO[LEVELS:])
        in_force = subject if single else (book.subject_on(subject.id, day) or subject)
        eligible = _eligible(in_force, counts)
        target = book.target_of(in_force, day)
        total = _fold(before, counts, eligible, target, day, zone, adopted)
        value = _verified(in_force.verification, counts, statements, day, zone)
        if value != (verified[-1].value if verified else "none"):
            verified.append(Step(zone.close(day), zone.start(day), value))
        total = total._replace(verified=value)
        draft.put(f"total/{day}", total)
        draft.rows.append(_day_row(subject.id, day, counts, eligible))
        reach[day] = (counts[adoption.ADOPTERS], eligible, counts[adoption.YES])
        before = total
    draft.put("span", Span(span.first, last + 1))
    logs = Logs(adopted, verified)
    draft.put_if_new("logs", logs)
    _tell_goals(draft, subject, book, reach, span.first, last)
    return logs


def _tell_goals(
    draft: Draft,
    subject: Subject,
    book: Book,
    reach: dict[Day, tuple[int, int | None, int]],
    first: Day,
    last: Day,
) -> None:
    """Tell a goal the days that changed, and one that hears of it for the first time all."""
    goals = sorted({g.id for g in book.goals_on_subject(subject.id)})
    known = draft.get("goals") or []
    sources = _sources(draft, book)
    for goal in goals:
        days = reach if goal in known else _all_reach(draft, subject, book, first, last)
        draft.send(f"goal:{goal}", Reach(subject.id, days, last, sources))
    draft.put_if_new("goals", goals)
    draft.put_if_new("told", sources)


def _sources(draft: Draft, book: Book) -> list[str]:
    """Who says what adoption is told from: use, or the pins of the packages."""
    said: dict[str, list[str]] = draft.get("sources") or {}
    origins: set[str] = set()
    for _, version, _ in book.versions("subject", draft.id):
        pinned = version.measure.kind == "pinned"
        origins.update([version.measure.package] if pinned else map(str, range(SHARDS)))
    return sorted({source for origin in origins for source in said.get(origin, ())})


def _sum(draft: Draft, day: Day, counts: list[int]) -> list[int]:
    for shard in (draft.get(f"in/{day}") or {}).values():
        counts = [a + b for a, b in zip(counts, shard, strict=True)]
    return counts


def _all_reach(
    draft: Draft, subject: Subject, book: Book, first: Day, last: Day
) -> dict[Day, tuple[int, int | None, int]]:
    reach: dict[Day, tuple[int, int | None, int]] = {}
    for day in range(first, last + 1):
        total: Total | None = draft.get(f"total/{day}")
        if total is not None:
            in_force = book.subject_on(subject.id, day) or subject
            c = total.counts
            reach[day] = (c[adoption.ADOPTERS], _eligible(in_force, c), c[adoption.YES])
    return reach


def _eligible(subject: Subject, counts: list[int]) -> int | None:
    if subject.eligible_count is not None:
        return subject.eligible_count
    return counts[adoption.ELIGIBLE] if subject.eligible is not None else None


def _fold(
    before: Total,
    counts: list[int],
    eligible: int | None,
    target: Target,
    day: Day,
    zone: Zone,
    steps: list[Step],
) -> Total:
    """Met after `hold_days` days in a row at the target, lost after 7 below 0.9 of it."""
    value: float = counts[adoption.ADOPTERS]
    if target.share:
        value = value / eligible if eligible else 0.0
    if before.met:
        turning = value < LOST_SHARE * target.value - 1e-9
        needed = LOST_DAYS
    else:
        turning = value >= target.value - 1e-9
        needed = target.hold_days
    streak = before.streak + 1 if turning else 0
    since = before.streak_from if streak > 1 else day
    met, ever = before.met, before.ever
    if streak >= needed:
        met = not met
        ever = ever or met
        steps.append(Step(zone.close(day), zone.start(since), "met" if met else "lost"))
        streak = 0
    return Total(counts, met, ever, streak, since, before.verified)


def _verified(
    rule: VerificationRule, counts: list[int], statements: list[Statement], day: Day, zone: Zone
) -> str:
    for statement in reversed(statements):
        said_on = zone.day(statement.order.at)
        if said_on <= day:
            if statement.verdict == "yes" and day - said_on < rule.valid:
                return "met"
            break
    adopters, yes = counts[adoption.ADOPTERS], counts[adoption.YES]
    no, answered = counts[adoption.NO], counts[adoption.RESPONDED]
    refuted = answered > 0 and no / answered >= rule.refuted - 1e-9
    if refuted:
        return "refuted"
    needed = max(rule.yes, rule.share * adopters)
    if yes >= rule.yes and yes >= rule.share * adopters - 1e-9:
        return "met"
    return "low_response" if 0 < answered < needed - 1e-9 else "none"


def _day_row(subject: str, day: Day, counts: list[int], eligible: int | None) -> AdoptionDayRow:
    c = dict(zip(COLUMNS, counts, strict=True))
    return AdoptionDayRow(
        subject=subject,
        day=day,
        adopters=c["adopters"],
        active_7=c["active_7"],
        active_28=c["active_28"],
        new=c["new"],
        resurrected=c["resurrected"],
        churned=c["churned"],
        left=c["left"],
        activated=c["activated"],
        retained=c["retained"],
        retained_of=c["retained_of"],
        eligible=eligible,
        verified_yes=c["verified_yes"],
        verified_no=c["verified_no"],
        responded=c["responded"],
    )


def _released(draft: Draft) -> list[Step]:
    """How far the subject is released: the least of its flags at each step; no flag, no steps."""
    flags: dict[str, list[Step]] = draft.get("flags") or {}
    instants = sorted({s.known_at for steps in flags.values() for s in steps})
    rank = ["none", "partial", "full"]
    found: list[Step] = []
    for at in instants:
        values = []
        for steps in flags.values():
            past = [s.value for s in steps if s.known_at <= at]
            values.append(past[-1] if past else "none")
        value = min(values, key=rank.index)
        if not found or found[-1].value != value:
            found.append(Step(at, at, value))
    return found


def _subject_row(draft: Draft, subject: Subject, book: Book) -> None:
    target = book.target_of(subject)
    draft.rows.append(
        SubjectRow(
            subject=subject.id,
            title=subject.title,
            unit=subject.unit,
            team=subject.team,
            target=target.value,
            target_kind="share" if target.share else "adopters",
            released_at=_released_at(draft, subject, book),
            timezone=book.calendar("subject", subject.id).zone.name,
            confirmed_at=_confirmed_at(draft, book),
            package=subject.measure.package if subject.measure.kind == "pinned" else "",
        )
    )


def _confirmed_at(draft: Draft, book: Book) -> Instant | None:
    """When the eligible list was last said: by a signal, or by a version with a day of its own.

    None where there is no list; and what the configuration says without a day has no date.
    """
    zone = book.calendar("subject", draft.id).zone
    said: list[Instant] = []
    for day, version, order in book.versions("subject", draft.id):
        if version.eligible is None and version.eligible_count is None:
            continue
        if order.source != CONFIG:
            said.append(order.at)
        elif day > ALWAYS:
            said.append(zone.start(day))
    return max((at for at in said if at <= draft.now), default=None)


def _released_at(draft: Draft, subject: Subject, book: Book) -> Instant | None:
    """First exposure: as stated, by its flags, else by the first deploy that carries it."""
    stated = book.launch_of(subject.id)
    if stated is not None:
        return stated
    flags: dict[str, list[Step]] = draft.get("flags") or {}
    if flags:
        exposed = [s.effective_at for log in flags.values() for s in log if s.value != "none"]
        return min(exposed, default=None)
    times: list[Instant] = []
    for deploys in (draft.get("deploys") or {}).values():
        for at, version in deploys:
            if subject.measure.kind == "pinned":
                key = precedence(version)
                if key is None or not key[3] or not at_least(version, subject.measure.at_least):
                    continue
            times.append(at)
    return min(times, default=None)
