"""Size: what a million signals take, and what a few more cost on top of them."""

from pathlib import Path

import pytest

from pipeline.simulate.load import load
from tests.bench.replay import FEW, apart, late

SIGNALS = 1_000_000
ADOPTERS = 200_000
MOST_MEMORY = 1_500_000_000


@pytest.mark.prove
def test_a_million_signals(tmp_path: Path) -> None:
    """A million signals of 200,000 adopters fit into 1.5 GB; a few more read as much as on few."""
    reads: dict[int, float] = {}
    for signals in (SIGNALS // 10, SIGNALS):
        place = tmp_path / str(signals)
        file = place / "load.ndjson"
        config = load(file, signals=signals, mix="adoption", adopters=ADOPTERS)
        first = apart([file], place / "data", config)
        assert first["lines"] == signals
        assert first["peak"] < MOST_MEMORY
        more = apart([late(file, place)], place / "data", config)
        assert more["lines"] == FEW
        reads[signals] = more["reads"]
    assert reads[SIGNALS] <= 1.1 * reads[SIGNALS // 10]
