"""How a work item got where it stands: a fold over the instants at which something became known."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS
from pipeline.core.flow import Flow
from pipeline.core.live import BLIP_MS
from pipeline.core.messages import Step
from pipeline.core.signals import Instant
from pipeline.core.standing import (
    Shipping,
    Sight,
    View,
    chosen_by,
    goals_of,
    instants_of,
    judge,
    judge_shipping,
    subjects_of,
)
from pipeline.core.tracker import Attributes

WATCH_MS = 28 * DAY_MS
"""A work item that is done is watched for 28 d (semantics 6.5)."""


class Run(NamedTuple):
    """A stretch in one state: true since, known since, why; and of whom and what it was then."""

    state: str
    reasons: list[str]
    effective_at: Instant
    confirmed_at: Instant
    team: str
    subjects: tuple[str, ...]


class Gap(NamedTuple):
    """How long one stage took: from, to, known at; it teaches the team that it had then."""

    start: Instant
    end: Instant
    known_at: Instant
    team: str


@dataclass(slots=True)
class Course:
    """How the work item got where it stands."""

    runs: list[Run] = field(default_factory=list)
    claimed_at: Instant | None = None
    gaps: dict[str, Gap] = field(default_factory=dict)
    known: dict[str, Instant] = field(default_factory=dict)
    rollbacks: list[tuple[Instant, Instant | None]] = field(default_factory=list)
    subjects: set[str] = field(default_factory=set)
    goals: dict[str, list[Step]] = field(default_factory=dict)
    """Every goal that it counted for: since when it does (`in`), and does not (`out`)."""
    closed: list[Step] = field(default_factory=list)
    flow: Flow = field(default_factory=Flow)
    view: View | None = None


def course_of(sight: Sight, now: Instant, book: Book) -> tuple[Course, Instant | None]:
    """Fold over all known instants up to now; also when the next one is due."""
    course = Course()
    instants = instants_of(sight, book)
    due = bisect_right(instants.all, now)
    ats = [a.at for a in sight.attributes]
    was_full = ever_full = False
    firsts: dict[str, Instant] = {}
    attributes: Attributes | None = None
    shipping: Shipping | None = None
    subjects: list[str] = []
    goals: list[str] = []
    chosen: object = None
    for at in instants.all[:due]:
        before, attributes = attributes, sight.attributes[max(0, bisect_right(ats, at) - 1)]
        changed = attributes is not before
        coded = before is not None and not before.non_code and not attributes.non_code
        if shipping is None or at in instants.shipping or (changed and not coded):
            shipping = judge_shipping(sight, attributes, at)
        by, chosen = chosen, chosen_by(attributes, shipping)
        if chosen != by or at in instants.links:
            subjects = subjects_of(sight, attributes, shipping, at, book)
            course.subjects.update(subjects)
            goals = sorted(goals_of(sight, attributes, at, book))
            _count(course, goals, at)
        view = judge(sight, attributes, shipping, subjects, at, ever_full, book)
        course.view = view
        _close(course, attributes, at)
        full = shipping.value == "full"
        _roll(course, was_full, full, view, at)
        _move(course, view, at, attributes)
        _measure(course, firsts, view, full, attributes, at)
        course.flow.note(attributes, view, goals, course.claimed_at, at)
        was_full = full
        ever_full = ever_full or full
    return course, instants.all[due] if due < len(instants.all) else None


def _count(course: Course, goals: list[str], at: Instant) -> None:
    for goal in sorted(course.goals.keys() | goals):
        log = course.goals.setdefault(goal, [])
        value = "in" if goal in goals else "out"
        if not log or log[-1].value != value:
            log.append(Step(at, at, value))


def _close(course: Course, now: Attributes, at: Instant) -> None:
    since = now.closed_since if now.deleted_at is None else None
    value = "open" if since is None else "closed"
    if not course.closed or course.closed[-1].value != value:
        course.closed.append(Step(at, since or at, value))


def _roll(course: Course, was_full: bool, full: bool, view: View, at: Instant) -> None:
    """Rollbacks of something done: open at the hour without redeploy, closed by the redeploy."""
    open_ = bool(course.rollbacks) and course.rollbacks[-1][1] is None
    lost = view.shipping.lost
    # a rollback is known after an hour; a revert or a new change that is not live is none
    rolled_back = lost is not None and at - lost == BLIP_MS
    if was_full and not full and lost is not None and rolled_back and not open_:
        before = [run for run in course.runs if run.confirmed_at <= lost]
        if before and before[-1].state == "done":
            course.rollbacks.append((at, None))
    elif open_ and (full or view.state in ("dropped", "deleted")):
        course.rollbacks[-1] = (course.rollbacks[-1][0], at)


def _move(course: Course, view: View, at: Instant, now: Attributes) -> None:
    """Open a new run when the state differs; after its watch a done work item stays done."""
    state = view.state
    last = course.runs[-1] if course.runs else None
    if (
        last is not None
        and last.state == "done"
        and state not in ("done", "dropped", "deleted")
    ):
        reopened = state == "open" and now.reopened_at is not None
        if not reopened and view.effective_at >= last.effective_at + WATCH_MS:
            return
    if last is None or last.state != state:
        subjects = tuple(view.subjects)
        run = Run(state, view.reasons, view.effective_at, at, now.team, subjects)
        course.runs.append(run)
    elif last.reasons != view.reasons:
        course.runs[-1] = last._replace(reasons=view.reasons)


def _measure(
    course: Course,
    firsts: dict[str, Instant],
    view: View,
    full: bool,
    now: Attributes,
    at: Instant,
) -> None:
    """Claim, and the first completion of each gap (it teaches the team's grace).

    A gap that would be negative, such as adopted before shipped, is none.
    """
    if course.claimed_at is None:
        course.claimed_at = view.claim
    exempt = now.exempt_since is not None
    reached = (
        ("claim", view.claim, ""),
        ("shipped", view.shipping.since if full else None, "close_to_ship"),
        ("adopted", None if exempt else view.adopted_since, "ship_to_adopt"),
        ("verified", None if exempt else view.verified_since, "adopt_to_verify"),
    )
    before: str | None = None
    for level, since, stage in reached:
        if since is not None and level not in firsts:
            firsts[level] = since
            course.known[level] = at
        if before is not None and stage not in course.gaps and {before, level} <= firsts.keys():
            start, end = firsts[before], firsts[level]
            if end >= start:
                course.gaps[stage] = Gap(start, end, course.known[level], now.team)
        before = level
