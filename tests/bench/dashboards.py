"""How long all queries of all dashboards take on one core, on two years of a large organisation.

Times are of the processor, so that what else the machine does is not in them. The store is built
once and kept in the user's cache; its views are those of this version.
"""

# ruff: noqa: T201 -- a benchmark prints

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from itertools import filterfalse
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

import chdb

from dashboards import provisioning
from dashboards.expand import ALL, Choice, expand
from dashboards.shared import is_taken
from pipeline.engine.backtest import backtest
from pipeline.engine.local import LocalEngine
from pipeline.engine.reader import Progress
from pipeline.engine.replay import run
from pipeline.simulate.years import years
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import migrate, migrations
from tests.dashboards.asked import options, picked

TIMES = 3
SLOW = 0.3
"""Seconds that a query should take at most; of all queries of a dashboard it is 2."""

_LARGEST = {
    "goal": """
        SELECT goal_id FROM signals.goal_contributions
        GROUP BY goal_id ORDER BY sum(work_items) DESC, goal_id LIMIT 1""",
    "subject": """
        SELECT subject FROM signals.adopters
        GROUP BY subject ORDER BY count() DESC, subject LIMIT 1""",
    "team": """
        SELECT team FROM signals.work_items_now WHERE team != ''
        GROUP BY team ORDER BY count() DESC, team LIMIT 1""",
}
_LARGEST["owner"] = _LARGEST["team"]
_LARGEST["service"] = f"""
    SELECT service FROM signals.deploys WHERE team = ({_LARGEST["team"]})
    GROUP BY service ORDER BY count() DESC, service LIMIT 1"""


class Asked(NamedTuple):
    """A query of a dashboard: of which panel or variable, and how long it took in seconds."""

    uid: str
    what: str
    opening: bool
    """Asked when the dashboard is opened; else after one value was picked instead of All."""
    sql: str
    seconds: float


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "delivery-signals", "bench")


def build(folder: Path, signals: int) -> None:
    """Fill a store in `folder`, unless that was done before with the same tables."""
    built, steps = folder / "built", "\n".join(step.name for step in migrations())
    if built.exists() and built.read_text(encoding="utf-8") == steps:
        print(f"{folder} is taken as it is; remove it to build it anew", flush=True)
        return
    shutil.rmtree(folder, ignore_errors=True)
    print(f"builds a store of {signals:,} signals in {folder}", flush=True)
    begun = said = perf_counter()

    def report(progress: Progress) -> None:
        nonlocal said
        if perf_counter() - said > 15:
            said = perf_counter()
            share = progress.done / (progress.total or 1)
            print(f"{share:5.1%} of the signals after {said - begun:.0f} s", flush=True)

    file = folder / "signals.ndjson.gz"
    config = years(file, signals=signals)
    with open_store(folder) as store:
        migrate(store)
        with LocalEngine(folder, store) as engine:
            run(engine, [file], config=config, report=report)
        print(f"replayed after {perf_counter() - begun:.0f} s", flush=True)
        backtest(store, 1)
        # As a store that has been there for a while: its parts are merged.
        tables = store.query(
            "SELECT name FROM system.tables WHERE database = 'signals_store' AND engine LIKE '%MergeTree'"
        ).rows
        for (table,) in tables:
            store.command(f"OPTIMIZE TABLE signals_store.{table} FINAL")
    built.write_text(steps, encoding="utf-8")
    print(f"built in {perf_counter() - begun:.0f} s", flush=True)


def queries(uid: str, body: dict[str, Any], store: Store) -> Iterator[tuple[str, bool, str]]:
    """What is asked of a dashboard: on opening it, then with the largest value of each variable."""
    range_ = picked(body, store)
    values = options(body, store)
    many = {one["name"]: one.get("includeAll") for one in body["templating"]["list"]}
    largest = {name: str(store.query(_LARGEST[name]).rows[0][0]) for name in values}
    opening = {
        name: Choice(ALL if many[name] else largest[name], values[name]) for name in values
    }
    picking = {name: Choice(largest[name], values[name]) for name in values}
    for one in body["templating"]["list"]:
        if one["type"] == "query":
            yield f"variable {one['name']}", True, expand(one["query"]["rawSql"], range_, {})
    tries: list[tuple[bool, Mapping[str, Choice]]] = [(True, opening), (False, picking)]
    for is_opening, choices in tries:
        for panel in body["panels"]:
            # what another panel was told costs nothing
            for target in filterfalse(is_taken, panel.get("targets", [])):
                sql = expand(target["rawSql"], range_, choices)
                yield f"{panel['id']} {panel['title']}", is_opening, sql


def measure(store: Store) -> Iterator[Asked]:
    """Ask everything several times; a query that is the same after picking is asked once."""
    for uid, body in provisioning.dashboards().items():
        asked = set()
        for what, opening, sql in list(queries(uid, body, store)):
            if not opening and sql in asked:
                continue
            asked.add(sql)
            taken = []
            for _ in range(TIMES):
                begun = process_time()
                store.client.raw_query(sql, fmt="Native")
                taken.append(process_time() - begun)
            yield Asked(uid, what, opening, sql, median(taken))


def quantile(values: list[float], share: float) -> float:
    """The nearest rank."""
    ranked = sorted(values)
    return ranked[max(-int(-len(ranked) * share // 1), 1) - 1]


def say(name: str, found: list[Asked]) -> None:
    times = [one.seconds for one in found]
    worst = max(found, key=lambda one: one.seconds)
    opening = sum(one.seconds for one in found if one.opening)
    print(
        f"{name:16} {len(found):>7} {quantile(times, 0.5) * 1e3:7.0f} ms"
        f" {quantile(times, 0.95) * 1e3:7.0f} ms {opening:7.2f} s"
        f"  {worst.seconds * 1e3:6.0f} ms  {worst.what}",
        flush=True,
    )


def main(signals: int, folder: Path | None, *, explained: bool = False) -> None:
    folder = folder or cache() / f"{signals}"
    build(folder, signals)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores,", end=" ")
    print(f"Python {platform.python_version()}, chDB {chdb.__version__}")
    with open_store(folder, settings={"max_threads": "1"}) as store:
        migrate(store)
        print(f"{'dashboard':16} {'queries':>7} {'p50':>10} {'p95':>10} {'opening':>9}  worst")
        found: list[Asked] = []
        for one in measure(store):
            if found and one.uid != found[-1].uid:
                say(found[-1].uid, [past for past in found if past.uid == found[-1].uid])
            found.append(one)
        say(found[-1].uid, [past for past in found if past.uid == found[-1].uid])
        print(f"{'all':16} {len(found):>7} ", end="")
        times = [one.seconds for one in found]
        print(f"{quantile(times, 0.5) * 1e3:6.0f} ms {quantile(times, 0.95) * 1e3:7.0f} ms")
        slow = sorted(
            (one for one in found if one.seconds > SLOW), key=lambda one: -one.seconds
        )
        for one in slow:
            print(f"  {one.seconds * 1e3:6.0f} ms  {one.uid}: {one.what}")
            if explained:
                print(one.sql)
