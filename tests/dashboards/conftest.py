"""Three stores that every query runs on: an empty one, one row in each table, an organisation."""

from collections.abc import Iterator

import pytest

from pipeline.core.rows import TABLES
from pipeline.engine.backtest import backtest
from pipeline.engine.replay import replay
from pipeline.simulate import simulate
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import migrate
from tests.dashboards.asked import CLOCK
from tests.store.rows import fill

DAY = CLOCK.date()
GIVEN = {"day": DAY, "made_on": DAY, "week": DAY, "at": CLOCK, "starts_on": DAY, "ends_on": DAY}
"""Of the one row: what is not empty, so that it falls into the picked time."""


def one_row(store: Store) -> None:
    """A row in every table, with nothing in it but what a row cannot be without."""
    fill(
        store,
        {
            table: [{name: GIVEN[name] for name in row._fields if name in GIVEN}]
            for row, (table, _) in TABLES.items()
        },
    )


@pytest.fixture(scope="module", params=["empty", "one row"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Each of them in turn: a process opens one at a time."""
    with open_store(tmp_path_factory.mktemp("store")) as opened:
        migrate(opened)
        if request.param == "one row":
            one_row(opened)
        yield opened


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The organisation of the demo, as it stands at the end of the demo."""
    folder = tmp_path_factory.mktemp("demo")
    made = simulate(folder / "simulation", days=85, wide=True)
    replay(list(made.signals), folder, made.config, made.until)
    with open_store(folder) as opened:
        backtest(opened, 1)
        yield opened
