"""The topics of a deployment: what they are called, and that Kafka has them as they must be.

    raw       deliveries as received, keyed by source
    inbox     signals and messages, keyed by entity: what `react` reads
    state     parts of entities, the changelog of the table in `engine/table.py`
    rows      what ClickHouse shall hold, one record per group
    rejected  what nobody could read, with the reason in its headers

All have the same number of partitions: state and rows of a partition of the inbox have its
number. An entity's partition follows from that count (`core.names.partition_of`), so the count
of a topic never changes.

Time in them is the time of arrival, whatever a producer says: retention shall not delete a
history of last year while it is replayed, nor Kafka refuse a clock that is an hour ahead.
"""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAlreadyExistsError,
)

from pipeline.config import Settings, variable
from pipeline.engine.connect import START_WITHIN, client_options, servers
from pipeline.errors import BrokerError, BrokerUnavailable, TopicsDiffer

Role = Literal["raw", "inbox", "state", "rows", "rejected"]
"""What a topic is for; its name is this behind the prefix of the deployment."""

ROLES: tuple[Role, ...] = get_args(Role)

HOUR = 60 * 60 * 1000
DAY = 24 * HOUR

SETTLES = 2.0
"""Seconds in which a broker that has just started comes to know its topics."""

TOMBSTONES = DAY
"""Milliseconds for which the changelog says of a key that it was deleted."""

SEGMENT = 128 * 1024 * 1024
"""Bytes. Only whole segments are compacted, and recovery reads what is not: Kafka's own
default, eight times this, would be read again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as it shall be; `replication` None is the brokers' default."""

    name: str
    partitions: int
    replication: int | None
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where Kafka is not as the settings say; `found` None: there is no such topic."""

    topic: str
    what: str
    found: str | None
    wanted: str

    @property
    def for_good(self) -> bool:
        """Whether nothing may change it on a topic that is in use."""
        return self.found is not None and self.what in {"partitions", "replication"}

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.topic}: is missing"
        return f"{self.topic}: {self.what} is {self.found}, not {self.wanted}"

    def as_dict(self) -> dict[str, str | None]:
        return asdict(self)


def topic_name(settings: Settings, role: Role) -> str:
    return settings.kafka_prefix + role


def topics(settings: Settings) -> list[Topic]:
    """Every topic of the deployment that the settings describe."""
    kept: dict[Role, float] = {
        "raw": settings.kafka_raw_days,
        "inbox": settings.kafka_inbox_days,
        "rows": settings.kafka_rows_days,
        "rejected": settings.kafka_rejected_days,
    }
    all_topics = {
        "max.message.bytes": str(settings.kafka_record_bytes),
        "message.timestamp.type": "LogAppendTime",
    }
    described = []
    for role in ROLES:
        if role == "state":
            configs = {
                "cleanup.policy": "compact",
                "delete.retention.ms": str(TOMBSTONES),
                "min.compaction.lag.ms": str(round(settings.kafka_state_lag_hours * HOUR)),
                "segment.bytes": str(SEGMENT),
            }
        else:
            configs = {
                "cleanup.policy": "delete",
                "retention.ms": str(round(kept[role] * DAY)),
            }
        described.append(
            Topic(
                name=topic_name(settings, role),
                partitions=settings.kafka_partitions,
                replication=settings.kafka_replication,
                configs=all_topics | configs,
            )
        )
    return described


def differences(settings: Settings) -> list[Difference]:
    """Where Kafka is not as the settings say; changes nothing."""
    with admin_client(settings) as admin:
        return _differences(admin, topics(settings))


def ensure(settings: Settings) -> list[Difference]:
    """Make Kafka as the settings say; hand back what was different before.

    Raises TopicsDiffer, before anything is changed, where only a person can help.
    """
    wanted = topics(settings)
    with admin_client(settings) as admin:
        found = _differences(admin, wanted)
        for difference in found:
            if difference.for_good:
                raise TopicsDiffer(
                    f"{difference} (Kafka at {settings.kafka})", _help(difference)
                )
        missing = {difference.topic for difference in found if difference.found is None}
        for topic in wanted:
            if topic.name in missing:
                _create(admin, topic)
            elif changed := {d.what: d.wanted for d in found if d.topic == topic.name}:
                resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, changed)
                admin.alter_configs([resource])
        if left := _differences(admin, wanted):
            raise TopicsDiffer(
                f"{left[0]} (Kafka at {settings.kafka}), although it was told so",
                "look into the broker's log, or ask who else manages its topics",
            )
    return found


def check(settings: Settings) -> None:
    """Raise unless Kafka answers and has every topic, each with its partitions.

    What else may differ holds nobody up; `signals topics --check` tells it.
    """
    with admin_client(settings) as admin:
        require(admin, settings)


def require(admin: Any, settings: Settings) -> None:
    """Raise TopicsDiffer where a client could not work with the topics that Kafka has."""
    wanted = topics(settings)
    there = _there(admin, wanted)
    limit = time.monotonic() + SETTLES
    while len(there) < len(wanted) and time.monotonic() < limit:
        time.sleep(0.2)
        there = _there(admin, wanted)
    missing = [topic.name for topic in wanted if topic.name not in there]
    if missing:
        names = f"{missing[0]}{f' and {len(missing) - 1} more' if missing[1:] else ''}"
        raise TopicsDiffer(
            f"Kafka at {settings.kafka} has no topic {names}",
            f"run `signals topics`, or correct {variable('kafka')} or {variable('kafka_prefix')}",
        )
    for topic in wanted:
        found = len(there[topic.name])
        if found != topic.partitions:
            difference = Difference(
                topic=topic.name,
                what="partitions",
                found=str(found),
                wanted=str(topic.partitions),
            )
            raise TopicsDiffer(f"{difference} (Kafka at {settings.kafka})", _help(difference))


def _help(difference: Difference) -> str:
    if difference.what == "replication":
        return (
            f"let Kafka move the copies (kafka-reassign-partitions),"
            f" or set {variable('kafka_replication')}={difference.found}"
        )
    return (
        f"a partition count never changes, as entities would be looked for elsewhere: set"
        f" {variable('kafka_partitions')}={difference.found}, or begin anew with another"
        f" {variable('kafka_prefix')}"
    )


def _create(admin: Any, topic: Topic) -> None:
    options: dict[str, Any] = {
        "num_partitions": topic.partitions,
        "configs": dict(topic.configs),
    }
    if topic.replication is not None:
        options["replication_factor"] = topic.replication
    try:
        admin.create_topics({topic.name: options}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return  # somebody does the same at the same time; what it is like is checked next


def _there(admin: Any, wanted: list[Topic]) -> dict[str, list[Any]]:
    """The partitions of those topics that Kafka has."""
    return {
        one["name"]: one["partitions"]
        for one in admin.describe_topics([topic.name for topic in wanted])
        if one["partitions"]
    }


def _differences(admin: Any, wanted: list[Topic]) -> list[Difference]:
    there = _there(admin, wanted)
    asked = [
        ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(topic.configs))
        for topic in wanted
        if topic.name in there
    ]
    described = admin.describe_configs(asked, config_filter="all") if asked else {}
    configs = described.get("topic", {})
    found = []
    for topic in wanted:
        partitions = there.get(topic.name)
        if partitions is None:
            said: list[tuple[str, str | None, str]] = [("topic", None, "present")]
        else:
            copies = {len(partition["replica_nodes"]) for partition in partitions}
            said = [("partitions", str(len(partitions)), str(topic.partitions))]
            if topic.replication is not None:
                said.append(("replication", str(min(copies)), str(topic.replication)))
            for name, value in topic.configs.items():
                said.append((name, configs[topic.name][name]["value"], value))
        found += [
            Difference(topic=topic.name, what=what, found=is_now, wanted=wanted_)
            for what, is_now, wanted_ in said
            if is_now != wanted_
        ]
    return found


def _knock(settings: Settings) -> None:
    """Whether anybody listens: a wrong address is told at once, and not as a wrong protocol."""
    within = START_WITHIN / 2 / len(servers(settings))
    said = ""
    for server in servers(settings):
        host, _, port = server.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=within):
                return
        except OSError as error:
            said = error.strerror or str(error)
    raise BrokerUnavailable(
        f"no Kafka listens at {settings.kafka}: {said}",
        f"start it, or correct {variable('kafka')}",
    )


@contextmanager
def admin_client(settings: Settings) -> Iterator[Any]:
    """An admin client; whatever it raises becomes one line that names the setting."""
    options = client_options(settings)
    where = ", ".join(servers(settings))
    _knock(settings)
    admin = None
    try:
        admin = KafkaAdminClient(
            **options,
            bootstrap_timeout_ms=round(START_WITHIN * 1000 / 2),
            request_timeout_ms=round(START_WITHIN * 1000),
        )
        yield admin
    except KafkaError as error:
        if admin is None:
            # the client keeps trying and then tells only that its time was over
            takes = "this user and password" if "sasl_mechanism" in options else "this"
            raise BrokerUnavailable(
                f"what listens at {where} does not take {takes}"
                f" with {options['security_protocol']}",
                f"correct {variable('kafka_security')}, or the port in {variable('kafka')}",
            ) from None
        if isinstance(error, KafkaConnectionError | KafkaTimeoutError | NodeNotReadyError):
            raise BrokerUnavailable(
                f"Kafka at {where} answers, but a broker that it names cannot be reached: {error}",
                f"correct its advertised.listeners, or name others in {variable('kafka')}",
            ) from error
        said = str(error).partition(" failed with ")[0].partition("Request ")[0].strip()
        raise BrokerError(
            f"Kafka at {where} refuses: {said or type(error).__name__}", "look into its log"
        ) from error
    finally:
        if admin is not None:
            admin.close()
