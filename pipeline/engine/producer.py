"""The stream engine's own producer: what left is in Kafka when the call returns.

Faust's `send` buffers, and nobody awaits what its tables send; an offset could be committed
before its effects are durable. So effects and state go through one idempotent producer, as
batches for a partition that is known.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from pipeline.config import Settings, variable
from pipeline.engine.connect import client_options
from pipeline.errors import BrokerError, BrokerUnavailable

OVERHEAD = 64 * 1024
"""Bytes of a request beside its batch."""


class Outgoing(NamedTuple):
    """A record to be sent; `value` None deletes the key in a compacted topic."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def new_producer(settings: Settings) -> AIOKafkaProducer:
    """A producer for effects and state, not started yet; made inside the loop it runs in."""
    return AIOKafkaProducer(
        **client_options(settings),
        acks="all",
        enable_idempotence=True,
        # A batch is all or nothing in Kafka, so it may be as large as a record.
        max_batch_size=settings.kafka_record_bytes - OVERHEAD,
        max_request_size=settings.kafka_record_bytes,
    )


@asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer for a command; raises BrokerUnavailable where Kafka goes away."""
    producer = new_producer(settings)
    try:
        await producer.start()
        yield producer
    except KafkaError as error:
        raise BrokerUnavailable(
            f"Kafka at {settings.kafka} did not take everything: {error}",
            f"start it, or correct {variable('kafka')}; then send all again, it counts once",
        ) from error
    finally:
        await producer.stop()


async def send(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Iterable[Outgoing]
) -> None:
    """Send records to one partition in their order; returns when all are durable.

    Where they fill several batches, a crash may leave the first of them.
    """
    batch = producer.create_batch()
    sent = []
    for record in records:
        if not _append(batch, record):
            batch.close()
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            if not _append(batch, record):
                raise _too_large(topic)
    if batch.record_count():
        batch.close()
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    for delivery in sent:
        await delivery


async def send_whole(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Iterable[Outgoing]
) -> int:
    """Send records as one batch, so that all of them are there or none; the first's offset."""
    batch = producer.create_batch()
    for record in records:
        if not _append(batch, record):
            raise _too_large(topic)
    batch.close()
    delivery = await producer.send_batch(batch, topic, partition=partition)
    return int((await delivery).offset)


def _append(batch: BatchBuilder, record: Outgoing) -> bool:
    added = batch.append(
        key=record.key, value=record.value, timestamp=None, headers=list(record.headers)
    )
    return added is not None


def _too_large(topic: str) -> BrokerError:
    return BrokerError(
        f"more for {topic} than fits into one batch",
        "raise SIGNALS_KAFKA_RECORD_BYTES, then run `signals topics`",
    )
