"""Whatever breaks, the stream engine ends with the rows of the local engine.

Each round publishes a part of an organisation while something is broken, waits until all work is
done, and compares every public view with what one process says of the same parts. The short
tests run with all others; `make chaos` runs the long ones and ends with a table of what was hit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from pipeline.config import Settings
from pipeline.engine.lag import lags
from pipeline.engine.reader import read
from pipeline.engine.replay import replay
from pipeline.simulate import simulate
from tests.engine.everything import Rows, assert_same, everything
from tests.store.faulty import FAULTS, Faulty
from tests.stream.broker import Broker
from tests.stream.chaos import PARSE_AND_STORE, Chaos, ends
from tests.stream.deployment import Deployment
from tests.stream.dying import REACT, STORE

AWAY = 60.0
"""Seconds that ClickHouse is away: more than a restart takes."""

PARTITIONS = 6
"""Whether one, two or three share them, each has some."""

IDLE_WITHIN = 900.0
"""Seconds; work that is left takes as long as the machine is busy with other things."""


class Expected(NamedTuple):
    """Parts of an organisation, and what one process says after each of them."""

    config: Path
    parts: list[Path]
    views: list[dict[str, Rows]]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Expected]:
    """A simulated organisation of so many days, in so many parts."""
    known: dict[tuple[int, int], Expected] = {}

    def of(days: int, parts: int) -> Expected:
        if (days, parts) not in known:
            folder = tmp_path_factory.mktemp("expected")
            organisation = simulate(folder / "organisation", days=days, seed=1, wide=True)
            lines = [line.data for line in read(list(organisation.signals))]
            found = Expected(organisation.config, [], [])
            for n in range(parts):
                part = folder / f"part-{n}.ndjson"
                of_this = lines[len(lines) * n // parts : len(lines) * (n + 1) // parts]
                part.write_bytes(b"".join(line + b"\n" for line in of_this))
                replay([part], folder / "local", organisation.config)
                found.parts.append(part)
                found.views.append(everything(folder / "local"))
            known[days, parts] = found
        return known[days, parts]

    return of


class Rounds:
    """Rounds of chaos on a deployment."""

    def __init__(self, chaos: Chaos, expected: Expected) -> None:
        self.chaos = chaos
        self.expected = expected

    @contextmanager
    def round(self) -> Iterator[Chaos]:
        """Break what is there while a part is published; in the end all views are compared."""
        part = self.chaos.number
        self.chaos.begin_round()
        with self.chaos.publishing(self.expected.parts[part], self.expected.config):
            yield self.chaos
        self.chaos.deployment.idle(IDLE_WITHIN)
        found = self.chaos.deployment.views()
        try:
            assert_same(self.expected.views[part], found)
        except AssertionError as different:
            different.add_note(str(self.chaos))
            raise
        self.chaos.faults[-1].rows = sum(map(len, found.values()))


@contextmanager
def rounds_on(
    settings: Settings,
    expected: Expected,
    folder: Path,
    name: str,
    *workers: str,
    seed: int = 1,
) -> Iterator[Rounds]:
    settings = settings.model_copy(update={"kafka_partitions": PARTITIONS})
    with Deployment(settings, folder) as deployment:
        chaos = Chaos(deployment, seed, name)
        chaos.start(PARSE_AND_STORE, *workers)
        deployment.run("config", "publish", str(expected.config), data="publisher")
        chaos.resumes_after("started")
        # every stage is there before anything is broken: a worker asks for its store when it starts
        deployment.idle(IDLE_WITHIN)
        yield Rounds(chaos, expected)


# -- short -------------------------------------------------------------------------------------


@contextmanager
def embedded(settings: Settings, expected: Expected, folder: Path) -> Iterator[Chaos]:
    """A deployment with the embedded store; once it is idle its views are compared."""
    with Deployment(settings, folder) as deployment:
        deployment.run("config", "publish", str(expected.config))
        chaos = Chaos(deployment, 1, folder.name)
        chaos.start(PARSE_AND_STORE, "react")
        chaos.resumes_after("started")
        yield chaos
        deployment.idle(IDLE_WITHIN)
    assert_same(expected.views[-1], everything(folder / "data"))


def test_killed_twice(
    settings: Settings, expected: Callable[[int, int], Expected], tmp_path: Path
) -> None:
    """Workers are killed while everything is published, twice: nothing lost, nothing double."""
    known = expected(4, 2)
    with rounds_on(settings, known, tmp_path, "short", "react") as rounds:
        rounds.chaos.arm("react", "SIGKILL", "before state", 5)
        with rounds.round() as chaos:
            chaos.dies("react", "before state")
        with rounds.round() as chaos:
            chaos.kill(PARSE_AND_STORE)


# -- long --------------------------------------------------------------------------------------


@pytest.mark.prove
@pytest.mark.chaos
def test_killed_at_random(
    settings: Settings, expected: Callable[[int, int], Expected], tmp_path: Path
) -> None:
    """Twenty SIGKILLs at random moments, of workers that react and of the one that stores."""
    known = expected(40, 4)
    names = ("react-1", "react-2", PARSE_AND_STORE)
    with rounds_on(settings, known, tmp_path, "random", *names[:2]) as rounds:
        for _ in known.parts:
            with rounds.round() as chaos:
                for several in (1, 2, 2):
                    chaos.kill(*chaos.random.sample(names, several))
                    chaos.wait(0.1, 1)


@pytest.mark.prove
@pytest.mark.chaos
def test_killed_at_each_step(
    settings: Settings, expected: Callable[[int, int], Expected], tmp_path: Path
) -> None:
    """SIGKILL at every step of a run; a step that is never reached fails."""
    steps = [("react", step) for step in REACT] + [(PARSE_AND_STORE, step) for step in STORE]
    known = expected(40, len(steps))
    with rounds_on(settings, known, tmp_path, "step", "react") as rounds:
        for name, step in steps:
            # of two writes to the changelog one is the place, the other is state
            times = rounds.chaos.random.randint(1, 6) if name == "react" else 1
            rounds.chaos.arm(name, "SIGKILL", step, times)
            with rounds.round() as chaos:
                chaos.dies(name, step)


@pytest.mark.prove
@pytest.mark.chaos
def test_rebalanced(
    settings: Settings, expected: Callable[[int, int], Expected], tmp_path: Path
) -> None:
    """Three workers join, leave, are killed and frozen, ten times over.

    Who is frozen stands between its last look at the generation and what it sends, past its
    session, and sends it when others have gone on. Then all others die, and state comes from
    the changelog.
    """
    known = expected(40, 10)
    steps = ("between check and changelog", "before messages", "after messages, before rows")
    with rounds_on(settings, known, tmp_path, "rebalance", "a", "b") as rounds:
        chaos = rounds.chaos
        names, away = ("a", "b", "c"), "c"
        for n in range(10):
            # who has just joined may come too late for any work
            frozen = chaos.random.choice([name for name in names if name != away])
            killed, leaves = chaos.random.sample([name for name in names if name != frozen], 2)
            step = steps[n % len(steps)]
            chaos.join(away)
            chaos.arm(frozen, "SIGSTOP", step, chaos.random.randint(1, 4))
            with rounds.round():
                with chaos.frozen(frozen, step):
                    chaos.kill(killed)
                    chaos.deployment.idle(IDLE_WITHIN)
                    before = ends(chaos.deployment)
                chaos.wait_until(lambda before=before: ends(chaos.deployment) > before)  # type: ignore[misc]
                chaos.kill(killed, leaves)
                chaos.leave(leaves)
            away = leaves


@pytest.mark.prove
@pytest.mark.chaos
def test_failed(
    settings: Settings, expected: Callable[[int, int], Expected], tmp_path: Path
) -> None:
    """An error that nobody foresaw ends the worker, and the next one does what it left."""
    steps = (("react", "before state"), (PARSE_AND_STORE, "before the insert"))
    known = expected(20, len(steps))
    with rounds_on(settings, known, tmp_path, "error", "react") as rounds:
        for name, step in steps:
            rounds.chaos.arm(name, "raise", step, 2)
            with rounds.round() as chaos:
                chaos.dies(name, step, ended=1)


@pytest.mark.prove
@pytest.mark.chaos
def test_broker_restarted(
    own_broker: Broker, expected: Callable[[int, int], Expected], tmp_path: Path
) -> None:
    """The broker goes away in the middle and comes back: everybody goes on."""
    known = expected(40, 4)
    settings = Settings(kafka=own_broker.address, kafka_prefix=f"t{uuid4().hex[:12]}.")
    with rounds_on(settings, known, tmp_path, "broker", "react-1", "react-2") as rounds:
        for how in ("stop", "kill", "stop", "kill"):
            with rounds.round() as chaos:
                getattr(own_broker, how)()
                own_broker.start()
                chaos.resumes_after(f"broker: {how} and start")


@pytest.mark.prove
@pytest.mark.chaos
def test_store_away(
    settings: Settings, expected: Callable[[int, int], Expected], tmp_path: Path
) -> None:
    """ClickHouse is away for a minute, then inserts fail in every way: the rows are there once."""
    known = expected(20, 2)
    faulty = Faulty(tmp_path / "clickhouse")
    server = settings.model_copy(update={"clickhouse_url": faulty.url})
    try:
        with rounds_on(server, known, tmp_path, "store", "react") as rounds:
            with rounds.round() as chaos:
                with faulty.away():
                    chaos.wait(AWAY, AWAY)
                    behind = lags(chaos.deployment.settings)
                    assert sum(lag.records for lag in behind if lag.stage == "store")
                chaos.resumes_after(f"ClickHouse away for {AWAY:.0f} s")
            faulty.faults.extend(FAULTS)
            with rounds.round() as chaos:
                chaos.wait_until(lambda: faulty.hits == list(FAULTS))
                chaos.fault("inserts fail", ", ".join(faulty.hits))
    finally:
        faulty.busy.over()
        faulty.close()
