"""A Faust app as this project runs it: guarded, without what Faust would do by itself."""

from pathlib import Path
from typing import Any

import faust
from faust.auth import SASLCredentials, SSLCredentials
from yarl import URL

from pipeline.config import KafkaSecurity, Settings
from pipeline.engine.connect import servers, ssl_context
from pipeline.engine.topics import Role, topic_name
from pipeline.engine.transport import RUN_BYTES, guard

SESSION = 6.0
"""Seconds after which a worker that says nothing has lost its partitions. Faust's own 60 is how
long a restart after a crash would wait for them."""

HEARTBEAT = 1.0

METADATA_AGE = 3.0
"""Seconds after which the topics are asked for anew. A broker that has just started answers that
there are none; the group then shares out nothing, until somebody asks again. Kafka's own default
is five minutes."""

BUFFERED_RUNS = 64
"""Runs that wait in the queue of an agent, over all its partitions, and as many that it holds; with
`RUN_BYTES` a bound of memory."""


def new_app(settings: Settings, stage: str, datadir: Path) -> faust.App:
    """The app of one stage: its group shares the partitions between all its workers."""
    app = faust.App(
        settings.kafka_prefix + stage,
        broker=[URL(f"kafka://{server}") for server in servers(settings)],
        broker_credentials=_credentials(settings),
        datadir=datadir,
        store="memory://",
        web_enabled=False,
        cython_optimizations=True,
        # manual acknowledgement: what is not done comes again, nobody has to wait for it
        stream_wait_empty=False,
        stream_buffer_maxsize=BUFFERED_RUNS,
        broker_commit_interval=1.0,
        broker_session_timeout=SESSION,
        broker_heartbeat_interval=HEARTBEAT,
        broker_rebalance_timeout=SESSION,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=RUN_BYTES,
        consumer_metadata_max_age_ms=round(METADATA_AGE * 1000),
        # topics are the business of `signals topics`
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.kafka_partitions,
        table_standby_replicas=0,
    )
    guard(app)
    return app


def source(app: faust.App, settings: Settings, role: Role) -> Any:
    """A topic whose events are runs: bytes as they are, so that nothing can fail to decode."""
    return app.topic(
        topic_name(settings, role),
        key_type=bytes,
        key_serializer="raw",
        value_type=bytes,
        value_serializer="raw",
        partitions=settings.kafka_partitions,
    )


def _credentials(settings: Settings) -> SASLCredentials | SSLCredentials | None:
    security = KafkaSecurity.parse(settings.kafka_security)
    context = ssl_context(security) if security.encrypted else None
    if security.mechanism:
        return SASLCredentials(
            username=security.user,
            password=security.password,
            mechanism=security.mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context else None
