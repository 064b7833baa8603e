"""`signals topics` makes Kafka as the settings say, and refuses what cannot be changed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient

from pipeline.config import Settings, variable
from pipeline.engine import topics
from pipeline.engine.topics import ROLES, Difference, topic_name
from pipeline.errors import BrokerUnavailable, ConfigError, TopicsDiffer
from tests.stream.broker import PASSWORD, Broker, free_ports
from tests.stream.workers import wait_until

Signals = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def signals(settings: Settings) -> Signals:
    """Run the console script as a user does, on the deployment of this test."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        named = {
            variable(name): str(getattr(settings, name)) for name in ("kafka", "kafka_prefix")
        }
        return subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **named, **environ},
        )

    return run


def changed(settings: Settings, **update: object) -> Settings:
    return settings.model_copy(update=update)


def test_created_once(settings: Settings) -> None:
    """All topics are created; a second run finds nothing to do."""
    created = topics.ensure(settings)
    assert [(d.topic, d.found) for d in created] == [
        (topic_name(settings, role), None) for role in ROLES
    ]
    assert topics.ensure(settings) == []
    assert topics.differences(settings) == []


def test_state_is_kept_for_ever(settings: Settings) -> None:
    """The changelog is compacted, not before an hour, and what else there is is deleted."""
    topics.ensure(settings)
    by_name = {topic.name: topic.configs for topic in topics.topics(settings)}
    for role in ROLES:
        configs = by_name[topic_name(settings, role)]
        assert configs["cleanup.policy"] == ("compact" if role == "state" else "delete")
        assert ("retention.ms" in configs) == (role != "state")
    assert int(by_name[topic_name(settings, "state")]["min.compaction.lag.ms"]) >= topics.HOUR


def test_brought_to_the_settings(settings: Settings) -> None:
    """What may change is changed, and told."""
    topics.ensure(settings)
    shorter = changed(settings, kafka_raw_days=3, kafka_record_bytes=2**21)
    found = topics.differences(shorter)
    assert (
        Difference(
            topic=topic_name(settings, "raw"),
            what="retention.ms",
            found="604800000",
            wanted="259200000",
        )
        in found
    )
    assert len([d for d in found if d.what == "max.message.bytes"]) == len(ROLES)
    assert topics.ensure(shorter) == found
    assert topics.differences(shorter) == []


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"kafka_partitions": 4}, "partitions is 8, not 4"),
        ({"kafka_replication": 3}, "replication is 1, not 3"),
    ],
)
def test_refused(settings: Settings, update: dict[str, object], said: str) -> None:
    """A changed partition count is refused before anything is touched, with the way out."""
    topics.ensure(settings)
    with pytest.raises(TopicsDiffer, match=said) as refused:
        topics.ensure(changed(settings, kafka_raw_days=3, **update))
    (name,) = update
    assert variable(name) in refused.value.remedy
    assert topics.differences(settings) == []


def test_one_is_missing(settings: Settings) -> None:
    """A topic that somebody deleted is created again; the others stay."""
    topics.ensure(settings)
    gone = topic_name(settings, "rows")
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka)
    admin.delete_topics([gone])
    admin.close()
    wait_until("the broker has forgotten it", lambda: topics.differences(settings))
    assert [str(d) for d in topics.differences(settings)] == [f"{gone}: is missing"]
    assert len(topics.ensure(settings)) == 1
    assert topics.differences(settings) == []


def test_password(shared_broker: Broker, settings: Settings) -> None:
    """With the right password topics are created; the wrong one is told, but not shown."""
    guarded = changed(settings, kafka=shared_broker.sasl_address)
    right = changed(guarded, kafka_security=f"sasl_plaintext://signals:{PASSWORD}@plain")
    assert len(topics.ensure(right)) == len(ROLES)
    wrong = changed(guarded, kafka_security="sasl_plaintext://signals:hunter2@plain")
    with pytest.raises(
        BrokerUnavailable, match="does not take this user and password"
    ) as refused:
        topics.ensure(wrong)
    assert variable("kafka_security") in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_nobody_listens(settings: Settings) -> None:
    """A wrong address is told at once, with the setting's name."""
    (port,) = free_ports(1)
    began = time.monotonic()
    with pytest.raises(BrokerUnavailable, match="correct SIGNALS_KAFKA"):
        topics.ensure(changed(settings, kafka=f"127.0.0.1:{port}"))
    assert time.monotonic() - began < 5


def test_no_broker_named() -> None:
    """Without a broker the setting is named that is missing."""
    with pytest.raises(ConfigError, match="SIGNALS_KAFKA: is not set"):
        topics.ensure(Settings())


def test_certificate_missing(settings: Settings) -> None:
    """A certificate that cannot be read is told with its file."""
    with pytest.raises(ConfigError, match=r"nowhere\.pem: No such file"):
        topics.ensure(changed(settings, kafka_security="ssl?ca=nowhere.pem"))


def test_command(signals: Signals, settings: Settings) -> None:
    """The command creates; --check exits 1 while anything differs, and says what."""
    before = signals("topics", "--check")
    assert (before.returncode, before.stderr.count("is missing")) == (1, len(ROLES))
    created = signals("topics", "--json")
    assert created.returncode == 0
    assert [one["found"] for one in json.loads(created.stdout)] == [None] * len(ROLES)
    after = signals("topics", "--check")
    assert (after.returncode, after.stderr) == (0, "topics are as they must be\n")
    differs = signals("topics", "--check", SIGNALS_KAFKA_PARTITIONS="4")
    assert differs.returncode == 1
    assert f"{topic_name(settings, 'inbox')}: partitions is 8, not 4" in differs.stderr


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_wrong_protocol(signals: Signals, arguments: tuple[str, ...]) -> None:
    """A broker that speaks another protocol fails within ten seconds, in one clear line."""
    began = time.monotonic()
    done = signals("topics", *arguments, SIGNALS_KAFKA_SECURITY="ssl")
    assert done.returncode == 1
    assert time.monotonic() - began < 10
    assert len(done.stderr.splitlines()) == 1
    assert "SIGNALS_KAFKA_SECURITY" in done.stderr
