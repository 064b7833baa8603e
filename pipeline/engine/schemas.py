"""What a signal looks like on the wire: one model per signal type, and its JSON Schema.

The models are TypedDicts because those validate fastest; `decode.py` turns them into the
records of the core. A time stays text here and is read there, for the same reason.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NotRequired, Required, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter

# pydantic asks for this one below Python 3.12: the one of `typing` lacks what it needs.
from typing_extensions import TypedDict

from pipeline.core import signals

_CONFIG = ConfigDict(strict=True, allow_inf_nan=False, use_attribute_docstrings=True)

TIME_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
    r"(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""A time of RFC 3339 with its offset; whether the day exists is found out when it is read."""

_LARGEST = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly."""

Id = Annotated[str, Field(min_length=1)]
Time = Annotated[str, Field(pattern=TIME_PATTERN, json_schema_extra={"format": "date-time"})]
Day = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"}),
]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]


class Status(TypedDict):
    """The state in the tracker's own words, and what it means."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    name: str
    category: signals.Category


class Period(TypedDict):
    """A sprint, a week or a quarter; both days belong to it."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    name: Id
    starts_on: Day
    ends_on: Day


class Environment(TypedDict):
    """Where something runs; tier `production` is what counts as shipped."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    name: Id
    tier: NotRequired[str | None]


class NamedKey(TypedDict):
    """A work item as a change names it: the key, and where it stood."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    key: Id
    via: signals.Via


class WorkItemChanged(TypedDict, total=False):
    """A work item was created or changed. An absent field is unchanged, null clears it."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    work_item: Required[Id]
    """Source id and native id, as `jira:10042`."""
    key: str | None
    """The name that people write, as `PAY-42`."""
    title: str | None
    url: str | None
    kind: signals.Kind | None
    status: Status | None
    team: str | None
    parent: str | None
    """Key or id of the epic."""
    goals: list[str] | None
    subjects: list[str] | None
    labels: list[str] | None
    estimate: float | None
    blocked: bool | None
    period: Period | None
    code: bool | None
    """False: there is nothing to deploy."""
    ready: dict[str, bool] | None
    """Entries of the team's checklist that are met."""
    adoption: Literal["expected", "none_expected"] | None
    reason: str | None


class WorkItemDeleted(TypedDict):
    """A work item was deleted in its tracker."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    work_item: Id


class LinkAsserted(TypedDict, total=False):
    """Somebody or something said that two things belong together."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    from_: Required[Annotated[str, Field(alias="from", min_length=1)]]
    to: Required[Id]
    rel: Required[signals.Rel]
    via: signals.Via | None
    confidence: Annotated[float, Field(ge=0, le=1)] | None


class LinkRetracted(TypedDict, total=False):
    """A link that was asserted no longer holds."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    from_: Required[Annotated[str, Field(alias="from", min_length=1)]]
    to: Required[Id]
    rel: Required[signals.Rel]
    via: signals.Via | None


class ChangeMerged(TypedDict, total=False):
    """A pull request, merge request or commit was merged."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    change: Required[Id]
    """`owner/name!number` or `owner/name@sha`."""
    repository: Required[Id]
    shas: Required[list[str]]
    """Every commit that the change put on its base."""
    base: str | None
    default_branch: bool | None
    """True: merged into the default branch, which is assumed where this is absent."""
    title: str | None
    branch: str | None
    body: str | None
    paths: list[str] | None
    reverts: str | None
    """The change that this one takes back."""
    team: str | None
    first_commit_at: Time | None
    work_items: list[NamedKey] | None


class DeployFinished(TypedDict, total=False):
    """A deploy came to its end, well or badly."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    deploy: Required[Id]
    service: Required[Id]
    environment: Required[Environment]
    outcome: Required[signals.Outcome]
    kind: Required[Literal["deploy", "rollback", "config"]]
    repository: str | None
    sha: str | None
    version: str | None
    started_at: Time | None
    work_items: list[str] | None
    changes: list[str] | None
    cause: Literal["incident", "hotfix"] | None


class SubjectUsed(TypedDict, total=False):
    """An adopter used a subject."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    subject: Required[Id]
    adopter: Required[Id]
    action: str | None
    count: Count | None
    """How many times; once where this is absent."""


class SubjectPinned(TypedDict, total=False):
    """An adopter pinned a version of a package, or dropped the package (version null)."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    package: Required[Id]
    adopter: Required[Id]
    version: Required[str | None]
    previous_version: str | None


class AdoptionVerified(TypedDict, total=False):
    """Somebody said whether a subject solves their problem.

    Without an adopter (method kpi or retired only) it holds for the whole subject.
    """

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    subject: Required[Id]
    verdict: Required[signals.Verdict]
    adopter: Id | None
    method: signals.Method | None
    comment: str | None
    evidence_url: str | None


class Record(TypedDict, total=False):
    """One record of the configuration, as in the files of definitions, and its revision."""

    __pydantic_config__ = ConfigDict(  # type: ignore[misc]
        strict=True, use_attribute_docstrings=True, extra="allow"
    )
    id: Required[Id]
    revision: Count | None


class SubjectDefined(Record, total=False):
    """A version of a subject, as in the files of definitions."""


class GoalDefined(Record, total=False):
    """A version of a goal, as in the files of definitions."""


class TeamDefined(Record, total=False):
    """A version of a team, as in the files of definitions."""


class ServiceDefined(Record, total=False):
    """A version of a service, as in the files of definitions."""


class RecordDefined(TypedDict, total=False):
    """A version of any other record of the definitions; internal."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    kind: Required[
        Literal[
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
    ]
    id: Required[Id]
    record: Required[dict[str, Any]]
    revision: Count | None
    removed: bool | None
    """True: the configuration no longer has this version of the record."""


class GoalWithdrawn(TypedDict, total=False):
    """A goal was given up."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    goal: Required[Id]
    reason: str | None


class KpiMeasured(TypedDict, total=False):
    """A reading of the number that a goal is measured by."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    goal: Required[Id]
    value: Required[float]
    numerator: float | None
    denominator: float | None


class CommitmentMade(TypedDict, total=False):
    """A team said what it will finish in a period."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    team: Required[Id]
    period: Required[Period]
    work_items: Required[list[str]]
    goals: list[str] | None


class IncidentOpened(TypedDict, total=False):
    """Something broke."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    incident: Required[Id]
    service: str | None
    team: str | None
    severity: str | None
    deploy: str | None
    """The deploy that is held to have caused it."""


class IncidentResolved(IncidentOpened, total=False):
    """It works again."""


class FlagChanged(TypedDict, total=False):
    """A feature flag was switched or rolled out further."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    flag: Required[Id]
    environment: Required[Environment]
    on: Required[bool]
    subject: str | None
    rollout: Annotated[float, Field(ge=0, le=100)] | None
    """Percent of those who could see it."""


class SourceSeen(TypedDict):
    """A heartbeat: the source works, nothing else is new."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    source: Id


class DecisionRecorded(TypedDict, total=False):
    """A role or a team decided about a finding, a goal or a deploy."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    about: Required[Id]
    decision: Required[signals.Decision]
    by: Required[Id]
    reason: Required[str]
    until: Time | None
    owner: str | None
    next_step: str | None
    status: str | None
    """The status to show instead, for decision override."""


class Tick(TypedDict):
    """Says that the signal's time has come; it carries no data."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]


DATA: dict[str, Any] = {
    "delivery.work_item.changed.v1": WorkItemChanged,
    "delivery.work_item.deleted.v1": WorkItemDeleted,
    "delivery.link.asserted.v1": LinkAsserted,
    "delivery.link.retracted.v1": LinkRetracted,
    "delivery.change.merged.v1": ChangeMerged,
    "delivery.deploy.finished.v1": DeployFinished,
    "delivery.subject.used.v1": SubjectUsed,
    "delivery.subject.pinned.v1": SubjectPinned,
    "delivery.adoption.verified.v1": AdoptionVerified,
    "delivery.subject.defined.v1": SubjectDefined,
    "delivery.goal.defined.v1": GoalDefined,
    "delivery.team.defined.v1": TeamDefined,
    "delivery.service.defined.v1": ServiceDefined,
    "delivery.record.defined.v1": RecordDefined,
    "delivery.goal.withdrawn.v1": GoalWithdrawn,
    "delivery.kpi.measured.v1": KpiMeasured,
    "delivery.commitment.made.v1": CommitmentMade,
    "delivery.incident.opened.v1": IncidentOpened,
    "delivery.incident.resolved.v1": IncidentResolved,
    "delivery.flag.changed.v1": FlagChanged,
    "delivery.source.seen.v1": SourceSeen,
    "delivery.decision.recorded.v1": DecisionRecorded,
    "delivery.tick.v1": Tick,
}
"""Signal type to the model of its data; the same types as `pipeline.core.signals.TYPES`."""

TypeName = TypeVar("TypeName")
Data = TypeVar("Data")


class Envelope(TypedDict, Generic[TypeName]):
    """The attributes of a CloudEvent 1.0 that we read; any others are let pass."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]
    specversion: Literal["1.0"]
    id: Id
    """Unique within the source: a signal with both the same is a duplicate."""
    source: Id
    type: TypeName
    time: Time
    """When it happened."""
    recordedtime: NotRequired[Time | None]
    """When it was first received; its own time where this is absent."""
    sequence: NotRequired[str | int | None]
    """The place among the signals of this source about the same thing."""
    subject: NotRequired[str | None]


class Event(Envelope[TypeName], Generic[TypeName, Data]):
    """A CloudEvent with data."""

    data: Data


class DatalessEvent(Envelope[TypeName], Generic[TypeName]):
    """A CloudEvent whose data, if any, says nothing."""

    data: NotRequired[Any]


def _subscript(form: Any, item: Any) -> Any:
    return form[item]


def event_model(name: str) -> Any:
    """The model of a whole signal of this type."""
    # Subscribed as values: a type checker cannot follow types that stand in a dict.
    literal = _subscript(Literal, name)
    if DATA[name] is Tick:
        return _subscript(DatalessEvent, literal)
    return _subscript(Event, (literal, DATA[name]))


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a signal of this type in structured mode."""
    model = TypeAdapter[Any](event_model(name))
    schema = model.json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = name
    schema["description"] = DATA[name].__doc__
    return schema


def _texts() -> dict[str, str]:
    return {
        f"{name}.json": json.dumps(json_schema(name), indent=2, sort_keys=True) + "\n"
        for name in DATA
    }


def write_schemas(directory: Path) -> list[Path]:
    """Write one file per signal type; nothing is removed, the folder may be anybody's."""
    texts = _texts()
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in sorted(texts.items()):
        path = directory / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def stale_schemas(directory: Path) -> list[Path]:
    """The files that are missing, not as `write_schemas` writes them, or of no type."""
    texts = _texts()
    stale = {path for path in directory.glob("delivery.*.json") if path.name not in texts}
    for name, text in texts.items():
        path = directory / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.add(path)
    return sorted(stale)
