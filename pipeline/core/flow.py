"""A work item on its way through teams: who had it in work when, and what a promise of it became.

Noted at every instant at which something became known, so that a judgement of that instant rests
on nothing that came later; what a team needs of it is told as `Work`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core.calendar import DAY_MS
from pipeline.core.messages import Finish, Pledge, Promised, Step, Stretch, Work
from pipeline.core.rows import FinishedWorkRow, WorkInProgressRow
from pipeline.core.signals import Instant
from pipeline.core.standing import Heard, View
from pipeline.core.tracker import Attributes


class InWork(NamedTuple):
    """One team had it in work, for the same goals, from an instant on (until None: still)."""

    team: str
    goals: list[str]
    since: Instant
    until: Instant | None


class Finished(NamedTuple):
    """When it was first said to be finished, since when that is known, and who had it then."""

    team: str
    at: Instant
    known_at: Instant
    kind: str


@dataclass(slots=True)
class Flow:
    """What was noted so far."""

    started_at: Instant | None = None
    in_work: list[InWork] = field(default_factory=list)
    finished: Finished | None = None
    periods: list[tuple[Instant, str, tuple[str, ...]]] = field(default_factory=list)
    """Since when which team planned it for which period."""
    gone: list[tuple[Instant, str]] = field(default_factory=list)
    levels: dict[str, list[Step]] = field(default_factory=dict)
    reopened: list[Instant] = field(default_factory=list)

    def note(
        self, now: Attributes, view: View, goals: list[str], claim: Instant | None, at: Instant
    ) -> None:
        gone = "deleted" if now.deleted_at is not None else ""
        if not gone and now.dropped_since is not None:
            gone = "dropped"
        if claim is not None and self.finished is None:
            self.finished = Finished(now.team, claim, at, now.kind)
        if self.started_at is None:
            self.started_at = now.started_at
        working = now.started_at is not None and claim is None and not gone
        last = self.in_work[-1] if self.in_work and self.in_work[-1].until is None else None
        if last is not None and not (working and (now.team, goals) == last[:2]):
            self.in_work[-1] = last._replace(until=at)
            last = None
        if working and last is None:
            self.in_work.append(InWork(now.team, goals, at, None))
        if (now.team, now.period) != (self.periods[-1][1:] if self.periods else ("", ())):
            self.periods.append((at, now.team, now.period))
        if gone != (self.gone[-1][1] if self.gone else ""):
            self.gone.append((now.deleted_at or now.dropped_since or at, gone))
        if now.reopened_at is not None and now.reopened_at not in self.reopened:
            self.reopened.append(now.reopened_at)
        self._rise(now, view, bool(gone), at)

    def _rise(self, now: Attributes, view: View, gone: bool, at: Instant) -> None:
        """Note each level that it reached or lost; without an own date it did so just now.

        A level is held while the work is claimed to be finished: reopening loses all.
        """
        left = now.deleted_at or now.dropped_since
        if left is None and (view.claim is None or now.closed_since is None):
            left = now.reopened_at
        for level, since in _levels(now, view):
            steps = self.levels.setdefault(level, [])
            last = steps[-1] if steps and steps[-1].value == "on" else None
            if (last is not None) == (since is not None and not gone):
                continue
            if since is not None and last is None:
                steps.append(Step(at, since, "on"))
            elif last is not None:
                fell = view.shipping.lost if level == "shipped" else view.effective_at
                if left is not None or not fell or fell <= last.effective_at:
                    fell = left or at
                steps.append(Step(at, fell, "off"))


def _levels(now: Attributes, view: View) -> list[tuple[str, Instant | None]]:
    """Since when it stands at each level (None: it does not)."""
    shipped = view.shipping.since if view.shipping.value == "full" else None
    done = view.effective_at if view.state == "done" else None

    def later(since: Instant | None) -> Instant | None:
        if shipped is None or since is None or view.claim is None:
            return done
        return max(shipped, since, view.claim)

    return [
        ("closed", now.closed_since),
        ("shipped", later(shipped)),
        ("adopted", later(view.adopted_since)),
        # answers about what is not adopted verify nothing, and wake nobody
        ("verified", later(view.verified_since if view.adopted_since is not None else None)),
    ]


def works(id: str, flow: Flow, heard: Iterable[Heard]) -> dict[str, Work]:
    """By team what it is told: of every team that worked on it, planned it or promised it."""
    names: dict[str, list[tuple[str, Instant, Instant | None]]] = {}
    for one in heard:
        if isinstance(one.said, Promised):
            names.setdefault(one.said.team, []).append((one.name, one.since, one.said.until))
    planned = {team for _, team, period in flow.periods if period}
    done = flow.finished
    teams = {*names, *planned, *(stretch.team for stretch in flow.in_work)}
    if done is not None:
        teams.add(done.team)
    found: dict[str, Work] = {}
    for team in sorted(teams - {""}):
        stretches = [Stretch(s.since, s.until, s.goals) for s in flow.in_work if s.team == team]
        ours = done is not None and done.team == team
        finish = (
            Finish(done.at, done.known_at, done.kind) if done is not None and ours else None
        )
        pledge = None
        if team in names or team in planned:
            pledge = Pledge(
                sorted(names.get(team, [])),
                _planned(flow, team),
                flow.gone,
                {level: steps for level, steps in flow.levels.items() if steps},
                flow.reopened,
                done.at if done is not None else None,
            )
        found[team] = Work(id, stretches, finish, pledge)
    return found


def _planned(flow: Flow, team: str) -> list[tuple[Instant, tuple[str, ...]]]:
    found: list[tuple[Instant, tuple[str, ...]]] = []
    for at, whose, period in flow.periods:
        mine = period if whose == team else ()
        if mine != (found[-1][1] if found else ()):
            found.append((at, mine))
    return found


def asked(flow: Flow) -> tuple[str, Instant] | None:
    """Whom to ask how long it may be in work, and from when: the team that started it."""
    if flow.started_at is None or not flow.in_work or not flow.in_work[0].team:
        return None
    return flow.in_work[0].team, flow.started_at


def cycle(flow: Flow) -> tuple[str, tuple[Instant, Instant, Instant]] | None:
    """What the team that finished it learns from it: from, to, known."""
    done, start = flow.finished, flow.started_at
    if done is None or not done.team or start is None or start > done.at:
        return None
    return done.team, (start, done.at, done.known_at)


def spans(flow: Flow) -> list[tuple[Instant, Instant | None]]:
    """From when to when it was in work, whoever had it."""
    found: list[tuple[Instant, Instant | None]] = []
    for stretch in flow.in_work:
        if found and found[-1][1] == stretch.since:
            found[-1] = (found[-1][0], stretch.until)
        else:
            found.append((stretch.since, stretch.until))
    return found


def rows(
    id: str, flow: Flow, now: Attributes, goals: dict[str, list[Step]], usual: int | None
) -> list[WorkInProgressRow | FinishedWorkRow]:
    """What the view of the flow of teams counts."""
    found: list[WorkInProgressRow | FinishedWorkRow] = []
    done = flow.finished
    for position, stretch in enumerate(flow.in_work):
        until = stretch.until
        if done is not None and (until is None or until > done.at):
            until = done.at
        ended = until is not None and until <= stretch.since
        if stretch.team and flow.started_at is not None and not ended:
            found.append(
                WorkInProgressRow(
                    id,
                    position,
                    stretch.team,
                    stretch.goals,
                    flow.started_at,
                    stretch.since,
                    until,
                )
            )
    if done is not None and done.team and now.deleted_at is None:
        found.append(
            FinishedWorkRow(
                id,
                done.team,
                now.kind,
                [goal for goal, log in sorted(goals.items()) if _counted(log, done.known_at)],
                now.exempt_since is not None,
                flow.started_at,
                done.at,
                usual / DAY_MS if usual is not None else None,
                flow.reopened[0] if flow.reopened else None,
            )
        )
    return found


def _counted(member: list[Step], at: Instant) -> bool:
    """Whether it was for the goal when it was finished; that it is may be known later."""
    return any(step.value == "in" and step.known_at >= at for step in member) or (
        [step.value for step in member if step.known_at <= at][-1:] == ["in"]
    )
