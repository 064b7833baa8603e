"""Partitions: the same rows, however entities are spread and whatever crosses between them."""

import random
from pathlib import Path

import pytest

from pipeline.engine.decode import Decoded, decode
from pipeline.engine.reader import Line, read
from pipeline.engine.replay import run
from pipeline.simulate import simulate
from tests.engine.memory import Memory, differences, engine
from tests.engine.partitions import Cluster

LONG = 2**62
DAY = 86_400_000


@pytest.mark.parametrize(
    ("partitions", "crash", "days"),
    [
        (8, 0.3, 14),
        pytest.param(1, 0.0, 40, marks=pytest.mark.prove),
        pytest.param(8, 0.0, 40, marks=pytest.mark.prove),
        pytest.param(8, 0.3, 40, marks=pytest.mark.prove),
    ],
)
def test_partitions_give_the_same_rows(
    partitions: int, crash: float, days: int, tmp_path: Path
) -> None:
    """A simulated organisation spread over partitions has the rows that one process has.

    Also where every third group is lost after its messages and rows have left.
    """
    organisation = simulate(tmp_path / "data", days=days, seed=1, wide=True)
    files, config = organisation.signals, organisation.config
    memory = Memory()
    with engine(tmp_path / "one", memory) as opened:
        run(opened, files, config=config)
        until = opened.now
        definitions = [
            decode(row[6], 0, LONG, row[4])
            for row in memory.archive.values()
            if row[0] == "config"
        ]
    cluster = Cluster(partitions, random.Random(partitions), crash)
    for definition in definitions:
        assert isinstance(definition, Decoded)
        cluster.publish(definition)
    for n, line in enumerate(read(files)):
        assert isinstance(line, Line)
        decoded = decode(line.data, 0, LONG)
        if isinstance(decoded, Decoded):  # a few lines of the organisation are broken
            cluster.publish(decoded)
        if n % 5000 == 4999:
            cluster.work()
    for queue in cluster.queues:
        queue.append(until)
    cluster.work()
    expected = {k: v for k, v in memory.table().items() if not k.startswith("clock ")}
    found = differences(expected, cluster.memory.table())
    assert not found, "\n".join(found[:40])
    assert bool(cluster.crashes) == bool(crash)
    assert not cluster.contested, "two partitions write the same rows"
