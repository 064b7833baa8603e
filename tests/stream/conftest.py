"""The broker of the stream tests: one per test process, so xdist needs no agreement."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from pipeline.config import Settings
from tests.stream.broker import Broker, MissingError
from tests.stream.chaos import FAULTS, table


@contextmanager
def running(folders: pytest.TempPathFactory) -> Iterator[Broker]:
    try:
        broker = Broker(folders.mktemp("broker"))
    except MissingError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that all tests of this process use; whoever breaks it, takes `own_broker`."""
    with running(tmp_path_factory) as broker:
        yield broker


@pytest.fixture
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker for one test, to be killed and restarted."""
    with running(tmp_path_factory) as broker:
        yield broker


@pytest.fixture
def settings(shared_broker: Broker) -> Settings:
    """Settings of a deployment of its own on the shared broker."""
    return Settings(kafka=shared_broker.address, kafka_prefix=f"t{uuid4().hex[:12]}.")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was broken, where it was hit, and how soon all went on."""
    if FAULTS:
        terminalreporter.section("what was broken")
        terminalreporter.write_line(table(FAULTS))
