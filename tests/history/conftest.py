"""Where the corpora are, and how a history goes through the pipeline."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.history.lines import Event, write_definitions, write_signals
from tests.history.views import ReplayEvents, ReplayFiles, Views

ROOT = Path(__file__).parents[2]

END = "2026-08-31T00:00:00Z"
"""After the last fact of every corpus."""


@pytest.fixture(scope="session")
def corpora() -> Path:
    default = ROOT.parent / "shared" / "corpora"
    found = ROOT / os.environ.get("SIGNALS_CORPORA", default)
    if not found.is_dir():
        reason = "the corpora are not here; SIGNALS_CORPORA names their folder"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def corpus(corpora: Path) -> Path:
    return corpora / "library-adoption" / "controller-runtime"


@pytest.fixture(scope="session")
def replay_files(tmp_path_factory: pytest.TempPathFactory) -> ReplayFiles:
    """Run a history through the local engine; hand back what can be seen of it."""

    def run(files: list[Path], config: Path, until: str | None = None) -> Views:
        # As in `Views`: what needs no engine shall not wait for it.
        from pipeline.engine.replay import replay  # noqa: PLC0415

        data = tmp_path_factory.mktemp("data")
        summary = replay(files, data, config=config, until=until)
        assert summary.rejected == 0
        return Views(data)

    return run


@pytest.fixture(scope="session")
def replay_events(
    replay_files: ReplayFiles, tmp_path_factory: pytest.TempPathFactory
) -> ReplayEvents:
    """The same for events and definitions that are in no file yet."""

    def run(events: Iterable[Event], definitions: Mapping[str, Any]) -> Views:
        here = tmp_path_factory.mktemp("history")
        signals = write_signals(here / "signals.ndjson", events)
        config = write_definitions(here / "signals.yaml", definitions)
        return replay_files([signals], config, END)

    return run
