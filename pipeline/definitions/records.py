"""The shape of every record of the configuration as code.

What the contract calls required is required here, but for goals: a goal that lacks something is
kept and shown as incomplete (`Goal.lacks`), since a half-written goal is still worth showing.
Defaults that judgements use are those of the core; `None` here means "not said".
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

T = TypeVar("T")

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Monday is 0."""

SOURCE_KINDS = (
    "github",
    "gitlab",
    "jira",
    "linear",
    "azure-devops",
    "bitbucket",
    "argo-cd",
    "flux",
    "kubernetes",
    "spinnaker",
    "cdevents",
    "cloudevents",
    "segment",
    "rudderstack",
    "posthog",
    "launchdarkly",
    "openfeature",
    "unleash",
    "dependency-track",
    "pagerduty",
    "alertmanager",
    "typeform",
    "standard-webhooks",
    "http",
)
"""Systems that a source may be; the last three send signals or plain facts by themselves."""


def _day(value: object) -> object:
    """A date as YYYY-MM-DD; pydantic alone would also take times and seconds."""
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            raise ValueError("is no date; write it as 2026-03-31")
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError("is no day of the calendar") from None
    return value


def _text(value: object) -> object:
    """Whole numbers are fine as ids and names; 1.10 would come out as 1.1."""
    if isinstance(value, float):
        raise ValueError("is read as a number and may lose digits; put it in quotes")  # noqa: TRY004
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _named(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    if value != value.strip() or not value.isprintable():
        raise ValueError("has blanks at an end, or characters that do not print")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise ValueError("is no IANA time zone") from None
    return value


def _weekdays(value: object) -> object:
    """`mon-fri`, `sun-thu`, `mon,wed,fri`, or a list of names or numbers (Monday is 0)."""
    parts = value.lower().split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("is no working week; write mon-fri, or a list of days")  # noqa: TRY004
    days: set[int] = set()
    for part in parts:
        if isinstance(part, int) and not isinstance(part, bool):
            span = [part, part]
        else:
            names = [name.strip()[:3] for name in str(part).lower().split("-")]
            span = [WEEKDAYS.index(name) if name in WEEKDAYS else -1 for name in names]
        if len(span) > 2 or not all(0 <= day <= 6 for day in span):
            raise ValueError(f"has no day {part!s}; days are {', '.join(WEEKDAYS)}")
        first, last = span[0], span[-1]
        days.update((first + n) % 7 for n in range((last - first) % 7 + 1))
    if not days:
        raise ValueError("has no working day")
    return tuple(sorted(days))


def _clock(value: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value, re.ASCII):
        raise ValueError("is no time of day; write it as 07:30")
    return value


def _span(value: str) -> str:
    first, _, last = value.partition("-")
    for hour in (first, last):
        try:
            _clock(hour.strip())
        except ValueError:
            raise ValueError("is no span of hours; write it as 18:00-08:00") from None
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value, re.ASCII):
        raise ValueError("is no name of an environment variable; secrets never stand here")
    return value


def _hour_or_day(value: object) -> object:
    """A day, or a moment with its offset; kept as text, the core reads it."""
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("is neither a date nor a time") from None
        if len(value) > 10 and moment.tzinfo is None:
            raise ValueError("has no offset; add Z or +01:00")
    return value


Text = Annotated[str, BeforeValidator(_text)]
Id = Annotated[Text, AfterValidator(_named)]
Day = Annotated[dt.date, BeforeValidator(_day)]
Zone = Annotated[str, AfterValidator(_zone)]
Weekdays = Annotated[tuple[int, ...], BeforeValidator(_weekdays)]
Clock = Annotated[str, AfterValidator(_clock)]
Variable = Annotated[str, AfterValidator(_variable)]
Number = int | float
Share = Annotated[Number, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
# YAML has lists, a frozen record has tuples: only the outside of these is lenient.
Many = Annotated[tuple[T, ...], Strict(strict=False)]


class Record(BaseModel):
    """A part of the configuration: frozen, of exactly the types it names, no other keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=False
    )

    @model_validator(mode="before")
    @classmethod
    def _note_keys(cls, data: Any, info: ValidationInfo) -> Any:
        """Tell the reader which keys this place knows, so that it can suggest the nearest."""
        if info.context is not None and isinstance(data, dict):
            info.context[id(data)] = cls.keys()
        return data

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """The keys of this record as a file spells them."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    def written(self) -> dict[str, Any]:
        """What was said, as JSON would say it: no defaults, names as in the file."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Versioned(Record):
    """A record of a list; with `from` it is one version of what has its id."""

    id: Id
    from_: Day | None = Field(None, alias="from")
    title: Text | None = None


class Calendar(Record):
    """Days and hours; where it is silent, the team's or the organisation's hold."""

    timezone: Zone | None = None
    working_days: Weekdays | None = None
    holidays: Many[Day] | None = None


class Privacy(Record):
    """`hashed`: adopters that are users or accounts are stored as hashes only."""

    adopters: Literal["hashed", "plain"] | None = None


class Organisation(Calendar):
    """Whose pipeline this is, and its calendar."""

    name: Text | None = None
    epoch: Day | None = None
    privacy: Privacy | None = None


class Team(Versioned, Calendar):
    """Who works; `ready` is its checklist that an item must pass to be done."""

    people: Annotated[Number, Field(ge=0)] | None = None
    channels: dict[str, Text] | None = None
    ready: Many[Id] | None = None


class Service(Versioned):
    """What is deployed from where; with `releases` a library, shipped by release or tag."""

    repository: Id
    team: Id
    environments: dict[str, Text] | None = None
    paths: Many[Text] | None = None
    subjects: Many[Id] | None = None
    releases: Text | None = None


class Usage(Record):
    """Adopted by use: `actions` on `days` days `within` so many, and in the last `active`."""

    kind: Literal["usage"]
    actions: Positive | None = None
    days: Positive | None = None
    within: Positive | None = None
    active: Positive | None = None


class Pinned(Record):
    """Adopted by depending on a version of a package, at least this one."""

    kind: Literal["pinned"]
    package: Id
    at_least: Id


class EligibleCount(Record):
    """How many could adopt, where nobody has the list."""

    count: Positive


class AdoptionTarget(Record):
    """How many adopters, or which share of the eligible, held for how many days."""

    adopters: Annotated[Number, Field(gt=0)] | None = None
    share: Annotated[Number, Field(gt=0, le=1)] | None = None
    hold_days: Positive | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.adopters is None) == (self.share is None):
            raise ValueError("needs either adopters or share")
        return self


class Verification(Record):
    """How many adopters must say yes, how many no refute it, for how many days it holds."""

    share: Share | None = None
    yes: Annotated[int, Field(ge=0)] | None = None
    refuted: Share | None = None
    valid: Positive | None = None


class Work(Record):
    """Which work items: by label, by epic (key or id), by key or id."""

    labels: Many[Text] | None = None
    epics: Many[Text] | None = None
    work_items: Many[Text] | None = None


def _listed(value: object) -> str:
    return "list" if isinstance(value, list | tuple) else "count"


Eligible = Annotated[
    Annotated[Many[Id], Tag("list")] | Annotated[EligibleCount, Tag("count")],
    Discriminator(_listed),
]


class Subject(Versioned, Calendar):
    """A capability whose adoption is measured."""

    team: Id | None = None
    unit: Literal["user", "team", "account", "service", "repo"]
    measure: Annotated[Usage | Pinned, Field(discriminator="kind")]
    eligible: Eligible | None = None
    target: AdoptionTarget | None = None
    verification: Verification | None = None
    work: Work | None = None
    flags: Many[Id] | None = None
    hold_days: Positive | None = None
    released_at: Annotated[str, BeforeValidator(_hour_or_day)] | None = None

    def written(self) -> dict[str, Any]:
        """As said, with `hold_days` where the target is: it may stand beside or in it."""
        record = super().written()
        if isinstance(record.get("target"), dict) and "hold_days" in record:
            record["target"].setdefault("hold_days", record.pop("hold_days"))
        return record


class Parent(Record):
    """The goal above, and what this one weighs in it."""

    id: Id
    weight: Annotated[Number, Field(gt=0)] | None = None
    required: bool | None = None


class Metric(Record):
    """What a goal is measured by; which fields it needs depends on `kind`."""

    kind: (
        Literal["adoption", "kpi", "work", "rollup", "milestone", "migrate", "sustain"] | None
    ) = None
    subject: Id | None = None
    unit: Text | None = None
    source: Id | None = None
    baseline: Number | None = None
    target: Number | None = None
    verified: Share | None = None
    at: Literal["closed", "shipped", "adopted", "verified"] | None = None
    count: bool | None = None
    band: Many[Number] | None = None
    periods: Positive | None = None

    @field_validator("band")
    @classmethod
    def _two(cls, band: tuple[Number, ...] | None) -> tuple[Number, ...] | None:
        if band is not None and (len(band) != 2 or band[0] > band[1]):
            raise ValueError("is no band; write [lowest, highest]")
        return band

    @model_validator(mode="after")
    def _unit(self) -> Self:
        if self.kind == "adoption" and self.unit not in {None, "adopters", "share"}:
            raise ValueError("unit of an adoption is adopters or share")
        return self

    def lacks(self) -> Iterator[str]:
        """What is missing to measure by it."""
        if self.kind is None:
            yield "no metric.kind"
            return
        if self.kind in {"adoption", "migrate"} and self.subject is None:
            yield "no metric.subject"
        if self.kind == "sustain" and (self.band is None or self.periods is None):
            yield "no metric.band and metric.periods"
        # These kinds know where they begin and where they end.
        ends = {"milestone": (0, 1), "rollup": (0, 1), "sustain": (0, 1), "migrate": (None, 0)}
        first, last = ends.get(self.kind, (None, None))
        baseline = first if self.baseline is None else self.baseline
        target = last if self.target is None else self.target
        if baseline is None:
            yield "no metric.baseline"
        if target is None:
            yield "no metric.target"
        elif target == baseline:
            yield "metric.target equals metric.baseline"


class Step(Record):
    """What the plan expects from a day on."""

    on: Day
    value: Number


class Steps(Record):
    """A plan of one's own, as steps."""

    steps: Many[Step]

    @field_validator("steps")
    @classmethod
    def _ascending(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        days = [step.on for step in steps]
        if not days or any(b <= a for a, b in pairwise(days)):
            raise ValueError("must be dates in ascending order, at least one")
        return steps


def _stepped(value: object) -> str:
    return "steps" if isinstance(value, Mapping | Steps) else "named"


Plan = Annotated[
    Annotated[Literal["linear", "s_curve"], Tag("named")] | Annotated[Steps, Tag("steps")],
    Discriminator(_stepped),
]


class Goal(Versioned, Calendar):
    """What somebody wants, by when, and how it is measured."""

    level: Literal["vision", "business", "user", "product", "sprint"] | None = None
    parents: Many[Parent] | None = None
    owners: Many[Id] | None = None
    pm: Id | None = None
    class_: Literal["committed", "stretch"] | None = Field(None, alias="class")
    metric: Metric | None = None
    plan: Plan | None = None
    starts_on: Day | None = None
    due_on: Day | None = None
    work: Work | None = None

    @field_validator("parents", mode="before")
    @classmethod
    def _named(cls, parents: object) -> object:
        """A parent may be named by its id alone."""
        if not isinstance(parents, list):
            return parents
        return [{"id": parent} if isinstance(parent, str) else parent for parent in parents]

    def lacks(self) -> Iterator[str]:
        """What a measurable goal needs and this one has not (semantics 9.1)."""
        if self.level is None:
            yield "no level"
        if self.level == "vision":
            return
        for key in ("owners", "starts_on", "due_on", "metric"):
            if not getattr(self, key):
                yield f"no {key}"
        if self.metric is not None:
            yield from self.metric.lacks()


class Scenario(Versioned):
    """Assumptions under which a goal's forecast is also made."""

    goal: Id
    people: Annotated[Number, Field(ge=0)] | None = None
    support: Share | None = None
    wip: Annotated[Number, Field(ge=0)] | None = None


class Project(Record):
    """What holds for a project, board or repository of a source."""

    team: Id | None = None


class DeployRule(Record):
    """Which runs at the source are deploys; other keys match what the source says of a run."""

    model_config = ConfigDict(extra="allow")

    service: Id
    environment: Text | None = None


class UseRule(Record):
    """Which events are uses of a subject; other keys match what the source says of an event."""

    model_config = ConfigDict(extra="allow")

    event: Text | None = None
    subject: Id
    adopter: Text | None = None


class Source(Versioned):
    """An outside system; secrets are named by the variable that holds them."""

    kind: Literal[SOURCE_KINDS]  # type: ignore[valid-type]
    token_env: Variable | None = None
    secret_envs: Many[Variable] | None = None
    api_token_env: Variable | None = None
    api_url: Text | None = None
    projects: dict[str, Project] | None = None
    statuses: dict[str, Literal["todo", "doing", "waiting", "done", "dropped"]] | None = None
    deploys: Many[DeployRule] | None = None
    uses: Many[UseRule] | None = None


class Reader(Versioned):
    """Somebody who gets the digest (a role, not a person)."""

    role: Literal["pm", "team", "manager", "leadership", "platform", "admin"]
    goals: Many[Id] | None = None
    teams: Many[Id] | None = None
    channels: dict[str, Text] | None = None
    escalates_to: Id | None = None


class Notify(Record):
    """When and how often somebody is told."""

    digest_at: Clock | None = None
    quiet: Annotated[str, AfterValidator(_span)] | None = None
    immediate_per_week: Annotated[int, Field(ge=0)] | None = None


class Grace(Record):
    """Working days in a state before the work is only basically done."""

    default: Annotated[int, Field(ge=0)] | None = None
    min: Annotated[int, Field(ge=0)] | None = None
    max: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        said = [n for n in (self.min, self.default, self.max) if n is not None]
        if said != sorted(said):
            raise ValueError("must have min <= default <= max")
        return self


class BasicallyDone(Record):
    """Grace per stage (semantics 6.4)."""

    close_to_ship: Grace | None = None
    ship_to_adopt: Grace | None = None
    adopt_to_verify: Grace | None = None


class Forecast(Record):
    """How forecasts are made, and with how much history at the least (semantics 9.7, 11.3).

    Fewer trials than 1,000 say little of the ends of an interval; seven-day blocks and weekly
    gains need more than two weeks.
    """

    trials: Annotated[int, Field(ge=1_000, le=100_000)] | None = None
    least_weeks: Annotated[int, Field(ge=4, le=26)] | None = None
    least_finishes: Positive | None = None
    least_days: Annotated[int, Field(ge=15)] | None = None
    least_progress: Annotated[Number, Field(ge=0, lt=1)] | None = None
    interval: Annotated[Number, Field(ge=0.5, le=0.99)] | None = None


class Rules(Record):
    """Defaults of the rules, by the rule's name."""

    basically_done: BasicallyDone | None = None
    regressed: dict[str, Any] | None = None
    rolled_back: dict[str, Any] | None = None
    goal_at_risk: dict[str, Any] | None = None
    goal_off_track: dict[str, Any] | None = None
    goal_stalled: dict[str, Any] | None = None
    busy_not_moving: dict[str, Any] | None = None
    starved: dict[str, Any] | None = None
    goal_hit: dict[str, Any] | None = None
    commitment_at_risk: dict[str, Any] | None = None
    source_stale: dict[str, Any] | None = None
    workstreams: dict[str, Any] | None = None
    wip_age: dict[str, Any] | None = None
    support_load: dict[str, Any] | None = None
    stop_the_line: dict[str, Any] | None = None
    adoption: dict[str, Any] | None = None
    verification: dict[str, Any] | None = None
    links: dict[str, Any] | None = None
    lateness: dict[str, Any] | None = None
    skew: dict[str, Any] | None = None
    commitment: dict[str, Any] | None = None
    forecast: Forecast | None = None
    data_quality: dict[str, Any] | None = None
