"""The view `pipeline_lag`: of each stage and partition what was measured last."""

import datetime as dt

from pipeline.engine.lag import Waiting, record
from pipeline.store.client import Store
from pipeline.store.writer import DATABASE


def test_the_newest_is_shown(store: Store) -> None:
    """Of several measurements the last one counts, also where it could not tell how long."""
    early, late = (dt.datetime.now(dt.UTC).replace(microsecond=n * 1000) for n in (1, 2))
    record(store, [Waiting("react", 0, early, 70, 3.5), Waiting("react", 1, early, 9, 1.0)])
    record(store, [Waiting("react", 0, late, 0, 0.0), Waiting("store", 0, late, 4, None)])
    found = store.query("SELECT * FROM signals.pipeline_lag ORDER BY stage, partition").rows
    assert found == [
        ("react", 0, late, 0, 0.0),
        ("react", 1, early, 9, 1.0),
        ("store", 0, late, 4, None),
    ]


def test_a_month_is_kept(store: Store) -> None:
    """What is older is gone when parts are merged."""
    now = dt.datetime.now(dt.UTC)
    ages = [dt.timedelta(days=31), dt.timedelta(days=29)]
    record(store, [Waiting("react", n, now - age, 1, 1.0) for n, age in enumerate(ages)])
    store.command(f"OPTIMIZE TABLE {DATABASE}.pipeline_lag FINAL")
    assert store.query(f"SELECT partition FROM {DATABASE}.pipeline_lag").rows == [(1,)]
