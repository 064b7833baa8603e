"""Whatever breaks, the stream engine ends with the rows of the local engine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from pipeline.config import Settings
from pipeline.engine.lag import lags
from pipeline.engine.replay import replay
from pipeline.simulate import Simulation, simulate
from tests.engine.everything import Rows, assert_same, everything
from tests.stream.broker import Broker
from tests.stream.chaos import PARSE_AND_STORE, Chaos
from tests.stream.deployment import Deployment
from tests.stream.dying import STEPS
from tests.stream.workers import wait_until


class Expected(NamedTuple):
    organisation: Simulation
    views: dict[str, Rows]

    @property
    def publish(self) -> tuple[str, ...]:
        files = [str(file) for file in self.organisation.signals]
        return ("publish", *files, "--config", str(self.organisation.config))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Expected]:
    """A simulated organisation of so many days, and what one process says of it."""
    known: dict[int, Expected] = {}

    def of(days: int) -> Expected:
        if days not in known:
            folder = tmp_path_factory.mktemp("expected")
            organisation = simulate(folder / "organisation", days=days, seed=1)
            replay(organisation.signals, folder / "local", organisation.config)
            known[days] = Expected(organisation, everything(folder / "local"))
        return known[days]

    return of


@contextmanager
def chaos_on(
    settings: Settings, expected: Expected, folder: Path, seed: int, *workers: str
) -> Iterator[Chaos]:
    """A deployment to be broken; once it is idle its views are compared."""
    with Deployment(settings, folder) as deployment:
        deployment.run("config", "publish", str(expected.organisation.config))
        chaos = Chaos(deployment, seed)
        if workers:
            chaos.start(PARSE_AND_STORE, *workers)
            chaos.resumes_after("started")
        yield chaos
        deployment.idle(300)
        chaos.note("idle")
    print(f"seed {seed}, {chaos}")  # noqa: T201 - what was hit, also where all went well
    try:
        assert_same(expected.views, everything(folder / "data"))
    except AssertionError as different:
        different.add_note(f"seed {seed}, {chaos}")
        raise


def ends(settings: Settings) -> int:
    """How many records there are."""
    return sum(lag.end for lag in lags(settings))


def test_killed_twice(
    settings: Settings, expected: Callable[[int], Expected], tmp_path: Path
) -> None:
    """Workers are killed while everything is published, twice: nothing lost, nothing double."""
    known = expected(12)
    with chaos_on(settings, known, tmp_path, 1, "react") as chaos:
        chaos.deployment.run(*known.publish)
        chaos.kill("react")
        again = chaos.deployment.begin(*known.publish)
        chaos.kill(PARSE_AND_STORE)
        assert again.wait(60) == 0


def test_everything_twice(
    settings: Settings, expected: Callable[[int], Expected], tmp_path: Path
) -> None:
    """What is published twice counts once."""
    known = expected(12)
    with chaos_on(settings, known, tmp_path, 1, "react") as chaos:
        for _ in range(2):
            chaos.deployment.run(*known.publish)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(1, 6))
def test_killed(
    seed: int, settings: Settings, expected: Callable[[int], Expected], tmp_path: Path
) -> None:
    """Killed at random while the publish runs and after it: four times per round."""
    known = expected(40)
    names = ("react-1", "react-2", PARSE_AND_STORE)
    with chaos_on(settings, known, tmp_path, seed, *names[:2]) as chaos:
        publish = chaos.deployment.begin(*known.publish)
        for n in range(4):
            if n == 2:
                assert publish.wait(120) == 0
                chaos.note("published")
            chaos.wait(0.2, 3)
            chaos.kill(chaos.random.choice(names))


@pytest.mark.prove
def test_killed_at_each_step(
    settings: Settings, expected: Callable[[int], Expected], tmp_path: Path
) -> None:
    """At every step of a run, with runs that are cut in another way each time."""
    known = expected(20)
    with chaos_on(settings, known, tmp_path, 1) as chaos:
        chaos.deployment.run(*known.publish)
        storing = [step for step in STEPS if step.endswith("insert")]
        for step in [step for step in STEPS if step not in storing]:
            for times in (1, 20):
                chaos.dies("react", step, times, chaos.random.randint(5, 60))
        chaos.start("react")
        for step in storing:
            for times in (1, 5):
                chaos.dies(PARSE_AND_STORE, step, times, chaos.random.randint(1, 3))
        chaos.start(PARSE_AND_STORE)


@pytest.mark.prove
@pytest.mark.parametrize("seed", [1, 2])
def test_frozen(
    seed: int, settings: Settings, expected: Callable[[int], Expected], tmp_path: Path
) -> None:
    """A worker that is frozen past its session changes nothing when it goes on."""
    known = expected(40)
    with chaos_on(settings, known, tmp_path, seed, "react-1", "react-2") as chaos:
        publish = chaos.deployment.begin(*known.publish)
        for name in ("react-1", "react-2"):
            chaos.wait(0.2, 3)
            chaos.freeze(name)
        assert publish.wait(120) == 0


@pytest.mark.prove
def test_failed(
    settings: Settings, expected: Callable[[int], Expected], tmp_path: Path
) -> None:
    """An error that nobody foresaw ends the worker, and the next one does what it left."""
    known = expected(20)
    with chaos_on(settings, known, tmp_path, 1) as chaos:
        chaos.deployment.run(*known.publish)
        chaos.fails("react", "before state", 9, 40)
        chaos.start("react")
        chaos.fails(PARSE_AND_STORE, "before the insert", 3, 2)
        chaos.start(PARSE_AND_STORE)


@pytest.mark.prove
@pytest.mark.parametrize("step", ["before messages", "between messages and rows"])
def test_frozen_at_a_step(
    step: str, settings: Settings, expected: Callable[[int], Expected], tmp_path: Path
) -> None:
    """What a worker says that was frozen behind its last look at the generation comes late."""
    known = expected(20)
    with chaos_on(settings, known, tmp_path, 1) as chaos:
        chaos.deployment.run(*known.publish)
        with chaos.freezes("react-1", step, 12, 40):
            chaos.start(PARSE_AND_STORE, "react-2")
            chaos.deployment.idle()
            before = ends(settings)
        wait_until("something came late", lambda: ends(settings) > before, 30)


@pytest.mark.prove
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_broker_restarted(
    how: str, own_broker: Broker, expected: Callable[[int], Expected], tmp_path: Path
) -> None:
    """The broker goes away in the middle and comes back: everybody goes on."""
    known = expected(40)
    settings = Settings(kafka=own_broker.address, kafka_prefix=f"t{uuid4().hex[:12]}.")
    with chaos_on(settings, known, tmp_path, 1, "react-1", "react-2") as chaos:
        publish = chaos.deployment.begin(*known.publish)
        for _ in range(2):
            chaos.wait(1, 3)
            getattr(own_broker, how)()
            own_broker.start()
            chaos.resumes_after(f"broker: {how} and start")
        assert publish.wait(120) == 0
