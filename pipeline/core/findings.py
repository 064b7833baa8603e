"""Rules: each gives the intervals in which its judgement held, computed from facts (semantics 4).

A finding opens and closes at confirmed instants only; one that would be empty is not raised.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from pipeline.core.calendar import DAY_MS, WorkingCalendar, compact, iso_instant
from pipeline.core.rows import FindingRow
from pipeline.core.signals import Instant

WATCH_MS = 28 * DAY_MS


class StateRun(Protocol):
    """A stretch in one state, as `work_item.Run` has it."""

    @property
    def state(self) -> str: ...
    @property
    def reasons(self) -> list[str]: ...
    @property
    def effective_at(self) -> Instant: ...
    @property
    def confirmed_at(self) -> Instant: ...
    @property
    def team(self) -> str: ...
    @property
    def subjects(self) -> tuple[str, ...]: ...


class Terms(NamedTuple):
    """What is granted to a state: so many days of this calendar, not counted before a launch.

    `default` is what a team gets whose own work does not teach better.

    `launches` says since when which launch was announced (None: none), oldest first.
    """

    days: int
    default: int
    calendar: WorkingCalendar
    launches: list[tuple[Instant, Instant | None]]


@dataclass(frozen=True, slots=True)
class Interval:
    """A finding before it has a name: rule, from, to (None: open), why, and what it rests on.

    `look_at` is when it may change although nothing arrives: not raised yet, or growing worse.
    """

    rule: str
    raised_at: Instant
    cleared_at: Instant | None
    reasons: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    severe_at: Instant | None = None
    look_at: Instant | None = None
    text: str = ""

    def row(
        self, kind: str, about: str, team: str, goals: list[str], subject: str, now: Instant
    ) -> FindingRow:
        severe = self.severe_at is not None and (self.cleared_at or now) >= self.severe_at
        return FindingRow(
            finding_id=f"{self.rule}:{kind}:{about}:{compact(self.raised_at)}",
            rule=self.rule,
            about_kind=kind,
            about=about,
            goal_id=goals[0] if goals else "",
            goals=goals,
            team=team,
            reasons=self.reasons,
            severity=_SEVERITY.get(self.rule, "warning" if severe else "info"),
            raised_at=self.raised_at,
            cleared_at=self.cleared_at,
            evidence=self.evidence,
            explanation=explain(self),
            subject=subject,
            next_step=next_step(self),
        )


_SEVERITY = {
    "regressed": "warning",
    "rolled_back": "critical",
    "source_stale": "warning",
    "goal_at_risk": "warning",
    "goal_off_track": "critical",
    "goal_stalled": "warning",
    "busy_not_moving": "warning",
    "starved": "warning",
    "commitment_at_risk": "warning",
    "workstreams": "warning",
    "support_load": "warning",
    "stop_the_line": "warning",
}

TEXT = {
    "needs_merge": "linked to a change that is not merged",
    "needs_deploy": "merged, but not deployed to production",
    "partial_deploy": "deployed to some of its services only",
    "rolled_back": "rolled back in production",
    "needs_release": "deployed behind a flag that is not fully on",
    "needs_docs": "documentation is missing",
    "needs_enablement": "enablement is missing",
    "needs_support": "support hand-over is missing",
    "no_first_use": "nobody has used it",
    "below_target": "used by fewer than the target",
    "adoption_lost": "adopted once, used by too few now",
    "needs_verification": "used, but not confirmed to help",
    "low_response": "too few answers to tell",
    "refuted": "users say that it does not help",
    "reopened": "opened again",
    "older_than_usual": "in work for longer than 85 % of what its team had finished",
}
"""What each reason code means, for people."""


NEXT_STEP = {
    "needs_merge": "merge the linked change",
    "needs_deploy": "deploy it to production",
    "partial_deploy": "deploy it to the services that lack it",
    "rolled_back": "redeploy it, or reopen the work item",
    "needs_release": "turn the flag fully on",
    "needs_docs": "finish the documentation",
    "needs_enablement": "finish the enablement",
    "needs_support": "hand over to support",
    "no_first_use": "ask the first team to try it",
    "below_target": "ask those who have not adopted what keeps them",
    "adoption_lost": "ask those who left why",
    "needs_verification": "ask the adopters whether it helps",
    "low_response": "ask those who have not answered",
    "refuted": "read what the users wrote",
    "older_than_usual": "finish it, split it or drop it",
    "goal_stalled": "find out what blocks it, or accept it with a reason",
    "busy_not_moving": "ask whether this work moves the goal at all",
    "goal_at_risk": "look at what stands between the goal and its target",
    "goal_off_track": "change the plan, the scope or the people, or accept it with a reason",
    "commitment_at_risk": "tell whom it was promised to, and choose what to leave out",
    "regressed": "finish it again, or say that it is not needed",
    "goal_hit": "hand it over, and watch that it stays",
    "starved": "give the team work for this goal, or the goal another team",
    "workstreams": "finish goals one after the other",
    "support_load": "take away what causes the support",
    "stop_the_line": "find what the incidents have in common, and make room to mend it",
    "source_stale": "look whether the source still sends",
}
"""What a person does about a finding: by its first reason, else by its rule."""


def next_step(finding: Interval) -> str:
    first = finding.reasons[0] if finding.reasons else finding.rule
    return NEXT_STEP.get(first, NEXT_STEP.get(finding.rule, "look at it"))


def explain(finding: Interval) -> str:
    why = finding.reasons or (["reopened"] if finding.rule == "regressed" else [])
    reasons = (TEXT.get(reason, reason.replace("_", " ")) for reason in why)
    return "; ".join([*reasons, *([finding.text] if finding.text else [])])


BASICALLY_DONE = {
    "closed_not_shipped": "close_to_ship",
    "shipped_not_adopted": "ship_to_adopt",
    "adopted_not_verified": "adopt_to_verify",
}
"""States in which work is basically done, with the stage whose grace applies."""


def basically_done(
    runs: Sequence[StateRun],
    regressed: Sequence[Interval],
    terms: Callable[[StateRun], Terms],
    now: Instant,
) -> list[Interval]:
    """Claimed, but resting in a state short of done for longer than its grace (semantics 6.4).

    Raised at the later of effective + grace and confirmed, cleared when the state was left.
    Grace does not run before an announced launch.
    """
    found: list[Interval] = []
    for n, run in enumerate(runs):
        if run.state not in BASICALLY_DONE:
            continue
        if any(
            r.raised_at <= run.confirmed_at
            and (r.cleared_at is None or run.confirmed_at < r.cleared_at)
            for r in regressed
        ):
            continue
        granted = terms(run)
        start, raised, severe = _raised(run, granted)
        left = runs[n + 1].confirmed_at if n + 1 < len(runs) else None
        if left is not None and raised >= left:
            continue
        look = raised if raised > now else severe if left is None and severe > now else None
        own = "" if granted.days == granted.default else f" (default {granted.default})"
        rests_on = [
            f"state: {run.state} {iso_instant(run.effective_at)}",
            f"grace: {granted.days} working days{own} from {iso_instant(start)}",
        ]
        found.append(
            Interval("basically_done", raised, left, run.reasons, rests_on, severe, look)
        )
    return found


def _raised(run: StateRun, terms: Terms) -> tuple[Instant, Instant, Instant]:
    """From when the grace runs, when it is over, and when twice the grace is.

    A launch that is announced, or put off, after that comes too late to matter.
    """
    start, raised, severe = run.effective_at, 2**62, 2**62
    for since, launch in terms.launches:
        if since >= raised:
            break
        start = run.effective_at if launch is None else max(run.effective_at, launch)
        over = terms.calendar.add(start, terms.days)
        raised = max(over, run.confirmed_at, since)
        severe = terms.calendar.add(start, 2 * terms.days)
    return start, raised, severe


def regressed(runs: Sequence[StateRun]) -> list[Interval]:
    """Done, and left within the 28 d watch (semantics 6.5); cleared when done again.

    Leaving to unknown says nothing about the work, so it is raised only when what follows does.
    """
    found: list[Interval] = []
    raised: Instant | None = None
    reasons: list[str] = []
    rests_on: list[str] = []
    done_at: Instant | None = None
    fell = False
    for run in runs:
        if run.state == "done":
            if raised is not None and raised < run.confirmed_at:
                found.append(Interval("regressed", raised, run.confirmed_at, reasons, rests_on))
            raised, fell, done_at = None, False, run.effective_at
        elif run.state in ("dropped", "deleted"):
            if raised is not None and raised < run.confirmed_at:
                found.append(Interval("regressed", raised, run.confirmed_at, reasons, rests_on))
            raised, fell, done_at = None, False, None
        elif done_at is not None:
            if not fell:
                fell = run.state == "open" or run.effective_at < done_at + WATCH_MS
                if not fell:
                    done_at = None
                    continue
            if raised is None and run.state != "unknown":
                if run.state == "open" and run.effective_at >= done_at + WATCH_MS:
                    done_at, fell = None, False
                    continue
                raised, reasons = run.confirmed_at, run.reasons
                rests_on = [
                    f"state: done {iso_instant(done_at)}",
                    f"state: {run.state} {iso_instant(run.effective_at)}",
                ]
    if raised is not None:
        found.append(Interval("regressed", raised, None, reasons, rests_on))
    return found


def rolled_back(rollbacks: Sequence[tuple[Instant, Instant | None]]) -> list[Interval]:
    """Something done was taken back, an hour went by without a redeploy; cleared by one."""
    return [
        Interval("rolled_back", raised, cleared, ["rolled_back"])
        for raised, cleared in rollbacks
        if cleared is None or raised < cleared
    ]


def wip_age(
    spans: Sequence[tuple[Instant, Instant | None]], due: Instant, now: Instant
) -> list[Interval]:
    """In work for longer than its team usually is; cleared when it is in work no more."""
    found: list[Interval] = []
    for since, until in spans:
        raised = max(due, since)
        if until is None or raised < until:
            look = raised if raised > now else None
            rests_on = [f"in work: {iso_instant(since)}", f"usual until: {iso_instant(due)}"]
            found.append(
                Interval("wip_age", raised, until, ["older_than_usual"], rests_on, None, look)
            )
    return found
