"""What can happen: one frozen record per signal type, and the signal that carries it.

Instants are whole milliseconds since 1970-01-01 UTC. A field that is `None` was absent in the
signal, so nothing is known or nothing changed; in `WorkItemChanged.cleared` stand the names of
the fields that the signal explicitly set to null.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Instant = int
"""Milliseconds since 1970-01-01T00:00:00Z."""

Category = Literal["todo", "doing", "waiting", "done", "dropped"]
Kind = Literal["feature", "bug", "chore", "incident", "support", "epic", "other"]
Via = Literal[
    "manual",
    "native",
    "keyword",
    "title",
    "commit",
    "branch",
    "release_note",
    "mention",
    "inferred",
]
Rel = Literal["implements", "closes", "parent", "delivers", "measures"]
Outcome = Literal["success", "failure", "error", "timeout", "cancellation", "skip"]
Verdict = Literal["yes", "partly", "no"]
Method = Literal["attested", "survey", "kpi", "retired"]
Decision = Literal[
    "ack",
    "snooze",
    "accept",
    "escalate",
    "override",
    "useful",
    "not_useful",
    "failed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    name: str
    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    name: str
    starts_on: str
    ends_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    name: str
    tier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKey:
    """A work item as a change names it: the key, and where it stood."""

    key: str
    via: Via


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItemChanged:
    work_item: str
    key: str | None = None
    title: str | None = None
    url: str | None = None
    kind: Kind | None = None
    status: Status | None = None
    team: str | None = None
    parent: str | None = None
    goals: list[str] | None = None
    subjects: list[str] | None = None
    labels: list[str] | None = None
    estimate: float | None = None
    blocked: bool | None = None
    period: Period | None = None
    code: bool | None = None
    ready: dict[str, bool] | None = None
    adoption: Literal["expected", "none_expected"] | None = None
    reason: str | None = None
    cleared: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItemDeleted:
    work_item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAsserted:
    from_: str
    to: str
    rel: Rel
    via: Via = "manual"
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRetracted:
    from_: str
    to: str
    rel: Rel
    via: Via = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMerged:
    change: str
    repository: str
    shas: list[str]
    base: str | None = None
    default_branch: bool | None = None
    title: str | None = None
    branch: str | None = None
    body: str | None = None
    paths: list[str] | None = None
    reverts: str | None = None
    team: str | None = None
    first_commit_at: Instant | None = None
    work_items: list[NamedKey] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployFinished:
    deploy: str
    service: str
    environment: Environment
    outcome: Outcome
    kind: Literal["deploy", "rollback", "config"]
    repository: str | None = None
    sha: str | None = None
    version: str | None = None
    started_at: Instant | None = None
    work_items: list[str] | None = None
    changes: list[str] | None = None
    cause: Literal["incident", "hotfix"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectUsed:
    subject: str
    adopter: str
    action: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectPinned:
    package: str
    adopter: str
    version: str | None
    previous_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionVerified:
    subject: str
    verdict: Verdict
    adopter: str | None = None
    method: Method | None = None
    comment: str | None = None
    evidence_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """One version of one record of the configuration; `record` is as the contract writes it.

    `removed`: the configuration no longer has this version.
    """

    kind: Literal[
        "organisation",
        "team",
        "service",
        "subject",
        "goal",
        "scenario",
        "source",
        "audience",
        "notify",
        "rules",
    ]
    id: str
    record: dict[str, Any]
    revision: int | None = None
    removed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalWithdrawn:
    goal: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiMeasured:
    goal: str
    value: float
    numerator: float | None = None
    denominator: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentMade:
    team: str
    period: Period
    work_items: list[str]
    goals: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentOpened:
    incident: str
    service: str | None = None
    team: str | None = None
    severity: str | None = None
    deploy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentResolved:
    incident: str
    service: str | None = None
    team: str | None = None
    severity: str | None = None
    deploy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagChanged:
    flag: str
    environment: Environment
    on: bool
    subject: str | None = None
    rollout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSeen:
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecorded:
    about: str
    decision: Decision
    by: str
    reason: str
    until: Instant | None = None
    owner: str | None = None
    next_step: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Says that the signal's time has come."""


Fact = (
    WorkItemChanged
    | WorkItemDeleted
    | LinkAsserted
    | LinkRetracted
    | ChangeMerged
    | DeployFinished
    | SubjectUsed
    | SubjectPinned
    | AdoptionVerified
    | Defined
    | GoalWithdrawn
    | KpiMeasured
    | CommitmentMade
    | IncidentOpened
    | IncidentResolved
    | FlagChanged
    | SourceSeen
    | DecisionRecorded
    | Tick
)

TYPES: dict[str, type[Any]] = {
    "delivery.work_item.changed.v1": WorkItemChanged,
    "delivery.work_item.deleted.v1": WorkItemDeleted,
    "delivery.link.asserted.v1": LinkAsserted,
    "delivery.link.retracted.v1": LinkRetracted,
    "delivery.change.merged.v1": ChangeMerged,
    "delivery.deploy.finished.v1": DeployFinished,
    "delivery.subject.used.v1": SubjectUsed,
    "delivery.subject.pinned.v1": SubjectPinned,
    "delivery.adoption.verified.v1": AdoptionVerified,
    "delivery.goal.withdrawn.v1": GoalWithdrawn,
    "delivery.kpi.measured.v1": KpiMeasured,
    "delivery.commitment.made.v1": CommitmentMade,
    "delivery.incident.opened.v1": IncidentOpened,
    "delivery.incident.resolved.v1": IncidentResolved,
    "delivery.flag.changed.v1": FlagChanged,
    "delivery.source.seen.v1": SourceSeen,
    "delivery.decision.recorded.v1": DecisionRecorded,
    "delivery.tick.v1": Tick,
    "delivery.subject.defined.v1": Defined,
    "delivery.goal.defined.v1": Defined,
    "delivery.team.defined.v1": Defined,
    "delivery.service.defined.v1": Defined,
    "delivery.record.defined.v1": Defined,
}
"""Signal type to the record of its data; `record.defined` carries the other kinds of the book."""


class Order(NamedTuple):
    """The place of a fact among the facts of an entity (semantics 3.3)."""

    at: Instant
    source: str
    sequence: tuple[int, int, str]
    id: str


def sequence_key(sequence: str | None) -> tuple[int, int, str]:
    """A sequence compares as a number where it is one; without one a fact comes first."""
    if sequence is None:
        return (0, 0, "")
    if sequence.isascii() and sequence.isdigit():
        return (1, *number_key(sequence))
    return (2, 0, sequence)


_PLAIN_DIGITS = 18


def number_key(digits: str) -> tuple[int, str]:
    """Orders whole numbers of any length, each as a number of 8 bytes (and its digits)."""
    if len(digits) > _PLAIN_DIGITS:
        digits = digits.lstrip("0")
        if len(digits) > _PLAIN_DIGITS:
            # Of two such numbers the one with more digits is larger, else its digits tell.
            return (10**_PLAIN_DIGITS + len(digits), digits)
    return (int(digits or "0"), "")


@dataclass(frozen=True, slots=True)
class Signal:
    """An immutable fact that reached us.

    `at` is when it happened (event time, corrected for skew), `recorded_at` when we first got
    it. `data` is the record that belongs to `type`.
    """

    id: str
    source: str
    at: Instant
    recorded_at: Instant
    data: Fact
    sequence: str | None = None

    @property
    def order(self) -> Order:
        return Order(self.at, self.source, sequence_key(self.sequence), self.id)
