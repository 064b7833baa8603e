"""A worker of the stream engine: some stages in one process, until it is told to stop."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import logs, metrics
from pipeline.config import Settings
from pipeline.engine import topics
from pipeline.engine.disk import check_package
from pipeline.engine.garbage import collect_rarely
from pipeline.engine.health import Health, NoEngine
from pipeline.engine.lag import keep_measuring
from pipeline.engine.pseudonyms import check_salt, salt_of
from pipeline.engine.stream import STAGES, Keep, Parse, React, Stage, tick
from pipeline.store.client import Store, open_store, server_options
from pipeline.store.migrate import migrate
from pipeline.store.server import LOOPBACK, Pages, Readers, Server

STOP_WITHIN = 8.0
"""Seconds; what is not done by then comes again to whoever takes over."""

END_WITHIN = 9.0
"""Seconds; an insert without an answer keeps its thread, and Python waits for threads."""

log = logging.getLogger(__name__)


class Membership(NamedTuple):
    """Which process of a fleet this one is, and the process that started the fleet."""

    number: int
    parent: int


def work(
    settings: Settings, only: Sequence[str] = STAGES, member: Membership | None = None
) -> None:
    """Run stages of the stream engine; returns after SIGTERM or SIGINT.

    What cannot work with these settings is raised, before anything else is said. A member
    of a fleet ends with whoever started it.
    """
    collect_rarely()
    topics.check(settings)
    if "react" in only and settings.state == "rocksdb":
        check_package()
    datadir = settings.data / ("worker" if member is None else f"worker-{member.number}")
    datadir.mkdir(parents=True, exist_ok=True)
    health = Health(only)
    metrics.REGISTRY.register(health)
    with ExitStack() as open_:
        store = None
        if "store" in only:
            store = open_.enter_context(open_stored(settings))
            migrate(store)
            if "react" in only or settings.salt is not None:
                check_salt(store, salt_of(settings.data, settings.salt))
        logs.to_stderr()
        if server := _server(settings, health.pages(), embedded=store is not None):
            open_.enter_context(server)
            log.info("health, metrics and queries are answered at %s", server.address)
        failed = asyncio.run(_work(settings, only, store, health, datadir, member))
    # Faust leaves threads behind that nobody can join
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(failed))


def open_stored(settings: Settings) -> Store:
    """The store that the settings name, to write to it."""
    url = None if settings.embedded else settings.clickhouse_url
    data = settings.data if settings.embedded else None
    return open_store(data, url, server=server_options(settings))


def _measure(settings: Settings, keep: Keep) -> threading.Event:
    """Let lag be measured until the event is set."""
    stopped = threading.Event()
    threading.Thread(
        target=keep_measuring,
        args=(settings, lambda: open_stored(settings), keep.has_first, stopped),
        daemon=True,
    ).start()
    return stopped


def _server(settings: Settings, pages: Pages, *, embedded: bool) -> Server | None:
    """What answers over HTTP; the embedded store always does, as nobody else can open it."""
    if embedded and settings.embedded:
        return Readers(settings.data, settings.http or LOOPBACK, pages)
    return Server(NoEngine(), settings.http, pages) if settings.http else None


async def _work(
    settings: Settings,
    only: Sequence[str],
    store: Store | None,
    health: Health,
    datadir: Path,
    member: Membership | None,
) -> bool:
    """Whether a stage failed."""
    stages: list[Stage] = []
    if "parse" in only:
        stages.append(Parse(settings, datadir))
    react = React(settings, datadir) if "react" in only else None
    if react is not None:
        stages.append(react)
    keep = Keep(settings, datadir, store) if store is not None else None
    if keep is not None:
        stages.append(keep)
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, done.set)
    beating = [asyncio.create_task(health.beat())]
    if member is not None:
        beating.append(asyncio.create_task(_outlive(member.parent, done)))
    for stage in stages:
        await stage.start()
        health.started(stage)
        log.info("%s is working", stage.name)
    measured = _measure(settings, keep) if keep is not None else None
    ticking = None
    if react is not None and settings.ticker:
        ticking = asyncio.create_task(tick(settings, react))
    ends: list[asyncio.Task[Any]] = [
        asyncio.create_task(event.wait()) for event in (done, *(s.failed for s in stages))
    ]
    ends.append(asyncio.create_task(_crash(stages)))
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    failed = any(stage.failed.is_set() or stage.app.crashed for stage in stages)
    # as after a crash: whatever is not durable by then was not acknowledged either
    end = threading.Timer(END_WITHIN, os._exit, (int(failed),))
    end.daemon = True
    end.start()
    health.stopping()
    logs.STAGE.set(None)
    if measured is not None:
        measured.set()
    if ticking is not None:
        ticking.cancel()
    try:
        async with asyncio.timeout(STOP_WITHIN):
            for stage in stages:
                await stage.stop()
    except TimeoutError:
        log.warning("stopped after %s s with work left; it comes again", STOP_WITHIN)
    for task in beating:
        task.cancel()
    log.info("stopped")
    return failed


async def _outlive(parent: int, done: asyncio.Event) -> None:
    """Stop soon after the process that started this one is gone."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(1)
    log.warning("the process that started this worker is gone")
    done.set()


async def _crash(stages: Sequence[Stage]) -> None:
    """Wait until one has crashed: Faust stops it, and would leave the process without it."""
    while not any(stage.app.crashed for stage in stages):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(1)
    log.error("a stage has crashed, so the worker ends")
