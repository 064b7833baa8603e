"""The local engine: one process, a queue, alarms, and the embedded ClickHouse.

Signals are taken one by one; only the I/O is grouped. Of what a group says about a row the last
word leaves. A group is made durable in SQLite first, with its rows, and then sent to the store,
so a killed process neither loses nor repeats anything.
"""

import datetime as dt
import gc
import heapq
import json
import pickle
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, HOUR_MS, to_instant
from pipeline.core.messages import Heard, Message, Redefined, Retracted
from pipeline.core.react import KINDS, RANK, react, route
from pipeline.core.rows import TABLES, ClockRow, Gone, RejectionRow, Row, SourceDayRow
from pipeline.core.signals import Defined, Instant, Order, Signal, SourceSeen, Tick
from pipeline.definitions import load_definitions
from pipeline.engine import configured
from pipeline.engine.configured import CONFIG
from pipeline.engine.decode import Decoded, Refused, decode
from pipeline.engine.parts import Parts
from pipeline.engine.pseudonyms import Pseudonyms
from pipeline.engine.reader import Line, Progress, read
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import migrate
from pipeline.store.writer import DATABASE, Writer

GROUP = 20_000
"""Signals per group: large enough that I/O does not show, small enough to hold in memory."""

LATE_MS = 35 * DAY_MS
"""What comes later than this is kept and counted, but not applied (semantics 3.4)."""

EPOCH = "2000-01-01"

DAILY = tuple(RANK[kind] for kind in ("shard", "subject", "goal", "source"))
"""What is judged at every tick: what it says of a day is published as it was then."""

AHEAD = 1000
"""Lines that are read before the first of them is taken, to look their identities up at once."""


@dataclass(slots=True)
class Summary:
    """What became of the lines of a replay."""

    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    until: Instant | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "lines": self.lines,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "ignored": dict(self.ignored),
            "rejected": self.rejected,
        }


def fingerprint(*texts: bytes) -> int:
    """8 bytes that stand for texts, as a signed number that SQLite can hold."""
    digest = blake2b(b"\0".join(texts), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _identity(signal: Signal) -> int:
    return fingerprint(signal.source.encode(), signal.id.encode())


class LocalEngine:
    """Runs `react` over signals into one data directory."""

    def __init__(self, data: Path, store: Store) -> None:
        self.store = store
        self.parts = Parts(data / "state.sqlite")
        self.pseudonyms = Pseudonyms.of_directory(data, self.parts)
        self.writer = Writer(store)
        self.book = Book()
        self.summary = Summary()
        self.clock: Instant = self.parts.meta("clock", 0)
        self.newest: Instant = self.parts.meta("newest", 0)
        self._version: int = self.parts.meta("version", 1 << 40)
        self._letters: deque[tuple[str, Any]] = deque()
        self._ready: list[set[str]] = [set() for _ in KINDS]
        self._alarms = self.parts.alarms()
        heapq.heapify(self._alarms)
        self._alarm_of = {ref: at for at, ref in self._alarms}
        self._rows: dict[tuple[type[Any], tuple[Any, ...]], Row | None] = {}
        self._archive: list[Decoded] = []
        self._taken: dict[int, Decoded] = {}
        self._heard: dict[str, dict[int, tuple[Instant, Instant]]] = {}
        self._counts: dict[tuple[str, int], Counter[str]] = {}
        self._redefined: set[tuple[str, str]] = set()
        self._size = 0
        self._epoch: tuple[str, Instant] = ("", 0)
        self._day_ends = -(2**62)
        for version, blob in self.parts.outbox():
            # the file is our own: nothing but this class writes it
            self._send(version, *pickle.loads(blob))  # noqa: S301
        book = self.parts.entity("book:book")
        for n in range(book.get("size") or 0):
            if (known := book.get(f"fact/{n}")) is not None:
                self.book.add(*known)
        self.book.advance(self.now)

    @property
    def now(self) -> Instant:
        """T of semantics 4.1: the later of the newest tick and the newest signal."""
        return max(self.clock, self.newest)

    @property
    def epoch(self) -> Instant:
        start = str(self.book.organisation.get("epoch") or EPOCH)
        if start != self._epoch[0]:
            moment = dt.datetime.fromisoformat(start).replace(tzinfo=dt.UTC)
            self._epoch = (start, to_instant(moment))
        return self._epoch[1]

    # -- taking signals in -----------------------------------------------------------------

    def expect(self, coming: Iterable[Decoded]) -> None:
        """Look up at once which of the signals that come next were taken before."""
        self.parts.expect([_identity(decoded.signal) for decoded in coming])

    def take(self, decoded: Decoded) -> str:
        """Take in one signal; says accepted, duplicate or conflict."""
        signal = decoded.signal
        if isinstance(signal.data, Tick):
            self.tick(signal.at)
            return "accepted"
        if self.pseudonyms.needed:
            decoded = self.pseudonyms.cover(decoded, self.book)
            signal = decoded.signal
        identity = _identity(signal)
        body = fingerprint(decoded.body, b"%d" % signal.recorded_at)
        known = self.parts.seen(identity)
        if known is not None:
            return self._again(decoded, identity, body, known)
        self.parts.see(identity, body)
        self._keep(decoded, identity)
        self._apply(decoded)
        return "accepted"

    def _keep(self, decoded: Decoded, identity: int) -> None:
        self._archive.append(decoded)
        self._taken[identity] = decoded
        self._size += 1

    def _apply(self, decoded: Decoded) -> None:
        signal = decoded.signal
        if signal.source != CONFIG:
            self._listen(signal)
            self._count(decoded, 1)
            if signal.at > self.newest:
                if signal.at >= self._day_ends:
                    self._begin_day(signal.at)
                self.newest = signal.at
        if signal.recorded_at - signal.at > LATE_MS:
            self.summary.ignored["too_late"] += 1
            return
        if isinstance(signal.data, Defined):
            self._define(signal.data, signal.order)
        for ref in route(signal, self.book):
            self._deliver(ref, signal)

    def _begin_day(self, at: Instant) -> None:
        """Judge everything up to the start of the day of `at` first."""
        zone = self.book.organisation_zone
        day = zone.day(at)
        start = zone.start(day)
        if start > self.clock and self.newest:
            self.tick(start)
        self._day_ends = zone.close(day)

    def _listen(self, signal: Signal) -> None:
        """Every copy is a sign of life of its source, also one that does not hold."""
        source = signal.data.source if isinstance(signal.data, SourceSeen) else signal.source
        if signal.recorded_at - signal.at <= LATE_MS:
            hours = self._heard.setdefault(source, {})
            hour = signal.at // HOUR_MS
            first, last = hours.get(hour, (signal.at, signal.at))
            hours[hour] = (min(first, signal.at), max(last, signal.at))

    def _count(self, decoded: Decoded, n: int) -> None:
        signal = decoded.signal
        counts = self._counts.setdefault((signal.source, signal.at // DAY_MS), Counter())
        counts["signals"] += n
        if decoded.skewed:
            counts["skewed"] += n
        if signal.recorded_at - signal.at > DAY_MS:
            counts["late"] += n
        if signal.recorded_at - signal.at > LATE_MS:
            counts["too_late"] += n

    def _again(self, decoded: Decoded, identity: int, body: int, known: int) -> str:
        """The same identity came before: an equal copy changes nothing, else one of them wins."""
        self._listen(decoded.signal)
        counts: Counter[str] = Counter()
        if decoded.signal.source != CONFIG:
            day = (decoded.signal.source, decoded.signal.at // DAY_MS)
            counts = self._counts.setdefault(day, counts)
        if body == known:
            counts["duplicates"] += 1
            return "duplicate"
        old = self._taken.get(identity) or self._archived(decoded.signal)
        mine, theirs = _canonical(decoded.body), _canonical(old.body)
        if mine == theirs:
            counts["duplicates"] += 1
            # The first receipt holds; of one instant the smaller spelling, not the first.
            if (decoded.signal.recorded_at, decoded.body) < (old.signal.recorded_at, old.body):
                self._supersede(old, decoded, identity, body)
            return "duplicate"
        if _rank(decoded, mine) < _rank(old, theirs):
            self._supersede(old, decoded, identity, body)
            self.refuse(
                Refused("conflict", f"another body of {old.signal.id} holds"), old.body, "", 0
            )
            return "accepted"
        return "conflict"

    def _archived(self, signal: Signal) -> Decoded:
        rows = self.store.rows(
            "SELECT body, toUnixTimestamp64Milli(recorded_at) AS received"  # noqa: S608
            f" FROM {DATABASE}.signals FINAL "
            "WHERE source = {source:String} AND id = {id:String}",
            {"source": signal.source, "id": signal.id},
            formats={"body": "bytes"},
        )
        found = decode(rows[0]["body"], -(2**62), 2**62, rows[0]["received"], limit=2**62)
        assert isinstance(found, Decoded)
        return found

    def _supersede(self, old: Decoded, new: Decoded, identity: int, body: int) -> None:
        if old.signal.source != CONFIG:
            self._count(old, -1)
        if isinstance(old.signal.data, Defined):
            self._undefine(old.signal.data, old.signal.order)
        for ref in route(old.signal, self.book):
            self._deliver(ref, Retracted(old.signal))
        self.parts.see(identity, body)
        self._keep(new, identity)
        self._apply(new)

    def refuse(self, refused: Refused, line: bytes, file: str, number: int) -> None:
        """Keep what cannot be taken, with its reason."""
        where = f"{refused.file or file}:{refused.line or number}".encode()
        id = f"{fingerprint(where, refused.reason.encode(), line) & (2**64 - 1):016x}"
        source, received_at = _origin(line)
        if self.pseudonyms.needed:
            line = self.pseudonyms.line(line)
        row = RejectionRow(
            id,
            source,
            _received(refused.file or file, self.now) if received_at is None else received_at,
            refused.reason,
            refused.detail,
            refused.file or file,
            refused.line or number,
            # Of a line that is too long for any replay the beginning is enough to find it.
            line[: 1 << 16] if refused.reason == "too_large" else line,
        )
        self._rows[RejectionRow, (id,)] = row
        self._size += 1

    def take_back(self, rejection_id: str) -> None:
        """The line was taken after all: its rejection leaves the view."""
        self._rows[RejectionRow, (rejection_id,)] = None

    def rename_in_rejections(self, name: str, pseudonym: str) -> None:
        """Replace a name wherever it stands in a line that was not taken, readable or not."""
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        for row in self.store.rows(
            "SELECT rejection_id, source, toUnixTimestamp64Milli(received_at) AS received,"  # noqa: S608
            f" reason, detail, file, line, bytes FROM {DATABASE}.rejections FINAL"
            " WHERE position(bytes, {name:String}) > 0 OR position(detail, {name:String}) > 0",
            {"name": name},
            formats={"bytes": "bytes"},
        ):
            line = self.pseudonyms.line(row["bytes"])
            text = line.decode("utf-8", "surrogateescape")
            rejection = RejectionRow(
                row["rejection_id"],
                row["source"],
                row["received"],
                row["reason"],
                word.sub(pseudonym, row["detail"]),
                row["file"],
                row["line"],
                word.sub(pseudonym, text).encode("utf-8", "surrogateescape"),
            )
            self._rows[RejectionRow, (rejection.rejection_id,)] = rejection

    # -- definitions -----------------------------------------------------------------------

    def _define(self, fact: Defined, order: Order) -> None:
        try:
            holds = self.book.add(fact, order)
        except (ValueError, TypeError, KeyError) as error:
            self.summary.ignored["unreadable_definition"] += 1
            self.refuse(
                Refused("invalid_field", f"data: {fact.kind} {fact.id}: {error}"[:300]),
                b"",
                "",
                0,
            )
            return
        state = self.parts.entity("book:book")
        size = state.get("size") or 0
        self.parts.change("book:book", {f"fact/{size}": (fact, order), "size": size + 1})
        if holds:
            self._redefined.add((fact.kind, fact.id))
            if order.source == CONFIG:
                said = self.parts.entity(configured.ENTITY)
                self.parts.change(configured.ENTITY, configured.note(said, fact, order))
        privacy = self.book.organisation.get("privacy") or {}
        if privacy.get("adopters") == "hashed" and not self.pseudonyms.hashed:
            self._begin_to_hash()

    def _undefine(self, fact: Defined, order: Order) -> None:
        """Another copy of this definition holds: what it said before is forgotten."""
        self.book.remove(fact, order)
        state = self.parts.entity("book:book")
        for n in range(state.get("size") or 0):
            if state.get(f"fact/{n}") == (fact, order):
                self.parts.change("book:book", {f"fact/{n}": None})
        self._redefined.add((fact.kind, fact.id))

    def _begin_to_hash(self) -> None:
        """From now on names are hashed; those stored so far are when all is made anew.

        There is no way back: with names again, who is known would count twice.
        """
        self.pseudonyms.hashed = True
        self.parts.set_meta("hashed", 1)
        if self.newest:
            self.parts.set_meta("rebuilding", self.now)

    def _redefine(self) -> None:
        """Let everything that a changed definition concerns judge again."""
        changed, self._redefined = self._redefined, set()
        if not changed:
            return
        refs: set[str] = set()
        broad = {"organisation", "rules", "team", "source"}
        for kind, id in changed:
            if kind in broad:
                refs.update(
                    self.parts.refs(["service", "repo", "item", "team", "flag", "package"])
                )
                refs.update(f"subject:{s.id}" for s in self.book.subjects())
                refs.update(f"goal:{g.id}" for g in self.book.goals())
            elif kind == "goal":
                refs.update(self._around_goal(id))
                refs.update(f"goal:{g.id}" for g in self.book.goals())
            elif kind == "subject":
                refs.update(self._around_subject(id))
            elif kind == "service":
                refs.add(f"service:{id}")
                refs.update(self.parts.refs(["repo", "item"]))
        for ref in sorted(refs, key=lambda r: (RANK[r.partition(":")[0]], r)):
            self._deliver(ref, Redefined())

    def _around_goal(self, id: str) -> Iterator[str]:
        yield f"goal:{id}"
        for goal in self.book.ever("goal", id):
            yield from (f"goal:{parent.id}" for parent in goal.parents)
            if goal.metric is not None and goal.metric.subject:
                yield f"subject:{goal.metric.subject}"
            if goal.work.labels or goal.work.epics or goal.work.work_items:
                yield from self.parts.refs(["item"])

    def _around_subject(self, id: str) -> Iterator[str]:
        yield f"subject:{id}"
        for subject in self.book.ever("subject", id):
            if subject.measure.kind == "pinned":
                yield f"package:{subject.measure.package}"
            yield from (f"flag:{flag}" for flag in subject.flags)
        yield from (f"goal:{goal.id}" for goal in self.book.goals_on_subject(id))
        yield from self.parts.refs(["item"])

    # -- the queue -------------------------------------------------------------------------

    def _deliver(self, ref: str, what: Signal | Message | None) -> None:
        state = self.parts.entity(ref)
        reaction = react(ref, state, what, self.now, self.book)
        if reaction.parts:
            self.parts.change(ref, reaction.parts)
        self._letters.extend(reaction.letters)
        for gone in reaction.gone:
            self._rows[gone.row_type, gone.key] = None
        for row in reaction.rows:
            kind = type(row)
            self._rows[kind, tuple(row[: TABLES[kind][1]])] = row
        if reaction.wake_at is not None:
            self._set_alarm(ref, reaction.wake_at)

    def _set_alarm(self, ref: str, at: Instant) -> None:
        if at <= self.now:
            self._ready[RANK[ref.partition(":")[0]]].add(ref)
            return
        known = self._alarm_of.get(ref)
        if known is None or at < known:
            self._alarm_of[ref] = at
            heapq.heappush(self._alarms, (at, ref))
            self.parts.alarm(ref, at)

    def tick(self, at: Instant) -> None:
        """Time has come to `at`: what says something every day judges; the rest may wait.

        A work item is judged as well once for all that happened to it in a group, for its
        states are a fold over what was known when (design.md, confluence).
        """
        self.clock = max(self.clock, at)
        self.settle(DAILY)

    def settle(self, kinds: tuple[int, ...] = tuple(range(len(KINDS)))) -> None:
        """Let every entity that something happened to judge, in the order of the flow."""
        now = self.now
        self._redefined |= self.book.advance(now)
        self._redefine()
        for source, hours in sorted(self._heard.items()):
            self._deliver(f"source:{source}", Heard(hours))
        self._heard = {}
        while self._alarms and self._alarms[0][0] <= now:
            at, ref = heapq.heappop(self._alarms)
            if self._alarm_of.get(ref) == at:
                self._ready[RANK[ref.partition(":")[0]]].add(ref)
        while True:
            while self._letters:
                to, message = self._letters.popleft()
                self._deliver(to, message)
            ready = next((self._ready[kind] for kind in kinds if self._ready[kind]), None)
            if ready is None:
                return
            due = sorted(ready)
            ready.clear()
            for ref in due:
                if self._alarm_of.pop(ref, None) is not None:
                    self.parts.alarm(ref, None)
                self._deliver(ref, None)

    # -- groups ----------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        return self._size >= GROUP

    def flush(self) -> None:
        """Judge, and make everything since the last flush durable."""
        self.settle()
        self._version += 1
        version = self._version
        self._keep_counts()
        if self._archive:
            self._write_archive(version)
        self._rows[ClockRow, ("clock",)] = ClockRow("clock", self.now)
        held = [row for row in self._rows.values() if row is not None]
        gone = [Gone(kind, key) for (kind, key), row in self._rows.items() if row is None]
        for name, value in (
            ("version", version),
            ("clock", self.clock),
            ("newest", self.newest),
        ):
            self.parts.set_meta(name, value)
        self.parts.commit(version, pickle.dumps((held, gone), 5))
        self._rows, self._archive, self._taken = {}, [], {}
        self._size = 0
        self._send(version, held, gone)

    def _send(self, version: int, held: list[Row], gone: list[Gone]) -> None:
        self.writer.write(held, gone, version, f"local:{version}")
        self.parts.sent(version)

    def _write_archive(self, version: int) -> None:
        # archived before the group is durable: it is idempotent, and nothing may be lost
        taken = self._archive
        self.writer.signals(
            source=[d.signal.source for d in taken],
            id=[d.signal.id for d in taken],
            type=[d.type for d in taken],
            time=[d.signal.at for d in taken],
            recorded_at=[d.signal.recorded_at for d in taken],
            subject=[d.subject or "" for d in taken],
            body=[d.body for d in taken],
            version=version,
            token=f"archive:{fingerprint(*(d.body for d in taken))}:{version}",
        )

    def _keep_counts(self) -> None:
        for (source, day), counts in self._counts.items():
            state = self.parts.entity(f"intake:{source}")
            total = Counter(state.get(str(day)) or {})
            total.update(counts)
            self.parts.change(f"intake:{source}", {str(day): dict(total)})
            self._rows[SourceDayRow, (source, day)] = SourceDayRow(
                source,
                day,
                total["signals"],
                total["duplicates"],
                total["late"],
                total["skewed"],
                total["too_late"],
            )
        self._counts = {}

    def close(self) -> None:
        self.parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _canonical(body: bytes) -> bytes:
    """What a copy of a signal says, whatever its spelling and whenever it was received."""
    event = json.loads(body)
    event.pop("recordedtime", None)
    return json.dumps(event, sort_keys=True, separators=(",", ":")).encode()


def _rank(decoded: Decoded, canonical: bytes) -> tuple[int, bytes]:
    data = decoded.signal.data
    revision = data.revision or 0 if isinstance(data, Defined) else 0
    return (-revision, blake2b(canonical, digest_size=16).digest())


def _origin(line: bytes) -> tuple[str, Instant | None]:
    """What a line that cannot be taken says about its source and its receipt."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return "", None
    if not isinstance(event, dict):
        return "", None
    source = str(event.get("source") or "")[:200]
    for name in ("received_at", "recordedtime", "time"):
        try:
            at = dt.datetime.fromisoformat(event[name])
        except (KeyError, TypeError, ValueError):
            continue
        if at.tzinfo is not None and 2000 <= at.year < 2100:
            return source, to_instant(at)
    return source, None


def _received(file: str, now: Instant) -> Instant:
    """A line without a time came with its file; the same on every replay of it."""
    try:
        return int(Path(file).stat().st_mtime * 1000)
    except (OSError, ValueError):
        return max(now, 0)


# -- replay --------------------------------------------------------------------------------


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
    # state is all tuples and dicts without cycles: looking for some after every 700 is a fifth
    # of the time
    gc.set_threshold(200_000, 50, 1000)
    for lines in _batches(read(list(files), progress=progress)):
        found = [
            (
                line,
                line if isinstance(line, Refused) else decode(line.data, engine.epoch, clock),
            )
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
) -> Summary:
    """Run files through the local engine into a data directory; may be called again."""
    with open_store(data) as store:
        migrate(store)
        finish_rebuild(data, store)
        with LocalEngine(data, store) as engine:
            summary = run(engine, files, config=config, until=until, report=report)
            if engine.parts.meta("rebuilding"):
                engine.parts.set_now("rebuilding", engine.now)
        finish_rebuild(data, store)
        return summary


def rebuild(data: Path) -> int:
    """Make all state and rows anew from the stored signals; how many signals there were."""
    with open_store(data) as store:
        migrate(store)
        with LocalEngine(data, store) as engine:
            engine.parts.set_now("rebuilding", max(engine.now, 1))
        return finish_rebuild(data, store).signals


class Rebuilt(NamedTuple):
    """How many signals were read again, and in how many of them a name was replaced."""

    signals: int = 0
    covered: int = 0


def finish_rebuild(data: Path, store: Store) -> Rebuilt:
    """Rebuild where a rebuild was begun; a killed one starts again, under a new epoch."""
    with LocalEngine(data, store) as engine:
        clock = engine.parts.meta("rebuilding")
        if not clock:
            return Rebuilt()
        epoch = ((engine.parts.meta("version", 1 << 40) >> 40) + 1) << 40
        engine.parts.clear(version=epoch, clock=0, newest=0)
    with LocalEngine(data, store) as engine:
        count = 0
        for body, recorded_at in _stored(store):
            decoded = decode(body, -(2**62), 2**62, recorded_at, limit=2**62)
            if isinstance(decoded, Refused):
                # taken by a version that asked for less
                engine.refuse(decoded, body, "", 0)
                continue
            engine.take(decoded)
            count += 1
            if engine.full:
                engine.flush()
        engine.tick(clock)
        engine.flush()
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
            for table in ("signals", "adopters", "verifications", "rejections"):
                store.command(f"OPTIMIZE TABLE {DATABASE}.{table} FINAL")
            engine.parts.compact()
        return Rebuilt(count, covered)


def _stored(store: Store) -> list[tuple[bytes, Instant]]:
    """Every archived signal, definitions first, then in the order of time."""
    found: list[tuple[bytes, Instant]] = []
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


def erase(data: Path, adopter: str) -> Erased:
    """Put a pseudonym in place of an adopter for good, in all that is stored and all that comes.

    The counts stay, for the pseudonym is one adopter too.
    """
    with open_store(data) as store:
        migrate(store)
        finish_rebuild(data, store)
        with LocalEngine(data, store) as engine:
            renamed = engine.pseudonyms.erase(adopter)
            engine.parts.set_now("erased", json.dumps(engine.pseudonyms.erased))
            engine.parts.set_now("rebuilding", max(engine.now, 1))
            for name, pseudonym in renamed.items():
                engine.rename_in_rejections(name, pseudonym)
            engine.flush()
        covered = finish_rebuild(data, store).covered
        with LocalEngine(data, store) as engine:
            listed = {
                subject.id
                for subject in engine.book.subjects()
                for _, version, order in engine.book.versions("subject", subject.id)
                if order.source == CONFIG and renamed[adopter] in (version.eligible or ())
            }
    return Erased(covered, sorted(listed))


def replay_rejected(data: Path) -> tuple[int, int]:
    """Decode every rejected line again; how many are taken now, and how many still are not."""
    taken = left = 0
    with open_store(data) as store:
        migrate(store)
        finish_rebuild(data, store)
        with LocalEngine(data, store) as engine:
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
