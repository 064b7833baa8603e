"""What entities tell each other: absolute statements, so that hearing one twice is harmless.

They flow one way: repository and subject to work item to goal and team; subject to goal; goal to
parent. What an entity asks for (a grace period, the state of a subject) is answered to it alone.
"""

from typing import Any, NamedTuple, get_args

from pipeline.core.rows import Day
from pipeline.core.signals import Instant, Signal


class Retracted(NamedTuple):
    """A signal that was taken in turned out to be superseded by another copy of itself."""

    signal: Signal


class Deployed(NamedTuple):
    """A service passes on a deploy that does not say of which repository it is."""

    signal: Signal


class Called(NamedTuple):
    """A work item answers to this name; `order` decides between two that claim it."""

    work_item: str
    order: tuple[Instant, str]
    gone: bool = False


class Live(NamedTuple):
    """One step of being live: since when known, since when true, and which."""

    known_at: Instant
    effective_at: Instant
    on: bool


class Evidence(NamedTuple):
    """Why a work item and a change belong together: how, since when, until when."""

    via: str
    at: Instant
    until: Instant | None = None
    confidence: float | None = None


class LinkedChange(NamedTuple):
    """A repository tells a name: this change names you, and this is where it is live.

    `services` are the targets that the change must reach, with the log of each. From `bulk_at` on
    the change names more work items than may be believed, `delivers` is False for a revert (which
    takes away and need not reach anything). `merged_at` None: not merged so far. `undone_at` is
    when changes were merged that revert it.
    """

    change: str
    repository: str
    merged_at: Instant | None
    evidence: list[Evidence]
    services: dict[str, list[Live]]
    known_repository: bool = True
    bulk_at: Instant | None = None
    delivers: bool = True
    undone_at: tuple[Instant, ...] = ()


class NamedByDeploy(NamedTuple):
    """A repository tells a name: deploys to this service list you; live as the log says."""

    service: str
    repository: str
    evidence: list[Evidence]
    log: list[Live]


class Unlinked(NamedTuple):
    """What this origin told before no longer holds."""

    origin: str


class Linked(NamedTuple):
    """A link between a work item (its name) and something else, made by hand or by a source."""

    id: str
    to: str
    rel: str
    evidence: Evidence


class Forwarded(NamedTuple):
    """A name passes on what `origin` said to whom it stands for, since when it does.

    Evidence ends where another one took the name over. A message of None: it never stood for
    you while that was said, or the origin took it back.
    """

    name: str
    origin: str
    since: Instant
    message: "LinkedChange | NamedByDeploy | Linked | Child | Promised | None"


class Tell(NamedTuple):
    """A work item asks a change's repository to keep it informed although nothing names it."""

    name: str
    change: str
    evidence: list[Evidence]


class Child(NamedTuple):
    """A work item tells the name of a parent of its that it belongs to it, or did once.

    `until` is when the name went to another work item (None: it did not).
    """

    work_item: str
    until: Instant | None = None


class Promised(NamedTuple):
    """A team tells a name that it committed to the work item of that name, at some time.

    `until` is when the name went to another work item (None: it did not).
    """

    team: str
    until: Instant | None = None


class Ancestor(NamedTuple):
    """An epic of a work item: its names, and its own goals and subjects."""

    work_item: str
    names: list[str]
    goals: list[str]
    subjects: list[str]


class Inherit(NamedTuple):
    """A parent tells its child who its ancestors are from each instant on, itself first.

    `names` are those by which the child calls it: from when until when each is the parent's.
    Without any it is no child.
    """

    parent: str
    names: dict[str, tuple[Instant, Instant | None]]
    lineage: list[tuple[Instant, list[Ancestor]]]


class Follow(NamedTuple):
    """A work item asks a subject to tell it how the adoption stands (or to stop)."""

    work_item: str
    on: bool


class Step(NamedTuple):
    """One step of a facet: known since, true since, and its value."""

    known_at: Instant
    effective_at: Instant
    value: str


class Adoption(NamedTuple):
    """A subject tells its followers how far it is adopted, verified and released."""

    subject: str
    adopted: list[Step]
    verified: list[Step]
    released: list[Step]
    first_use_at: Instant | None


class ShardDays(NamedTuple):
    """A shard tells its subject the changes of its counts per day (absolute per day)."""

    shard: int
    days: dict[Day, list[int]]
    first_use_at: Instant | None


class SaidBy(NamedTuple):
    """A shard (its number) or a package (its name) tells a subject which sources speak of it."""

    origin: str
    sources: list[str]


class Eligible(NamedTuple):
    """Which adopters of one shard are eligible from a day on, for one version of the list."""

    versions: dict[Day, list[str] | None]
    """From day to list; None: everybody."""


class Pins(NamedTuple):
    """A package tells a shard which versions an adopter pinned, in order."""

    adopter: str
    pins: list[tuple[Instant, str | None]]


class Flag(NamedTuple):
    """A flag tells a subject how far it is on in production."""

    flag: str
    steps: list[Step]


class Released(NamedTuple):
    """A repository tells a subject when a service that carries it was deployed (version, at)."""

    repository: str
    service: str
    deploys: list[tuple[Instant, str]]


class Phase(NamedTuple):
    """From an instant on: the team that has a work item, and how far it is in work.

    `work` is `active` or `blocked` from start to finish, else empty.
    """

    at: Instant
    team: str
    work: str


class Standing(NamedTuple):
    """A work item tells a goal where it stands, and when it counted for the goal.

    `member` has the values `in` and `out`; without any it never counted. `moves` are the instants
    at which it changed its state, or a change of it was merged or deployed; `sources` say so.
    """

    work_item: str
    states: list[Step]
    closed: list[Step]
    member: list[Step]
    phases: list[Phase]
    moves: list[Instant]
    sources: list[str]


class Gaps(NamedTuple):
    """A work item tells its team the gaps it has been through: stage to (from, to, known)."""

    work_item: str
    gaps: dict[str, tuple[Instant, Instant, Instant]]


class Stretch(NamedTuple):
    """When a team had a work item in work, and for which goals, by what was known then."""

    since: Instant
    until: Instant | None
    goals: list[str]


class Finish(NamedTuple):
    """When a team finished a work item, and since when that is known."""

    at: Instant
    known_at: Instant
    kind: str


class Pledge(NamedTuple):
    """What is told of a work item that a team may have committed to.

    `names` are those under which the team did, with the time for which each was its name.
    `periods` says since when it was planned for which period (name, first and last day; empty:
    for none of this team), `gone` since when it was `dropped` or `deleted` (empty: it is there),
    `levels` when it rose to each level (`on`) or fell from it (`off`).
    """

    names: list[tuple[str, Instant, Instant | None]]
    periods: list[tuple[Instant, tuple[str, ...]]]
    gone: list[tuple[Instant, str]]
    levels: dict[str, list[Step]]
    reopened: list[Instant]
    claimed_at: Instant | None


class Work(NamedTuple):
    """A work item tells a team that worked on it or promised it how it went."""

    work_item: str
    stretches: list[Stretch]
    finish: Finish | None
    pledge: Pledge | None


class Load(NamedTuple):
    """A team tells a goal the share of support in what it finished, at the close of each week."""

    team: str
    shares: dict[Day, float]


class Struck(NamedTuple):
    """An incident tells a team from when until when (None: still) it was known to stop it."""

    incident: str
    stops: list[tuple[Instant, Instant | None]]


class AskGrace(NamedTuple):
    """A work item asks its team how much grace a state gets that began at `at`.

    The stage `cycle_time` asks how long what is started then is usually in work.
    """

    work_item: str
    asks: list[tuple[str, Instant]]


class Grace(NamedTuple):
    """A team answers: working days of grace per (stage, instant); a cycle time in ms.

    None: it has not finished enough to tell.
    """

    team: str
    days: list[tuple[str, Instant, int | None]]


class Reach(NamedTuple):
    """A subject tells a goal its adopters per day: day to (adopters, eligible, yes).

    `sources` say who adopts.
    """

    subject: str
    days: dict[Day, tuple[int, int | None, int]]
    last_day: Day
    sources: list[str]


class Part(NamedTuple):
    """How far a goal is at the close of a day: as known now, and as confirmed at the close.

    They differ where states are dated back; None: unknown. `status` is as of the close.
    """

    progress: float | None
    confirmed: float | None
    status: str


NO_PART = Part(None, None, "")


class Share(NamedTuple):
    """A goal tells a parent how far it is, per day."""

    goal: str
    days: dict[Day, Part]


class Listen(NamedTuple):
    """A goal asks a source to tell it when it was silent for too long (or to stop)."""

    goal: str
    on: bool


class Silences(NamedTuple):
    """A source tells a goal from when until when (None: still) it was silent for too long."""

    source: str
    silences: list[tuple[Instant, Instant | None]]


class Heard(NamedTuple):
    """What a source was heard saying: hour to the first and last instant in it."""

    hours: dict[int, tuple[Instant, Instant]]


class Counted(NamedTuple):
    """What one intake has counted of a source, per day (UTC): the name of the count to its value."""

    intake: int
    days: dict[Day, dict[str, int]]


class Redefined(NamedTuple):
    """The book changed in a way that concerns this entity; it judges again."""


class Woken(NamedTuple):
    """The time that the entity asked for has come."""


Message = (
    Retracted
    | Deployed
    | Called
    | LinkedChange
    | NamedByDeploy
    | Unlinked
    | Linked
    | Forwarded
    | Tell
    | Child
    | Inherit
    | Follow
    | Adoption
    | ShardDays
    | SaidBy
    | Eligible
    | Pins
    | Flag
    | Released
    | Standing
    | Gaps
    | Promised
    | Work
    | Load
    | Struck
    | AskGrace
    | Grace
    | Reach
    | Share
    | Listen
    | Silences
    | Heard
    | Counted
    | Redefined
    | Woken
)

MESSAGES: dict[str, type[Any]] = {message.__name__: message for message in get_args(Message)}
"""The name of every kind of message, and its record."""
