"""A command that sends says in one line that Kafka is not there, or went away."""

import pytest
from aiokafka.errors import KafkaTimeoutError

from pipeline.config import Settings
from pipeline.engine.producer import producing
from pipeline.errors import BrokerUnavailable
from tests.stream.broker import free_ports
from tests.stream.loops import in_loop


@in_loop
async def test_nobody_listens() -> None:
    """Where nobody listens the address is named, with what to do."""
    (port,) = free_ports(1)
    with pytest.raises(BrokerUnavailable, match=f"127.0.0.1:{port}.*send all again"):
        async with producing(Settings(kafka=f"127.0.0.1:{port}")):
            pass


async def goes_away(settings: Settings) -> None:
    async with producing(settings):
        raise KafkaTimeoutError


@in_loop
async def test_went_away(settings: Settings) -> None:
    """What is not delivered in the middle is the same error, and nothing is left open."""
    with pytest.raises(BrokerUnavailable, match="did not take everything"):
        await goes_away(settings)
