"""A shard of a subject: its adopters, and what they add to the counts of each day (semantics 8)."""

from bisect import insort
from typing import Any

from pipeline.core import adoption
from pipeline.core.adoption import (
    ALL_DAYS,
    FOREVER,
    NEWCOMER,
    ZERO,
    Adopter,
    Period,
    Verdict,
)
from pipeline.core.book import Book
from pipeline.core.calendar import Zone
from pipeline.core.definition import Subject
from pipeline.core.messages import Eligible, Pins, Redefined, Retracted, SaidBy, ShardDays
from pipeline.core.reaction import Chain, Draft
from pipeline.core.rows import AdopterRow, Day, Gone, NameRow, VerificationRow
from pipeline.core.semver import at_least
from pipeline.core.signals import AdoptionVerified, Instant, Order, Signal, SubjectUsed

PARTS: dict[str, Any] = {
    "adopter/": Adopter,
    "day/": list[int],
    "due": Chain[str],
    "first": Instant,
    "lost": bool,
    "members/": list[str],
    "open": list[tuple[Day, bool]],
    "size": int,
    "sources": dict[str, int],
}


def subject_of(ref: str) -> str:
    """The subject of a shard's reference `shard:one-click-pay/3`."""
    return ref.partition(":")[2].rpartition("/")[0]


def react(draft: Draft, signal: Signal, book: Book, *, retract: bool = False) -> None:
    data = signal.data
    subject = book.subject(subject_of(draft.ref))
    if isinstance(data, SubjectUsed):
        _say_by(draft, signal.source, retract=retract)
        _use(draft, signal, data, subject, book, retract=retract)
    elif isinstance(data, AdoptionVerified) and data.adopter is not None:
        _verify(draft, signal, data, data.adopter, subject, book, retract=retract)


def _say_by(draft: Draft, source: str, *, retract: bool) -> None:
    """Tell the subject who speaks of it; a source whose last signal is taken back is forgotten."""
    if draft.tally("sources", source, -1 if retract else 1):
        origin = draft.ref.rpartition("/")[2]
        message = SaidBy(origin, sorted(draft.get("sources")))
        draft.send(f"subject:{subject_of(draft.ref)}", message)


def _use(
    draft: Draft,
    signal: Signal,
    data: SubjectUsed,
    subject: Subject | None,
    book: Book,
    *,
    retract: bool,
) -> None:
    part = f"adopter/{data.adopter}"
    adopter: Adopter = draft.get(part) or _join(draft, data.adopter)
    count = 1 if data.count is None else data.count
    use = (signal.at, count)
    if subject is None or (retract and use in adopter.waiting):
        waiting = [*adopter.waiting]
        if not retract:
            insort(waiting, use)
        elif use in waiting:
            waiting.remove(use)
        draft.put(part, adopter._replace(waiting=waiting))
        return
    day = book.calendar("subject", subject.id).zone.day(signal.at)
    before = adopter.uses.get(day, 0)
    uses = {**adopter.uses, day: before - count if retract else before + count}
    if uses[day] <= 0:
        del uses[day]
    first = adopter.first_used_at
    earlier = not retract and (first is None or signal.at < first)
    now = adopter._replace(
        uses=uses, first_used_at=signal.at if earlier else first if uses else None
    )
    draft.put(part, now)
    _compare_first(draft, adopter, now)
    if retract or earlier or not before or not _enough(adopter, day, subject, book):
        _due(draft, data.adopter)


def _compare_first(draft: Draft, before: Adopter, now: Adopter) -> None:
    """Where the first use of all was this adopter's and is taken back, another is looked for."""
    first: Instant | None = draft.get("first")
    if first is not None and before.first_used_at == first != now.first_used_at:
        draft.put("lost", True)


def _enough(adopter: Adopter, day: Day, subject: Subject, book: Book) -> bool:
    """Whether more of a day changes nothing: it has all that is asked for, or came later."""
    if adopter.uses[day] >= _most_actions(subject, book):
        return True
    single = len(book.versions("subject", subject.id)) == 1
    return single and any(
        column == adoption.ACTIVATED and known <= day for known, column, _ in adopter.added
    )


def _due(draft: Draft, name: str) -> None:
    """What this adopter adds to the counts is out of date until the shard judges."""
    draft.chain("due", name)
    draft.wake()


def _most_actions(subject: Subject, book: Book) -> int:
    """The actions that any version of the subject asks for."""
    versions: list[Subject] = [known for _, known, _ in book.versions("subject", subject.id)]
    return max(version.measure.actions for version in versions)


def _verify(
    draft: Draft,
    signal: Signal,
    data: AdoptionVerified,
    name: str,
    subject: Subject | None,
    book: Book,
    *,
    retract: bool,
) -> None:
    part = f"adopter/{name}"
    adopter: Adopter = draft.get(part) or _join(draft, name)
    zone = book.calendar("subject", subject_of(draft.ref)).zone
    verdicts = [v for v in adopter.verdicts if v.order[1:] != signal.order[1:]]
    if not retract:
        verdicts.append(Verdict(signal.order, zone.day(signal.at), data.verdict))
    draft.put(part, adopter._replace(verdicts=verdicts))
    show_verdict(draft, signal, data, retract=retract)
    if subject is not None:
        _due(draft, name)


def show_verdict(
    draft: Draft, signal: Signal, data: AdoptionVerified, *, retract: bool
) -> None:
    key = (data.subject, data.adopter or "", signal.at, signal.id)
    if retract:
        draft.gone.append(Gone(VerificationRow, key))
        return
    draft.rows.append(
        VerificationRow(
            *key,
            data.verdict,
            data.method or "attested",
            data.comment or "",
            data.evidence_url or "",
        )
    )


def _join(draft: Draft, name: str) -> Adopter:
    draft.join(name)
    return NEWCOMER


def hear(draft: Draft, message: Pins | Eligible | Redefined | Retracted, book: Book) -> None:
    subject = book.subject(subject_of(draft.ref))
    match message:
        case Retracted():
            react(draft, message.signal, book, retract=True)
        case Pins():
            part = f"adopter/{message.adopter}"
            adopter: Adopter = draft.get(part) or _join(draft, message.adopter)
            first = message.pins[0][0] if message.pins else None
            now = adopter._replace(pins=message.pins, first_used_at=first)
            draft.put(part, now)
            _compare_first(draft, adopter, now)
            if subject is not None:
                _due(draft, message.adopter)
        case Eligible():
            _list(draft, message)
            if subject is not None:
                _recount(draft, subject, book)
        case Redefined() if subject is None:
            for name in draft.members():
                draft.gone.append(Gone(AdopterRow, (subject_of(draft.ref), name)))
                _recognise(draft, name, draft.get(f"adopter/{name}"), stranger=False)
        case Redefined():
            _recount(draft, subject, book)


def _list(draft: Draft, message: Eligible) -> None:
    """Put down since when each adopter is named by the list in force."""
    versions = sorted(message.versions.items())
    draft.put("open", [(day, names is None) for day, names in versions])
    sets = [(day, None if names is None else set(names)) for day, names in versions]
    named = {name for _, names in sets if names for name in names}
    for name in sorted(named | set(draft.members())):
        adopter: Adopter = draft.get(f"adopter/{name}") or _join(draft, name)
        log = [(day, names is None or name in names) for day, names in sets]
        listed = log if name in named else None
        draft.put(f"adopter/{name}", adopter._replace(listed=listed))


def _recount(draft: Draft, subject: Subject, book: Book) -> None:
    zone = book.calendar("subject", subject.id).zone
    for name in draft.members():
        adopter: Adopter = draft.get(f"adopter/{name}")
        if adopter.waiting:
            uses = dict(adopter.uses)
            for at, count in adopter.waiting:
                day = zone.day(at)
                uses[day] = uses.get(day, 0) + count
            first = adopter.waiting[0][0]
            if adopter.first_used_at is not None:
                first = min(first, adopter.first_used_at)
            draft.put(
                f"adopter/{name}", adopter._replace(uses=uses, waiting=[], first_used_at=first)
            )
        _due(draft, name)


def wake(draft: Draft, book: Book) -> None:
    """Bring what the due adopters add up to date; tell the head every day that changed."""
    names = dict.fromkeys(draft.unchain("due"))
    subject = book.subject(subject_of(draft.ref))
    if subject is None:
        return
    zone = book.calendar("subject", subject.id).zone
    open_ = draft.get("open") or []
    known_first = first = draft.get("first")
    changes: dict[Day, list[int]] = {}
    versions = book.versions("subject", subject.id)
    for name in names:
        adopter = _contribute(draft, name, subject, versions, zone, open_, changes)
        _recognise(draft, name, adopter, stranger=_strange(name, adopter, subject, open_, book))
        used = adopter.first_used_at
        if used is not None and (first is None or used < first):
            first = used
    if draft.get("lost"):
        draft.put("lost", None)
        adopters = (draft.get(f"adopter/{name}") for name in draft.members())
        uses = (adopter.first_used_at for adopter in adopters)
        first = min((at for at in uses if at is not None), default=None)
    if first != known_first:
        draft.put("first", first)
    days: dict[Day, list[int]] = {}
    for day, steps in changes.items():
        if any(steps):
            before = draft.get(f"day/{day}") or ZERO
            days[day] = [a + b for a, b in zip(before, steps, strict=True)]
            draft.put(f"day/{day}", days[day])
    if days or first != known_first:
        shard = int(draft.ref.rpartition("/")[2])
        draft.send(f"subject:{subject.id}", ShardDays(shard, days, first))


def _strange(
    name: str, adopter: Adopter, subject: Subject, open_: list[tuple[Day, bool]], book: Book
) -> bool:
    """Whether nobody knows who this is: the subject names those it is meant for, and not this.

    The team that delivers it is known, and so is any other team.
    """
    if adopter.listed is not None or not open_ or any(is_open for _, is_open in open_):
        return False
    if subject.unit == "team" and (name == subject.team or book.team(name) is not None):
        return False
    return bool(adopter.uses or adopter.pins or adopter.verdicts)


def _recognise(draft: Draft, name: str, adopter: Adopter, *, stranger: bool) -> None:
    if adopter.stranger == stranger:
        return
    draft.put(f"adopter/{name}", adopter._replace(stranger=stranger))
    row = NameRow("adopter", name, subject_of(draft.ref), known=False)
    if stranger:
        draft.rows.append(row)
    else:
        draft.gone.append(Gone(NameRow, row[:3]))


def _contribute(
    draft: Draft,
    name: str,
    subject: Subject,
    versions: list[tuple[Day, Subject, Order]],
    zone: Zone,
    open_: list[tuple[Day, bool]],
    changes: dict[Day, list[int]],
) -> Adopter:
    """Add to `changes` by how much the counts per day differ from what one adopter added before."""
    adopter: Adopter = draft.get(f"adopter/{name}")
    eligible = adoption.eligible_intervals(adopter.listed, open_)
    starts = [-FOREVER, *(start for start, _, _ in versions[1:])]
    periods = [
        Period(
            start,
            end,
            version.measure,
            version.verification,
            [] if version.unit == "team" and name == version.team else eligible,
        )
        for start, end, (_, version, _) in zip(
            starts, [*starts[1:], FOREVER], versions, strict=True
        )
    ]
    stand = adoption.stand_over(adopter, periods, zone)
    new = adoption.added(stand, adopter.verdicts, periods)
    if adopter.uses or adopter.pins or adopter.verdicts or adopter.listed is not None:
        draft.rows.append(_row(name, adopter, stand, subject, zone, zone.day(draft.now)))
    else:
        draft.gone.append(Gone(AdopterRow, (subject.id, name)))
    old = adopter.added
    if new == old:
        return adopter
    adopter = adopter._replace(added=new)
    draft.put(f"adopter/{name}", adopter)
    same = 0
    for a, b in zip(old, new, strict=False):
        if a != b:
            break
        same += 1
    for sign, entries in ((-1, old[same:]), (1, new[same:])):
        for day, column, n in entries:
            steps = changes.get(day)
            if steps is None:
                steps = changes[day] = list(ZERO)
            steps[column] += sign * n
    return adopter


def _row(
    name: str,
    adopter: Adopter,
    stand: adoption.Stand,
    subject: Subject,
    zone: Zone,
    today: Day,
) -> AdopterRow:
    stays = _stays(stand, adopter, subject, zone)
    joined = next((a for a, _ in stand.eligible if a > -FOREVER), None)
    return AdopterRow(
        subject=subject.id,
        adopter=name,
        owner=name if subject.unit == "team" else "",
        eligible=stand.eligible is ALL_DAYS or any(a <= today < b for a, b in stand.eligible),
        joined_at=None if joined is None else zone.start(joined),
        first_used_at=adopter.first_used_at,
        adopted_at=stays[0][0] if stays else None,
        left_at=stays[-1][1] if stays else None,
        version=(adopter.pins[-1][1] or "") if adopter.pins else "",
        stays=stays,
    )


def _stays(
    stand: adoption.Stand, adopter: Adopter, subject: Subject, zone: Zone
) -> list[tuple[Instant, Instant | None]]:
    """From when until when an adopter had adopted the subject (an end may lie ahead).

    What is pinned is known to the instant; use is known by day.
    """
    if subject.measure.kind != "pinned":
        return [
            (zone.start(first), None if end >= FOREVER else zone.start(end))
            for first, end in stand.adopted
        ]
    found: list[tuple[Instant, Instant | None]] = []
    on = False
    for at, version in adopter.pins:
        now = at_least(version, subject.measure.at_least)
        if now and not on:
            found.append((at, None))
        elif on and not now:
            found[-1] = (found[-1][0], at)
        on = now
    return found
