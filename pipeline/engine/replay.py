"""Files through the local engine: replay, rebuild from what is stored, erase, try rejected again."""

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pipeline.core.calendar import to_instant
from pipeline.core.definition import CONFIG
from pipeline.core.rows import TABLES
from pipeline.core.signals import Instant
from pipeline.definitions import load_definitions
from pipeline.engine import configured
from pipeline.engine.decode import Decoded, Refused, decode
from pipeline.engine.garbage import collect_rarely
from pipeline.engine.intake import Summary
from pipeline.engine.local import LocalEngine
from pipeline.engine.reader import Line, Progress, read
from pipeline.store.client import Store, open_reader, open_store
from pipeline.store.migrate import migrate
from pipeline.store.writer import DATABASE

AHEAD = 1000
"""Lines that are read before the first of them is taken, to look their identities up at once."""

Archived = tuple[bytes, Instant]
"""A signal as it is stored, and when it was received."""


def run(
    engine: LocalEngine,
    files: Iterable[Path | str],
    *,
    config: Path | None = None,
    until: str | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Summary:
    """Take files of signals in, with a tick per data day and a last one."""
    summary = engine.summary = Summary()
    limit = None if until is None else to_instant(dt.datetime.fromisoformat(until))
    if config is not None:
        said = engine.parts.entity(configured.ENTITY)
        loaded = load_definitions(config)
        for definition in configured.changes(loaded, said, engine.now, engine.pseudonyms):
            engine.take(definition)
    clock = to_instant(dt.datetime.now(dt.UTC))
    progress = Progress()
    collect_rarely()
    for lines in _batches(read(list(files), progress=progress)):
        epoch = engine.epoch
        found = [
            (line, line if isinstance(line, Refused) else decode(line.data, epoch, clock))
            for line in lines
        ]
        engine.expect(decoded for _, decoded in found if isinstance(decoded, Decoded))
        for line, decoded in found:
            _take(engine, line, decoded, limit)
            if engine.full:
                engine.flush()
        if report is not None:
            report(progress)
    engine.tick(max(engine.newest, limit if limit is not None else 0))
    engine.flush()
    summary.until = engine.now
    if report is not None:
        report(progress)
    return summary


def _batches(lines: Iterator[Line | Refused]) -> Iterator[list[Line | Refused]]:
    while batch := list(islice(lines, AHEAD)):
        yield batch


def _take(
    engine: LocalEngine, line: Line | Refused, decoded: Decoded | Refused, limit: Instant | None
) -> None:
    summary = engine.summary
    if isinstance(line, Refused):
        summary.rejected += 1
        engine.refuse(line, b"", line.file, line.line)
        return
    summary.lines += 1
    if isinstance(decoded, Refused):
        summary.rejected += 1
        engine.refuse(decoded, line.data, line.file, line.number)
    elif limit is not None and decoded.signal.at > limit:
        summary.ignored["after_until"] += 1
    else:
        match engine.take(decoded):
            case "accepted":
                summary.accepted += 1
            case "duplicate":
                summary.accepted += 1
                summary.duplicates += 1
            case _:
                summary.rejected += 1
                refused = Refused("conflict", "another body with this id holds")
                engine.refuse(refused, line.data, line.file, line.number)


def replay(
    files: Iterable[Path | str],
    data: Path,
    config: Path | None = None,
    until: str | None = None,
    report: Callable[[Progress], None] | None = None,
    salt: str | None = None,
) -> Summary:
    """Run files through the local engine into a data directory; may be called again.

    `salt` is the key of pseudonyms, here and below; without one the directory's own counts.
    """
    with open_store(data) as store:
        migrate(store)
        finish_rebuild(data, store, salt)
        with LocalEngine(data, store, salt) as engine:
            summary = run(engine, files, config=config, until=until, report=report)
            if engine.parts.meta("rebuilding"):
                engine.parts.set_now("rebuilding", engine.now)
        finish_rebuild(data, store, salt)
        return summary


def rebuild(data: Path, salt: str | None = None) -> int:
    """Make all state and rows anew from the stored signals; how many signals there were."""
    with open_store(data) as store:
        migrate(store)
        with LocalEngine(data, store, salt) as engine:
            engine.parts.set_now("rebuilding", max(engine.now, 1))
        return finish_rebuild(data, store, salt).signals


class Rebuilt(NamedTuple):
    """How many signals were read again, and in how many of them a name was replaced."""

    signals: int = 0
    covered: int = 0


def finish_rebuild(data: Path, store: Store, salt: str | None = None) -> Rebuilt:
    """Rebuild where a rebuild was begun; a killed one starts again, under a new epoch."""
    with LocalEngine(data, store, salt) as engine:
        engine.pseudonyms.check(store)
        clock = engine.parts.meta("rebuilding")
        if not clock:
            return Rebuilt()
        epoch = ((engine.parts.meta("version", 1 << 40) >> 40) + 1) << 40
        engine.parts.clear(version=epoch, clock=0, newest=0)
    with LocalEngine(data, store, salt) as engine:
        count = _take_again(engine, _stored(store), clock)
        for table, _ in TABLES.values():
            if table not in ("published", "rejections"):
                store.command(
                    f"DELETE FROM {DATABASE}.{table} "  # noqa: S608 - constants
                    f"WHERE row_version < {epoch}"
                )
        engine.parts.set_now("rebuilding", 0)
        covered = engine.pseudonyms.covered
        if covered:
            # what is replaced is gone from the disk, not only from the views
            for table in ("signals", "adopters", "names", "verifications", "rejections"):
                store.command(f"OPTIMIZE TABLE {DATABASE}.{table} FINAL")
            engine.parts.compact()
        return Rebuilt(count, covered)


def _take_again(
    engine: LocalEngine,
    signals: list[Archived],
    clock: Instant,
    report: Callable[[Progress], None] | None = None,
) -> int:
    """Take archived signals, and the time until `clock`; how many could be read."""
    count = 0
    progress = Progress(total=sum(len(body) for body, _ in signals))
    for body, recorded_at in signals:
        decoded = decode(body, -(2**62), 2**62, recorded_at, limit=2**62)
        progress.done += len(body)
        if isinstance(decoded, Refused):
            # taken by a version that asked for less
            engine.refuse(decoded, body, "", 0)
            continue
        engine.take(decoded)
        count += 1
        if engine.full:
            engine.flush()
        if report is not None and count % AHEAD == 0:
            report(progress)
    engine.tick(clock)
    engine.flush()
    return count


def as_known(
    data: Path,
    into: Path,
    at: Instant,
    salt: str | None = None,
    report: Callable[[Progress], None] | None = None,
) -> int:
    """Fill an empty directory with what `data` knew at an instant; how many signals that are.

    What was received later is left out, also where it tells of earlier days. The configuration
    is the one of today: it says nothing about when it came to be.
    """
    with open_reader(data) as store:
        signals = [one for one in _stored(store) if one[1] <= at]
        known = store.rows(
            f"SELECT toUnixTimestamp64Milli(max(at)) AS at FROM {DATABASE}.clock FINAL"  # noqa: S608
        )
    if salt is None and (data / "salt").exists():
        # Pseudonyms stay what they are.
        shutil.copy(data / "salt", into / "salt")
    with open_store(into) as store:
        migrate(store)
        with LocalEngine(into, store, salt) as engine:
            return _take_again(engine, signals, min(at, known[0]["at"]), report)


def _stored(store: Store) -> list[Archived]:
    """Every archived signal, definitions first, then in the order of time."""
    found: list[Archived] = []
    for block in store.blocks(
        "SELECT body, toUnixTimestamp64Milli(recorded_at) AS received "  # noqa: S608
        f"FROM {DATABASE}.signals FINAL ORDER BY source = 'config' DESC, time, source, id"
    ):
        bodies = block.column("body").to_pylist()
        found += zip(bodies, block.column("received").to_pylist(), strict=True)
    return found


class Erased(NamedTuple):
    """How many signals were rewritten, and for which subjects the configuration names it still."""

    signals: int
    listed: list[str]


def erase(data: Path, adopter: str, salt: str | None = None) -> Erased:
    """Put a pseudonym in place of an adopter for good, in all that is stored and all that comes.

    The counts stay, for the pseudonym is one adopter too.
    """
    with open_store(data) as store:
        migrate(store)
        finish_rebuild(data, store, salt)
        with LocalEngine(data, store, salt) as engine:
            renamed = engine.pseudonyms.erase(adopter)
            engine.parts.set_now("erased", json.dumps(engine.pseudonyms.erased))
            engine.parts.set_now("rebuilding", max(engine.now, 1))
            for name, pseudonym in renamed.items():
                engine.rename_in_rejections(name, pseudonym)
            engine.flush()
        covered = finish_rebuild(data, store, salt).covered
        with LocalEngine(data, store, salt) as engine:
            listed = {
                subject.id
                for subject in engine.book.subjects()
                for _, version, order in engine.book.versions("subject", subject.id)
                if order.source == CONFIG and renamed[adopter] in (version.eligible or ())
            }
    return Erased(covered, sorted(listed))


def replay_rejected(data: Path, salt: str | None = None) -> tuple[int, int]:
    """Decode every rejected line again; how many are taken now, and how many still are not."""
    taken = left = 0
    with open_store(data) as store:
        migrate(store)
        finish_rebuild(data, store, salt)
        with LocalEngine(data, store, salt) as engine:
            clock = to_instant(dt.datetime.now(dt.UTC))
            rows = store.rows(
                f"SELECT rejection_id, bytes FROM {DATABASE}.rejections FINAL"  # noqa: S608
                " WHERE reason != 'conflict'",
                formats={"bytes": "bytes"},
            )
            for row in rows:
                decoded = decode(row["bytes"], engine.epoch, clock)
                if isinstance(decoded, Refused):
                    left += 1
                    continue
                engine.take(decoded)
                engine.take_back(row["rejection_id"])
                taken += 1
            engine.tick(engine.newest)
            engine.flush()
    return taken, left
