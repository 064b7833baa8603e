"""What became of every work item, and what should have been said about it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from pipeline.simulate.calendar import DAY, Calendar
from pipeline.simulate.oracle_adoption import Subject
from pipeline.simulate.oracle_facets import Evidence, Named, Observer, Story
from pipeline.simulate.oracle_live import Production
from pipeline.simulate.world import Fact

WATCH = 28 * DAY
"""How long a done item is watched."""


class Stage(NamedTuple):
    """Grace of a stage in working days."""

    default: int
    least: int
    most: int


STAGES = {
    "closed_not_shipped": Stage(3, 1, 10),
    "shipped_not_adopted": Stage(10, 5, 30),
    "adopted_not_verified": Stage(10, 5, 20),
}
"""The states in which work is only basically done."""


@dataclass(slots=True)
class Run:
    """A stretch of one state, as it was confirmed."""

    state: str
    effective: int
    confirmed: int
    left: int | None = None


class Sample(NamedTuple):
    """How long one item took for the stage that begins with a state."""

    state: str
    start: int
    end: int
    known: int


class Claim(NamedTuple):
    """A finding of the oracle."""

    rule: str
    about: str
    raised: int
    cleared: int | None


@dataclass(slots=True)
class Life:
    """All that follows for one item."""

    story: Story
    runs: list[Run] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    regressions: list[tuple[int, int | None]] = field(default_factory=list)
    rollbacks: list[tuple[int, int | None]] = field(default_factory=list)

    def timeline(self) -> list[tuple[str, int, int | None]]:
        """State by effective time: a later run overrides all from its beginning on.

        Two stretches of one state may touch, where what was between them is overridden.
        """
        spans: list[tuple[str, int]] = []
        for run in self.runs:
            while spans and spans[-1][1] >= run.effective:
                spans.pop()
            spans.append((run.state, run.effective))
        ends: list[int | None] = [start for _, start in spans[1:]]
        return [
            (state, start, end)
            for (state, start), end in zip(spans, [*ends, None], strict=True)
        ]


def read(facts: Sequence[Fact], keys: dict[str, str]) -> dict[str, Story]:
    """The stories of all items, from the facts in the order of time."""
    stories: dict[str, Story] = {}
    taken: dict[str, int] = {}
    for fact in facts:
        if fact.signal == "work_item.changed" and "key" in fact.data:
            taken.setdefault(fact.data["key"], fact.at)
    for fact in facts:
        data = fact.data
        if fact.signal == "work_item.changed":
            name = data["work_item"]
            if name not in stories:
                stories[name] = Story(name, data["team"], fact.at)
                parent = data.get("parent")
                if parent is not None:
                    stories[name].parent = stories.get(keys.get(parent, parent))
            stories[name].fields.append((fact.at, data))
        elif fact.signal == "work_item.deleted":
            stories[data["work_item"]].deleted = fact.at
        elif fact.signal == "change.merged":
            named = data.get("work_items", ())
            for one in named:
                # before an item took the key nobody could know whom it meant
                known = max(fact.at, taken.get(one["key"], fact.at))
                sign = Evidence(known, data["change"], one["via"], bulk=len(named) > 5)
                stories[keys[one["key"]]].evidence.append(sign)
        elif fact.signal == "deploy.finished":
            for key in data.get("work_items", ()):
                deploy = Named(fact.at, data["service"], data["repository"])
                stories[keys[key]].named.append(deploy)
        elif fact.signal in {"link.asserted", "link.retracted"}:
            gone = fact.signal == "link.retracted"
            sign = Evidence(fact.at, data["to"], data["via"], retracted=gone)
            stories[data["from"]].evidence.append(sign)
    return stories


def live(
    story: Story,
    production: Production,
    subjects: dict[str, Subject],
    ready: Sequence[str],
    until: int,
) -> Life:
    """Look at an item at every instant at which anything about it became known."""
    life = Life(story)
    observer = Observer(story, production, subjects, ready)
    first: dict[str, tuple[int, int]] = {}
    full = False
    for at in sorted(_instants(story, production, observer.candidates(until))):
        if at > until or at < story.created:
            continue
        view = observer.look(at)
        rolled = full and not view.shipped.full and view.shipped.rollback
        full = view.shipped.full
        current = life.runs[-1] if life.runs else None
        if rolled and current and current.state == "done":
            life.rollbacks.append((at, None))
        elif full and life.rollbacks and life.rollbacks[-1][1] is None:
            life.rollbacks[-1] = (life.rollbacks[-1][0], at)
        _enter(life, current, view.state, view.effective, at, reopened=view.reopened)
        exempt = story.value("adoption", at) == "none_expected"
        reached = {"claim": view.claim, "shipped": view.shipped.since if full else None}
        reached |= {"adopted": None if exempt else view.adopted}
        reached |= {"verified": None if exempt else view.verified}
        for level, since in reached.items():
            if since is not None and level not in first:
                first[level] = (since, at)
    levels = ("claim", "shipped", "adopted", "verified")
    for state, (start, end) in zip(STAGES, pairwise(levels), strict=True):
        if start in first and end in first and first[end][0] >= first[start][0]:
            life.samples.append(Sample(state, first[start][0], *first[end]))
    return life


def _instants(story: Story, production: Production, subjects: Sequence[Subject]) -> set[int]:
    instants = {at for at, _ in story.fields}
    if story.deleted is not None:
        instants.add(story.deleted)
    if story.parent:
        instants |= {at for at, _ in story.parent.fields}
    instants |= {deploy.at for deploy in story.named}
    for sign in story.evidence:
        instants.add(sign.at)
        change = production.changes.get(sign.change)
        if change:
            instants.add(change.at)
            for service in production.required(change) or ():
                instants |= {turn.known for turn in production.live(change, service)}
    for subject in subjects:
        instants |= {turn.known for turn in (*subject.adopted, *subject.verified)}
    return instants


def _enter(
    life: Life, run: Run | None, state: str, effective: int, at: int, *, reopened: bool
) -> None:
    """Go on with the run, or begin another."""
    if run and run.state == state:
        return
    over = state in {"dropped", "deleted"}
    again = state == "open" and reopened
    if run and run.state == "done":
        watched = effective < run.effective + WATCH
        if not watched and not over and not again:
            return
        if watched and not over:
            life.regressions.append((at, None))
    open_one = life.regressions and life.regressions[-1][1] is None
    if open_one and (over or state == "done"):
        life.regressions[-1] = (life.regressions[-1][0], at)
    if run:
        run.left = at
    life.runs.append(Run(state, effective, at))


def findings(lives: dict[str, Life], calendars: dict[str, Calendar], until: int) -> list[Claim]:
    """Every finding about work items."""
    teams: dict[str, list[Sample]] = defaultdict(list)
    for life in lives.values():
        teams[life.story.team].extend(life.samples)
    claims: list[Claim] = []
    for name, life in lives.items():
        claims += [Claim("regressed", name, *span) for span in life.regressions]
        claims += [Claim("rolled_back", name, *span) for span in life.rollbacks]
        team = life.story.team
        for run in life.runs:
            if run.state not in STAGES:
                continue
            grace = learned(run, teams[team], calendars[team])
            raised = max(calendars[team].add(run.effective, grace), run.confirmed)
            regressed = any(
                since <= raised and (end is None or raised < end)
                for since, end in life.regressions
            )
            if not regressed and raised <= until and (run.left is None or raised < run.left):
                claims.append(Claim("basically_done", name, raised, run.left))
    return [claim for claim in claims if claim.raised != claim.cleared]


def learned(run: Run, samples: Sequence[Sample], calendar: Calendar) -> int:
    """The team's usual time for the stage, from what it knew when the run began."""
    stage = STAGES[run.state]
    gaps = sorted(
        calendar.gap(one.start, one.end)
        for one in samples
        if one.state == run.state
        and one.known < run.effective
        and one.end >= run.effective - 90 * DAY
    )
    if len(gaps) < 10:
        return stage.default
    usual = gaps[-(-85 * len(gaps) // 100) - 1]
    return min(max(usual, stage.least), stage.most)
