"""The stream engine gives the rows of the local engine."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.engine.replay import replay
from pipeline.history import history
from pipeline.simulate import simulate
from tests.engine.everything import assert_same, everything
from tests.stream.deployment import Deployment


def assert_the_same_from_kafka(
    settings: Settings,
    folder: Path,
    workers: int,
    files: Sequence[Path],
    config: Path,
    until: str | None = None,
) -> None:
    """Publish files to so many workers, replay them in one process, and compare all views."""
    replay(files, folder / "local", config, until=until)
    last = () if until is None else ("--until", until)
    with Deployment(settings, folder) as deployment:
        deployment.start("parse,store")
        for n in range(workers):
            deployment.start("react", f"react-{n}")
        deployment.wait_store()
        deployment.run("config", "publish", str(config))
        deployment.run("publish", *map(str, files), "--config", str(config), *last)
        deployment.idle(600)
    assert_same(everything(folder / "local"), everything(folder / "data"))


@pytest.mark.parametrize(
    ("workers", "days"),
    [(2, 8), *(pytest.param(n, 60, marks=pytest.mark.prove) for n in (1, 2, 3))],
)
def test_the_same_rows(workers: int, days: int, settings: Settings, tmp_path: Path) -> None:
    """A simulated organisation has the same views from Kafka as from one process."""
    organisation = simulate(tmp_path / "organisation", days=days, seed=1, wide=True)
    assert_the_same_from_kafka(
        settings, tmp_path, workers, organisation.signals, organisation.config
    )


@pytest.mark.prove
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_same_history(workers: int, settings: Settings, tmp_path: Path) -> None:
    """Eight years of a real library have the same views from Kafka as from one process."""
    known = history("controller-runtime")
    assert_the_same_from_kafka(
        settings, tmp_path, workers, [known.signals], known.config, known.until
    )
