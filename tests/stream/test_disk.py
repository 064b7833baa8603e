"""State on disk is what the changelog has, and gives the rows that state in memory gives."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import rocksdict
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import Settings, variable
from pipeline.engine import topics
from pipeline.engine.disk import CACHE, KNOWN_FOR, Disk, Disks, Place, StoredState, trusted
from pipeline.engine.replay import replay
from pipeline.engine.table import EPOCH, Revoked, State
from pipeline.errors import StoreLocked
from pipeline.simulate import simulate
from tests.engine.everything import assert_same, everything
from tests.stream.deployment import Deployment
from tests.stream.loops import in_loop
from tests.stream.workers import committed, wait_until

TOPIC = bytes(range(16))
NOW = 1_795_000_000.0


def opened(folder: Path) -> StoredState:
    return StoredState(0, Disk(folder / "0", rocksdict.Cache(CACHE)), TOPIC)


def reopened(state: StoredState, folder: Path) -> StoredState:
    """As after a crash: nothing is put away first."""
    state.close()
    return opened(folder)


# -- when a disk counts ------------------------------------------------------------------------

PLACE = Place(offset=41, version=7, at=NOW - 60, topic=TOPIC)


@pytest.mark.parametrize(
    ("place", "log", "now", "counts"),
    [
        (PLACE, range(100), NOW, True),
        (PLACE, range(42), NOW + 365 * 86_400, True),
        (PLACE, range(43), NOW + KNOWN_FOR, False),
        (PLACE, range(100), NOW - 3600, False),
        (PLACE, range(41), NOW, False),
        (PLACE, range(50, 100), NOW, False),
        (PLACE, range(0), NOW, False),
        (PLACE._replace(topic=bytes(16)), range(100), NOW, False),
    ],
    ids=[
        "the rest is read",
        "nothing happened since, however long ago",
        "a deletion may be gone",
        "a clock was set back",
        "the log is shorter",
        "the log begins later",
        "nobody could look",
        "another topic of that name",
    ],
)
def test_trusted(place: Place, log: range, now: float, counts: bool) -> None:
    """A disk counts where it was a copy of this log, and no deletion since can be gone."""
    assert trusted(place, TOPIC, log, now) is counts


# -- one partition -----------------------------------------------------------------------------


def test_only_what_the_log_has(tmp_path: Path) -> None:
    """A change is seen at once, and is on the disk when the changelog has it, with its place."""
    state = opened(tmp_path)
    state[b"a"] = b"1"
    state.advance(1, 10)
    state.written(state.pending(), 0)
    state.update({b"a": b"2", b"b": b"2"})
    assert dict(state) == {b"a": b"2", b"b": b"2"}
    state = reopened(state, tmp_path)
    assert dict(state) == {b"a": b"1"}
    assert (state.offset, state.version) == (0, (1 << EPOCH) + 10)
    del state[b"a"]
    assert dict(state) == {}
    with pytest.raises(KeyError):
        del state[b"a"]
    state = reopened(state, tmp_path)
    assert dict(state) == {b"a": b"1"}
    state.close()


def test_put_away(tmp_path: Path) -> None:
    """Work on a partition that is another worker's by now is dropped, not a crash."""
    state = opened(tmp_path)
    state.close()
    with pytest.raises(Revoked):
        state.get(b"a")
    state[b"a"] = b"1"
    with pytest.raises(Revoked):
        state.written(state.pending(), 0)


def test_a_stranger_keeps_the_place(tmp_path: Path) -> None:
    """Until what a frozen worker wrote is written over, the log is read from before it."""
    state = opened(tmp_path)
    state.take(0, b"a", b"1", 5)
    state.take(1, b"b", b"1", 5)
    state.begin(0)
    state.take(2, b"c", b"1", 6)
    state.take(3, b"a", b"strange", 4)
    state.begin(0)
    state = reopened(state, tmp_path)
    assert state.offset == 1
    state.take(2, b"c", b"1", 6)
    state.take(3, b"a", b"strange", 4)
    state.begin(0)
    assert state.stale == {b"a"}
    assert state.pending() == {b"a": b"1"}
    state.written(state.pending(), 4)
    state = reopened(state, tmp_path)
    assert state.offset == 4
    assert dict(state) == {b"a": b"1", b"b": b"1", b"c": b"1"}
    state.close()


KEYS = st.sampled_from([b"a", b"b", b"c"])
VALUES = st.none() | st.sampled_from([b"1", b"2"])
RUNS = st.lists(
    st.tuples(st.dictionaries(KEYS, VALUES, min_size=1), st.booleans(), st.booleans()),
    max_size=8,
)


@given(RUNS)
@settings(max_examples=40, deadline=None)
def test_like_memory(runs: list[tuple[dict[bytes, bytes | None], bool, bool]]) -> None:
    """Whatever is written, lost and read again, a disk holds what memory would hold."""
    with tempfile.TemporaryDirectory() as folder:
        state, plain = opened(Path(folder)), State(0, {})
        log: list[tuple[bytes, bytes | None, int]] = []
        for number, (changes, crash_before, crash_after) in enumerate(runs):
            for each in (state, plain):
                for key, value in changes.items():
                    if value is not None:
                        each[key] = value
                    elif key in each:
                        del each[key]
            assert dict(state) == dict(plain)
            assert len(state) == len(plain)
            version = state.advance(1, number)
            assert plain.advance(1, number) == version
            pending = state.pending()
            assert pending == plain.pending()
            log += [(key, value, version) for key, value in pending.items()]
            plain.written(pending, len(log) - 1)
            if not crash_before:
                state.written(pending, len(log) - 1)
            if crash_before or crash_after:
                state = reopened(state, Path(folder))
                for offset, (key, value, wrote) in enumerate(log):
                    state.take(offset, key, value, wrote)
                state.begin(1)
            assert dict(state) == dict(plain)
            assert state.offset == plain.offset
        state.close()


# -- a deployment ------------------------------------------------------------------------------


@in_loop
async def test_a_folder_has_one_worker(settings: Settings, tmp_path: Path) -> None:
    """Two workers with one data directory are told so; the second one does not start."""
    topics.ensure(settings)
    disks = Disks(settings, tmp_path)
    with pytest.raises(StoreLocked, match="in use by another worker") as refused:
        Disks(settings, tmp_path)
    assert "SIGNALS_DATA" in refused.value.remedy
    states = await disks.states([0, 3])
    assert {n: dict(state) for n, state in states.items()} == {0: {}, 3: {}}
    for state in states.values():
        state.close()
    disks.close()


@pytest.fixture
def deployment(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    monkeypatch.setenv(variable("state"), "rocksdb")
    with Deployment(settings, tmp_path) as deployment:
        yield deployment


@pytest.mark.prove
def test_the_same_rows(deployment: Deployment, tmp_path: Path) -> None:
    """Killed in the middle and started again, workers with disks give the rows of one process.

    Who comes back reads only what is behind its place in the changelog.
    """
    organisation = simulate(tmp_path / "organisation", days=6, seed=1)
    replay(organisation.signals, tmp_path / "local", organisation.config)
    files = [str(file) for file in organisation.signals]
    deployment.start("parse,store")
    react = deployment.start("react", "react")
    deployment.wait_store()
    deployment.run("config", "publish", str(organisation.config))
    deployment.run("publish", *files, "--config", str(organisation.config))
    wait_until("some is done", lambda: any(committed(deployment.settings)))
    deployment.kill(react)
    react = deployment.start("react", "react")
    deployment.idle()
    deployment.kill(react)
    deployment.start("react", "react")
    deployment.run("publish", *files, "--config", str(organisation.config))
    deployment.idle()

    logs = sorted(tmp_path.glob("worker-*.log"), key=lambda log: log.stat().st_mtime)
    (last,) = [log.read_text() for log in logs if "is known up to record" in log.read_text()][
        -1:
    ]
    assert last.count("is known up to record") == 8
    assert "is rebuilt" not in last
    deployment.stop()
    assert_same(everything(tmp_path / "local"), everything(tmp_path / "data"))
