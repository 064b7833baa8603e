"""The stream engine gives the rows of the local engine."""

from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.engine.replay import replay
from pipeline.simulate import simulate
from tests.engine.everything import assert_same, everything
from tests.stream.deployment import Deployment


@pytest.mark.parametrize("workers", [1, 3])
def test_the_same_rows(workers: int, settings: Settings, tmp_path: Path) -> None:
    """A simulated organisation has the same views from Kafka as from one process."""
    organisation = simulate(tmp_path / "organisation", days=40, seed=1)
    replay(organisation.signals, tmp_path / "local", organisation.config)
    files = [str(file) for file in organisation.signals]
    with Deployment(settings, tmp_path) as deployment:
        deployment.start("parse,store")
        for n in range(workers):
            deployment.start("react", f"react-{n}")
        deployment.wait_store()
        deployment.run("config", "publish", str(organisation.config))
        deployment.run("publish", *files, "--config", str(organisation.config))
        deployment.idle()
    assert_same(everything(tmp_path / "local"), everything(tmp_path / "data"))
