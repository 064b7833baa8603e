"""A work item: what the tracker, the repositories and the subjects say, and where it stands.

Every facet is a log of steps (known at, effective at, value). The states are a fold over the
instants at which something became known, so an answer for an instant never rests on what came
later (semantics 4.2, 4.3, 6).
"""

from bisect import bisect_right
from operator import is_
from typing import Any, NamedTuple

from pipeline.core import evidence, findings, flow, links
from pipeline.core.activity import IDLE, Activity, activity_of
from pipeline.core.book import Book
from pipeline.core.course import Course, course_of
from pipeline.core.findings import BASICALLY_DONE, StateRun, Terms
from pipeline.core.messages import (
    Adoption,
    Ancestor,
    AskGrace,
    Called,
    Child,
    Follow,
    Forwarded,
    Gaps,
    Grace,
    Inherit,
    Redefined,
    Retracted,
    Standing,
    Step,
    Unlinked,
    Work,
)
from pipeline.core.reaction import Draft
from pipeline.core.rows import (
    FindingRow,
    FinishedWorkRow,
    Gone,
    LinkRow,
    WorkInProgressRow,
    WorkItemRow,
    WorkItemStateRow,
)
from pipeline.core.signals import Instant, Signal, WorkItemChanged, WorkItemDeleted
from pipeline.core.standing import Heard, Sight, ancestors_at, lineage_instants, look
from pipeline.core.tracker import Attributes, TrackerFact

LEVELS = ("closed", "shipped", "adopted", "verified")

Tenure = tuple[Instant, Instant | None]
"""From when until when a name was ours."""

Lineage = list[tuple[Instant, list[Ancestor]]]
"""From each instant on: itself and who stood above it."""


class Said(NamedTuple):
    """What was last told to others, so that only changes are told."""

    names: dict[str, Instant]
    follows: list[str]
    goals: dict[str, list[Step]]
    parents: list[str]
    asks: dict[str, list[tuple[str, Instant]]]
    gaps: dict[str, dict[str, tuple[Instant, Instant, Instant]]]
    findings: list[str]
    runs: int
    standing: tuple[list[Step], list[Step], Activity]
    children: dict[str, dict[str, Tenure]]
    lineage: Lineage
    links: list[tuple[str, str, str, str]]
    works: dict[str, Work] = {}  # noqa: RUF012 - never changed in place
    flow: list[int] = []  # noqa: RUF012 - the same


NOTHING_SAID = Said({}, [], {}, [], {}, {}, [], 0, ([], [], IDLE), {}, [], [])

PARTS: dict[str, Any] = {
    "adoption": dict[str, Adoption],
    "grace": dict[str, int | None],
    "heard": dict[str, Heard],
    "inherited": dict[str, Inherit],
    "said": Said,
    "tracker": list[TrackerFact],
}


def react(draft: Draft, signal: Signal) -> None:
    data = signal.data
    assert isinstance(data, WorkItemChanged | WorkItemDeleted)
    facts: list[TrackerFact] = draft.get("tracker") or []
    same = signal.order[1:]
    draft.put("tracker", [*(f for f in facts if f.order[1:] != same), TrackerFact.of(signal)])
    if isinstance(data, WorkItemChanged):
        _introduce(draft, signal, data, new=not facts)
    draft.wake()


def _introduce(draft: Draft, signal: Signal, data: WorkItemChanged, *, new: bool) -> None:
    """Ask and claim at once, so that what others know is there when this judges.

    What was said too early here, the first judgement says as it is.
    """
    if new and draft.get("said") is None:
        for name in {draft.id: None, data.key: None}:
            if name:
                draft.send(f"key:{name}", Called(draft.id, (signal.at, draft.id)))
    known: dict[str, Adoption] = draft.get("adoption") or {}
    for id in data.subjects or ():
        if id not in known:
            draft.send(f"subject:{id}", Follow(draft.id, True))


def _take_back(draft: Draft, signal: Signal) -> None:
    """Forget a fact, and the names that it may have claimed before anything was judged."""
    facts: list[TrackerFact] = draft.get("tracker") or []
    same = signal.order[1:]
    draft.put("tracker", [f for f in facts if f.order[1:] != same])
    if isinstance(signal.data, WorkItemChanged) and draft.get("said") is None:
        for name in {draft.id: None, signal.data.key: None}:
            if name:
                draft.send(f"key:{name}", Called(draft.id, (0, draft.id), gone=True))


def hear(
    draft: Draft,
    message: Forwarded | Inherit | Adoption | Grace | Redefined | Retracted,
    book: Book,
) -> None:
    match message:
        case Forwarded():
            _forwarded(draft, message)
        case Inherit():
            inherited: dict[str, Inherit] = dict(draft.get("inherited") or {})
            inherited.pop(message.parent, None)
            if message.names:
                inherited[message.parent] = message
            if not draft.put_if_new("inherited", inherited):
                return
        case Adoption():
            known: dict[str, Adoption] = draft.get("adoption") or {}
            before = known.get(message.subject)
            if before == message:
                return
            draft.put("adoption", {**known, message.subject: message})
            if _only_answers(before, message):
                return
        case Grace():
            if not _granted(draft, message, book):
                return
        case Retracted():
            _take_back(draft, message.signal)
        case Redefined():
            draft.keep(None)
    draft.wake()


def _only_answers(before: Adoption | None, now: Adoption) -> bool:
    """Whether nothing is new but answers about what was never adopted: they verify nothing."""
    if before is None or now.adopted:
        return False
    return now == before._replace(verified=now.verified)


def _granted(draft: Draft, message: Grace, book: Book) -> bool:
    """Keep what the team answered; whether it differs from what was taken for granted."""
    known: dict[str, int | None] = draft.get("grace") or {}
    answers = {f"{message.team}/{stage}/{at}": days for stage, at, days in message.days}
    draft.put_if_new("grace", {**known, **answers})
    return any(
        days != known.get(f"{message.team}/{stage}/{at}", _unasked(stage, book))
        for stage, at, days in message.days
    )


def _unasked(stage: str, book: Book) -> int | None:
    """What holds until the team has answered."""
    return None if stage == "cycle_time" else book.grace(stage).default


def _forwarded(draft: Draft, message: Forwarded) -> None:
    heard: dict[str, Heard] = dict(draft.get("heard") or {})
    origin = f"{message.name}|{message.origin}"
    if message.message is None:
        heard.pop(origin, None)
    else:
        heard[origin] = Heard(message.name, message.since, message.message)
    draft.put("heard", heard)


# -- judging -----------------------------------------------------------------------------


def wake(draft: Draft, book: Book) -> None:
    """Judge anew, and tell whoever hears of it for the first time or hears something new."""
    said: Said = draft.get("said") or NOTHING_SAID
    folded = _fold(draft, book)
    if folded is None:
        _vanish(draft, said)
        return
    sight, course, next_at, _, activity = folded
    now = sight.attributes[
        max(0, bisect_right([a.at for a in sight.attributes], draft.now) - 1)
    ]
    if next_at is not None:
        draft.wake(next_at)
    goals = [goal for goal, log in sorted(course.goals.items()) if log[-1].value == "in"]
    found = _findings(draft, sight, course, now, goals, book)
    ids = [finding.finding_id for finding in found]
    draft.rows += found
    draft.gone += [Gone(FindingRow, (id,)) for id in said.findings if id not in ids]
    basically_done = any(f.rule == "basically_done" and f.cleared_at is None for f in found)
    _rows(draft, course, now, goals, basically_done, said)
    children, lineage = _pass_on(draft, sight, said)
    told = Said(
        names=_call(draft, sight, said),
        follows=_follow(draft, course, said),
        goals=course.goals,
        parents=_call_parents(draft, sight, said),
        asks=_asks(course),
        gaps=_gaps(course),
        findings=ids,
        runs=len(course.runs),
        standing=(
            [Step(r.confirmed_at, r.effective_at, r.state) for r in course.runs],
            course.closed,
            activity,
        ),
        children=children,
        lineage=lineage,
        links=_show_links(draft, said),
        works=flow.works(draft.id, course.flow, (draft.get("heard") or {}).values()),
        flow=_show_flow(draft, course, now, _usual(draft, course), said),
    )
    _tell_goals(draft, told, said)
    _tell_teams(draft, told, said)
    draft.put_if_new("said", told)


class Folded(NamedTuple):
    """How it got where it stands, when more comes due, and the parts that all this rests on."""

    sight: Sight
    course: Course
    next_at: Instant | None
    parts: list[Any]
    activity: Activity


def _fold(draft: Draft, book: Book) -> Folded | None:
    """Fold over all that is known; what was kept holds while nothing is new or came due."""
    parts = [draft.get(part) for part in ("tracker", "heard", "inherited", "adoption")]
    kept: Folded | None = draft.kept
    if (
        kept is not None
        and all(map(is_, parts, kept.parts))
        and (kept.next_at is None or draft.now < kept.next_at)
    ):
        return kept
    sight = look(draft)
    made = None
    if sight is not None:
        course, next_at = course_of(sight, draft.now, book)
        # only goals ask how it is worked on
        active = activity_of(sight, course.runs, draft.now) if course.goals else IDLE
        made = Folded(sight, course, next_at, parts, active)
    draft.keep(made)
    return made


def _vanish(draft: Draft, said: Said) -> None:
    """Every fact about it was retracted: it never was."""
    if said.runs:
        draft.gone.append(Gone(WorkItemRow, (draft.id,)))
        draft.gone += [Gone(WorkItemStateRow, (draft.id, n)) for n in range(said.runs)]
        draft.gone += [Gone(FindingRow, (id,)) for id in said.findings]
        draft.gone += [_flow_gone(draft.id, n) for n in said.flow]
        for goal in said.goals:
            draft.send(f"goal:{goal}", _never(draft.id))
        draft.gone += [Gone(LinkRow, key) for key in said.links]
        for child in said.children:
            draft.send(f"item:{child}", Inherit(draft.id, {}, []))
        for subject in said.follows:
            draft.send(f"subject:{subject}", Follow(draft.id, False))
        for parent in said.parents:
            draft.send(f"key:{parent}", Unlinked(f"child {draft.id}"))
        _tell_teams(draft, NOTHING_SAID, said)
        for name in said.names:
            draft.send(f"key:{name}", Called(draft.id, (0, draft.id), gone=True))
        draft.put("said", None)


def _show_links(draft: Draft, said: Said) -> list[tuple[str, str, str, str]]:
    heard: dict[str, Heard] = draft.get("heard") or {}
    rows = links.rows(draft.id, (heard[origin].said for origin in sorted(heard)), "work_item")
    keys = [row[:4] for row in rows]
    draft.gone += [Gone(LinkRow, key) for key in said.links if key not in keys]
    draft.rows += rows
    return keys


def _call(draft: Draft, sight: Sight, said: Said) -> dict[str, Instant]:
    """Claim every name that people may use for it: its id and all keys it ever had.

    An earlier fact may come later, so a name is claimed again when it was ours since before.
    """
    first: dict[str, Instant] = {draft.id: sight.attributes[0].created_at}
    for attributes in sight.attributes:
        for name in attributes.names:
            first.setdefault(name, attributes.at)
    for name in said.names:
        if name not in first:
            draft.send(f"key:{name}", Called(draft.id, (0, draft.id), gone=True))
    for name, since in first.items():
        if said.names.get(name) != since:
            draft.send(f"key:{name}", Called(draft.id, (since, draft.id)))
    return first


def _follow(draft: Draft, course: Course, said: Said) -> list[str]:
    wanted = sorted(course.subjects)
    for id in wanted:
        if id not in said.follows:
            draft.send(f"subject:{id}", Follow(draft.id, True))
    for id in said.follows:
        if id not in course.subjects:
            draft.send(f"subject:{id}", Follow(draft.id, False))
    return wanted


def _call_parents(draft: Draft, sight: Sight, said: Said) -> list[str]:
    """Tell every parent that it ever had: what it inherited then stands."""
    parents = sorted({a.parent for a in sight.attributes if a.parent})
    for parent in said.parents:
        if parent not in parents:
            draft.send(f"key:{parent}", Unlinked(f"child {draft.id}"))
    for parent in parents:
        if parent not in said.parents:
            draft.send(f"key:{parent}", Child(draft.id))
    return parents


def _pass_on(
    draft: Draft, sight: Sight, said: Said
) -> tuple[dict[str, dict[str, Tenure]], Lineage]:
    """A parent gives its children its names, goals and subjects (semantics 5.3).

    What it has from its own parent it gives as such, so that a circle of parents gives nobody
    what only went round.
    """
    children: dict[str, dict[str, Tenure]] = {}
    for heard in (draft.get("heard") or {}).values():
        child = heard.said
        if isinstance(child, Child) and child.work_item != draft.id:
            names = children.setdefault(child.work_item, {})
            names[heard.name] = (heard.since, child.until)
    lineage = _lineage(draft.id, sight) if children else []
    for child_id, names in sorted(children.items()):
        if names != said.children.get(child_id) or lineage != said.lineage:
            own = [(at, _below(chain, child_id)) for at, chain in lineage]
            draft.send(f"item:{child_id}", Inherit(draft.id, names, own))
    for child_id in said.children:
        if child_id not in children:
            draft.send(f"item:{child_id}", Inherit(draft.id, {}, []))
    return children, lineage


def _lineage(id: str, sight: Sight) -> Lineage:
    found: Lineage = []
    first = sight.attributes[0].at
    instants = {*lineage_instants(sight), *(a.at for a in sight.attributes)}
    for at in sorted(instant for instant in instants if instant >= first):
        now = next(a for a in reversed(sight.attributes) if a.at <= at)
        own = Ancestor(id, [id, *now.names], list(now.goals), list(now.subjects))
        chain = [own, *ancestors_at(sight, now.parent, at)]
        if not found or found[-1][1] != chain:
            found.append((at, chain))
    return found


def _below(chain: list[Ancestor], child: str) -> list[Ancestor]:
    ids = [ancestor.work_item for ancestor in chain]
    return chain[: ids.index(child)] if child in ids else chain


def _tell_goals(draft: Draft, told: Said, said: Said) -> None:
    for goal, member in told.goals.items():
        if told.standing != said.standing or member != said.goals.get(goal):
            states, closed, activity = told.standing
            draft.send(f"goal:{goal}", Standing(draft.id, states, closed, member, *activity))
    for goal in said.goals:
        if goal not in told.goals:
            draft.send(f"goal:{goal}", _never(draft.id))


def _never(work_item: str) -> Standing:
    """It never counted for the goal."""
    return Standing(work_item, [], [], [], [], [], [])


def _asks(course: Course) -> dict[str, list[tuple[str, Instant]]]:
    """By team what it is asked: how much grace a state has that began when it had the item.

    And how long it is usually in work, when it started it.
    """
    asks: dict[str, list[tuple[str, Instant]]] = {}
    start = flow.asked(course.flow)
    if start is not None:
        asks[start[0]] = [("cycle_time", start[1])]
    for run in course.runs:
        if run.state in BASICALLY_DONE and run.team:
            asks.setdefault(run.team, []).append((BASICALLY_DONE[run.state], run.effective_at))
    return asks


def _gaps(course: Course) -> dict[str, dict[str, tuple[Instant, Instant, Instant]]]:
    """By team what it learned from this work item."""
    gaps: dict[str, dict[str, tuple[Instant, Instant, Instant]]] = {}
    for stage, gap in course.gaps.items():
        if gap.team:
            gaps.setdefault(gap.team, {})[stage] = (gap.start, gap.end, gap.known_at)
    if (cycle := flow.cycle(course.flow)) is not None:
        gaps.setdefault(cycle[0], {})["cycle_time"] = cycle[1]
    return gaps


def _tell_teams(draft: Draft, told: Said, said: Said) -> None:
    for team in sorted({*told.gaps, *said.gaps}):
        gaps = told.gaps.get(team, {})
        if gaps != said.gaps.get(team, {}):
            draft.send(f"team:{team}", Gaps(draft.id, gaps))
    for team in sorted({*told.asks, *said.asks}):
        asks = told.asks.get(team, [])
        if asks != said.asks.get(team, []):
            draft.send(f"team:{team}", AskGrace(draft.id, asks))
    for team in sorted({*told.works, *said.works}):
        work = told.works.get(team, Work(draft.id, [], None, None))
        if work != said.works.get(team):
            draft.send(f"team:{team}", work)


def _findings(
    draft: Draft, sight: Sight, course: Course, now: Attributes, goals: list[str], book: Book
) -> list[FindingRow]:
    answers: dict[str, int | None] = draft.get("grace") or {}

    def terms(run: StateRun) -> Terms:
        stage = BASICALLY_DONE[run.state]
        default = book.grace(stage).default
        days = answers.get(f"{run.team}/{stage}/{run.effective_at}")
        return Terms(
            default if days is None else days,
            default,
            book.calendar("team", run.team),
            book.launches(run.subjects),
        )

    regressed = findings.regressed(course.runs)
    subjects = course.view.subjects if course.view else []
    found = [
        *findings.basically_done(course.runs, regressed, terms, draft.now),
        *regressed,
        *findings.rolled_back(course.rollbacks),
    ]
    usual, start = _usual(draft, course), course.flow.started_at
    if usual is not None and start is not None:
        found += findings.wip_age(flow.spans(course.flow), start + usual, draft.now)
    wakes = [f.look_at for f in found if f.look_at is not None and f.look_at > draft.now]
    for at in wakes:
        draft.wake(at)
    subject = min(subjects, default="")
    rows: list[FindingRow] = []
    for finding in found:
        if finding.raised_at <= draft.now:
            row = finding.row("work_item", draft.id, now.team, goals, subject, draft.now)
            rests_on = evidence.of_work_item(sight, finding.raised_at, book)
            rows.append(row._replace(evidence=[*row.evidence, *rests_on]))
    return rows


def _usual(draft: Draft, course: Course) -> int | None:
    """How long the team that started it had been taking then, in ms (None: unknown)."""
    start = flow.asked(course.flow)
    answers: dict[str, int | None] = draft.get("grace") or {}
    return answers.get(f"{start[0]}/cycle_time/{start[1]}") if start is not None else None


def _show_flow(
    draft: Draft, course: Course, now: Attributes, usual: int | None, said: Said
) -> list[int]:
    """The rows about its way through teams, by position (the finish is -1)."""
    rows = flow.rows(draft.id, course.flow, now, course.goals, usual)
    shown = [row.position if isinstance(row, WorkInProgressRow) else -1 for row in rows]
    draft.rows += rows
    draft.gone += [_flow_gone(draft.id, n) for n in said.flow if n not in shown]
    return shown


def _flow_gone(id: str, position: int) -> Gone:
    if position < 0:
        return Gone(FinishedWorkRow, (id,))
    return Gone(WorkInProgressRow, (id, position))


def _rows(
    draft: Draft,
    course: Course,
    now: Attributes,
    goals: list[str],
    basically_done: bool,
    said: Said,
) -> None:
    view = course.view
    if view is None or not course.runs:
        return
    last = course.runs[-1]
    full = view.shipping.value == "full"
    done_at = next((r.effective_at for r in reversed(course.runs) if r.state == "done"), None)
    draft.rows.append(
        WorkItemRow(
            work_item=draft.id,
            key=now.key,
            title=now.title,
            url=now.url,
            kind=now.kind,
            team=now.team,
            goals=goals,
            subjects=view.subjects,
            created_at=now.created_at,
            state=last.state,
            reasons=last.reasons,
            state_since=last.effective_at,
            started_at=now.started_at,
            closed_at=now.closed_since,
            shipped_at=view.shipping.since if full else None,
            adopted_at=view.adopted_since if full else None,
            verified_at=view.verified_since if full and view.adopted_since else None,
            claimed_at=course.claimed_at,
            done_at=done_at if last.state == "done" else None,
            basically_done=basically_done,
            parent=now.parent,
            exempt=now.exempt_since is not None,
            source=min(fact.order for fact in draft.get("tracker")).source,
        )
    )
    left = 2**62
    rows: list[WorkItemStateRow] = []
    for n in range(len(course.runs) - 1, -1, -1):
        run = course.runs[n]
        ends = None if left == 2**62 else max(left, run.effective_at)
        rows.append(
            WorkItemStateRow(
                draft.id, n, run.state, run.reasons, run.effective_at, run.confirmed_at, ends
            )
        )
        left = min(left, run.effective_at)
    draft.rows += reversed(rows)
    draft.gone += [
        Gone(WorkItemStateRow, (draft.id, n)) for n in range(len(course.runs), said.runs)
    ]
