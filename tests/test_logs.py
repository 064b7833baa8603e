"""Logs are lines of JSON, whatever is said."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from pipeline import logs


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(logs.Lines())
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    yield logger, said
    logger.removeHandler(handler)


def test_an_event_is_one_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Also where message, id or error have several."""
    logger, said = log
    known = logs.STAGE.set("react")
    try:
        logger.warning("two\nlines of %s", "text", extra={"signal": "a\nb"})
        try:
            sys.exit("gone")
        except SystemExit:
            logger.exception("it broke")
    finally:
        logs.STAGE.reset(known)
    first, second = map(json.loads, said.getvalue().splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "warning",
        "stage": "react",
        "logger": "tests.logs",
        "message": "two\nlines of text",
        "signal": "a\nb",
    }
    assert second["level"] == "error"
    assert "SystemExit: gone" in second["error"]
