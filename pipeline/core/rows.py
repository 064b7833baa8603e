"""What ClickHouse shall hold: one record per table row, its key fields first.

Rows are absolute: a row replaces the earlier row with the same key. Instants are milliseconds
UTC, days are days since 1970-01-01 in the calendar of the entity, `None` is unknown.
"""

from typing import Any, NamedTuple

from pipeline.core.signals import Instant

Day = int
"""Days since 1970-01-01."""


class WorkItemRow(NamedTuple):
    work_item: str
    key: str
    title: str
    url: str
    kind: str
    team: str
    goals: list[str]
    subjects: list[str]
    created_at: Instant
    state: str
    reasons: list[str]
    state_since: Instant
    started_at: Instant | None
    closed_at: Instant | None
    shipped_at: Instant | None
    adopted_at: Instant | None
    verified_at: Instant | None
    claimed_at: Instant | None
    done_at: Instant | None
    basically_done: bool
    parent: str
    exempt: bool
    source: str


class WorkItemStateRow(NamedTuple):
    work_item: str
    position: int
    state: str
    reasons: list[str]
    effective_at: Instant
    confirmed_at: Instant
    left_at: Instant | None


class WorkInProgressRow(NamedTuple):
    """A stretch in which a team had a work item in work, always for the same goals."""

    work_item: str
    position: int
    team: str
    goals: list[str]
    started_at: Instant
    since: Instant
    until: Instant | None


class FinishedWorkRow(NamedTuple):
    """A work item that was said to be finished; `usual` are the days that were promised then."""

    work_item: str
    team: str
    kind: str
    goals: list[str]
    exempt: bool
    started_at: Instant | None
    finished_at: Instant
    usual: float | None
    reopened_at: Instant | None


class GapRow(NamedTuple):
    """How long a work item of a team took from one stage to the next, the first time."""

    team: str
    stage: str
    work_item: str
    began_at: Instant
    ended_at: Instant


class TeamWeekRow(NamedTuple):
    """A week of a team that has had work, from its Monday to its close in the team's zone."""

    team: str
    week: Day
    opens_at: Instant
    closes_at: Instant


class PeriodRow(NamedTuple):
    """A period for which a team committed to something, frozen at its second working day."""

    team: str
    period: str
    starts_on: Day
    ends_on: Day
    starts_at: Instant
    frozen_at: Instant
    ends_at: Instant


class CommitmentRow(NamedTuple):
    """A work item of a period: committed, or added later; and what it had reached by its end.

    `removed` says how it went: `moved`, `dropped` or `deleted`.
    """

    team: str
    period: str
    work_item: str
    committed: bool
    added: bool
    removed: str
    carried: bool
    closed: bool
    shipped: bool
    adopted: bool
    verified: bool


class FindingRow(NamedTuple):
    finding_id: str
    rule: str
    about_kind: str
    about: str
    goal_id: str
    goals: list[str]
    team: str
    reasons: list[str]
    severity: str
    raised_at: Instant
    cleared_at: Instant | None
    evidence: list[str]
    explanation: str
    subject: str
    next_step: str


class LinkRow(NamedTuple):
    """`said_by` tells the writers apart: a name that nobody has, and the work item it becomes."""

    from_: str
    to: str
    via: str
    said_by: str
    rel: str
    confidence: float
    confirmed_at: Instant
    drives_state: bool


class DeployRow(NamedTuple):
    """`week` is the local Monday before it finished, `rolled_back_at` when it was found wanting.

    `working_days` are those of the 28 days that end with this week, and with the next three;
    `working_days_90` those of the 90 days that end with this week, and with the next twelve.
    """

    deploy: str
    repository: str
    service: str
    environment: str
    tier: str
    sha: str
    version: str
    outcome: str
    kind: str
    finished_at: Instant
    changes: list[str]
    work_items: list[str]
    team: str
    changeset_unknown: bool
    cause: str
    source: str
    week: Day
    working_days: list[int]
    rolled_back_at: Instant | None
    day: Day
    working_days_90: list[int]


class ChangeShippedRow(NamedTuple):
    """`deploy` brought it first; `reverted_at` is when a revert of it was merged soon after that.

    `removed_at` is when it first left production again.
    """

    change: str
    service: str
    repository: str
    merged_at: Instant
    shipped_at: Instant | None
    first_commit_at: Instant | None
    source: str
    deploy: str
    reverted_at: Instant | None
    removed_at: Instant | None


class IncidentRow(NamedTuple):
    incident: str
    service: str
    team: str
    severity: str
    deploy: str
    opened_at: Instant | None
    resolved_at: Instant | None


class AdoptionDayRow(NamedTuple):
    """Counts of adopters of one subject on one day; `retained_of` is the base of `retained`."""

    subject: str
    day: Day
    adopters: int
    active_7: int
    active_28: int
    new: int
    resurrected: int
    churned: int
    left: int
    activated: int
    retained: int
    retained_of: int
    eligible: int | None
    verified_yes: int
    verified_no: int
    responded: int


class AdopterRow(NamedTuple):
    """`joined_at` is when the adopter became eligible; None means from the beginning."""

    subject: str
    adopter: str
    owner: str
    eligible: bool
    joined_at: Instant | None
    first_used_at: Instant | None
    adopted_at: Instant | None
    left_at: Instant | None
    version: str
    stays: list[tuple[Instant, Instant | None]]


class SubjectRow(NamedTuple):
    """`confirmed_at` is when it was last said for whom the subject is meant."""

    subject: str
    title: str
    unit: str
    team: str
    target: float | None
    target_kind: str
    released_at: Instant | None
    timezone: str
    confirmed_at: Instant | None
    package: str


class NameRow(NamedTuple):
    """Whether it is known what a name stands for: of a `team`, a `service` or an `adopter`.

    Teams and services are there when they are defined, adopters when their subject says for whom
    it is meant and has never heard of them.
    """

    kind: str
    name: str
    subject: str
    known: bool


class VerificationRow(NamedTuple):
    subject: str
    adopter: str
    at: Instant
    id: str
    verdict: str
    method: str
    comment: str
    evidence_url: str


class DecisionRow(NamedTuple):
    about: str
    at: Instant
    id: str
    decision: str
    by: str
    reason: str
    owner: str
    next_step: str
    status: str
    until: Instant | None


class GoalRow(NamedTuple):
    goal_id: str
    title: str
    level: str
    parents: list[str]
    owners: list[str]
    pm: str
    class_: str
    metric_kind: str
    baseline: float | None
    target: float | None
    value: float | None
    progress: float | None
    delta_1d: float | None
    planned: float | None
    pace: float | None
    days_ahead: float | None
    status: str
    stalled_since: Instant | None
    starts_on: Day | None
    due_on: Day | None
    days_left: int | None
    hit_on: Day | None
    edits_after_commitment: int
    retargeted: bool
    as_of: Instant
    known_weight: float | None
    unit: str
    subject: str
    why: str
    sources: list[str]
    hit_by_p50: Day | None
    hit_by_p85: Day | None
    p_hit: float | None


class GoalProgressRow(NamedTuple):
    goal_id: str
    day: Day
    value: float | None
    baseline: float | None
    target: float | None
    progress: float | None
    planned: float | None
    delta_1d: float | None
    movement: float | None
    restatement: float | None
    status: str


class GoalVersionRow(NamedTuple):
    goal_id: str
    from_at: Instant
    baseline: float | None
    target: float | None
    due_on: Day | None
    class_: str
    weight: float | None
    by: str


class ForecastRow(NamedTuple):
    """What was expected on a day; `low` to `high` is the central interval of the share `interval`.

    `horizon` is 0 where days are forecast. `due_on` is the date that `p_hit` is about.
    """

    about_kind: str
    about: str
    quantity: str
    made_on: Day
    horizon: int
    scenario: str
    p10: float | None
    p50: float | None
    p85: float | None
    p_hit: float | None
    p_never: float | None
    basis: str
    due_on: Day | None
    low: float | None
    high: float | None
    interval: float


class ForecastCalibrationRow(NamedTuple):
    """How right forecasts were, beside those of a simpler kind (`against`).

    `coverage` is that of `n` intervals which were to hold the share `interval`, of days that of
    P85; `brier` is about `chances`.
    """

    about_kind: str
    quantity: str
    horizon: int
    against: str
    n: int
    coverage: float | None
    interval_score: float | None
    brier: float | None
    skill: float | None
    pinball: float | None
    interval: float
    chances: int


class SourceDayRow(NamedTuple):
    """Arrival counts of one source and day (of event time, UTC)."""

    source: str
    day: Day
    signals: int
    duplicates: int
    late: int
    skewed: int
    too_late: int


class SourceRow(NamedTuple):
    source: str
    last_at: Instant
    stale_after: Instant | None


class ClockRow(NamedTuple):
    """The as-of instant of the store: the newest tick."""

    name: str
    at: Instant


class PublishedRow(NamedTuple):
    """What was said, append-only: `value` as JSON text, `known_at` the newest receipt used."""

    kind: str
    about: str
    day: Day
    known_at: Instant
    value: str


class RejectionRow(NamedTuple):
    rejection_id: str
    source: str
    received_at: Instant
    reason: str
    detail: str
    file: str
    line: int
    bytes: bytes


Row = (
    WorkItemRow
    | WorkItemStateRow
    | WorkInProgressRow
    | FinishedWorkRow
    | GapRow
    | TeamWeekRow
    | PeriodRow
    | CommitmentRow
    | FindingRow
    | LinkRow
    | DeployRow
    | ChangeShippedRow
    | IncidentRow
    | AdoptionDayRow
    | AdopterRow
    | SubjectRow
    | NameRow
    | VerificationRow
    | DecisionRow
    | GoalRow
    | GoalProgressRow
    | GoalVersionRow
    | ForecastRow
    | ForecastCalibrationRow
    | SourceDayRow
    | SourceRow
    | ClockRow
    | PublishedRow
    | RejectionRow
)

TABLES: dict[type[Any], tuple[str, int]] = {
    WorkItemRow: ("work_items", 1),
    WorkItemStateRow: ("work_item_states", 2),
    WorkInProgressRow: ("work_in_progress", 2),
    FinishedWorkRow: ("finished_work", 1),
    GapRow: ("gaps", 3),
    TeamWeekRow: ("team_weeks", 2),
    PeriodRow: ("periods", 2),
    CommitmentRow: ("commitments", 3),
    FindingRow: ("findings", 1),
    LinkRow: ("links", 4),
    DeployRow: ("deploys", 2),
    ChangeShippedRow: ("changes_shipped", 2),
    IncidentRow: ("incidents", 1),
    AdoptionDayRow: ("adoption_days", 2),
    AdopterRow: ("adopters", 2),
    SubjectRow: ("subjects", 1),
    NameRow: ("names", 3),
    VerificationRow: ("verifications", 4),
    DecisionRow: ("decisions", 3),
    GoalRow: ("goals", 1),
    GoalProgressRow: ("goal_progress", 2),
    GoalVersionRow: ("goal_versions", 2),
    ForecastRow: ("forecasts", 6),
    ForecastCalibrationRow: ("forecast_calibrations", 4),
    SourceDayRow: ("source_days", 2),
    SourceRow: ("sources", 1),
    ClockRow: ("clock", 1),
    PublishedRow: ("published", 4),
    RejectionRow: ("rejections", 1),
}
"""Row type to its table and to the number of leading fields that make its key."""

Key = tuple[type[Any], tuple[Any, ...]]
"""Which row: its type and its key fields."""


def key_of(row: Row) -> Key:
    kind = type(row)
    return kind, tuple(row[: TABLES[kind][1]])


class Gone(NamedTuple):
    """The row of this table with this key is no longer true; it leaves the views."""

    row_type: type[Any]
    key: tuple[Any, ...]
