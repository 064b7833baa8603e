"""Signals come in: told apart, dated, counted, and given to the entities that they concern.

Both engines take signals in this way; what differs is where state is kept and where rows go.
"""

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, HOUR_MS, to_instant
from pipeline.core.definition import CONFIG
from pipeline.core.messages import Counted, Heard, Retracted
from pipeline.core.react import route
from pipeline.core.rows import ClockRow, Gone, RejectionRow, Row
from pipeline.core.signals import Defined, Instant, Order, Signal, SourceSeen, Tick
from pipeline.engine import configured
from pipeline.engine.decode import Decoded, Refused
from pipeline.engine.pseudonyms import Pseudonyms
from pipeline.engine.reactor import PartsOf, Reactor, leaving

LATE_MS = 35 * DAY_MS
"""What comes later than this is kept and counted, but not applied (semantics 3.4)."""

EPOCH = "2000-01-01"


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


def identity_of(signal: Signal) -> int:
    """What tells one signal from every other: its source and id."""
    return fingerprint(f"{signal.source}\0{signal.id}".encode())


class Identities(PartsOf, Protocol):
    """Parts, and which signals were taken before."""

    def expect(self, identities: list[int]) -> None: ...

    def seen(self, identity: int) -> int | None: ...

    def see(self, identity: int, body: int) -> None: ...


class Group(NamedTuple):
    """What leaves when a group of signals is over: rows, keys of rows that are gone, signals."""

    held: list[Row]
    gone: list[Gone]
    archive: list[Decoded]


class Intake:
    """Takes signals in and lets entities react, until a group of them is over."""

    def __init__(
        self,
        parts: Identities,
        pseudonyms: Pseudonyms,
        clock: Instant,
        newest: Instant,
        number: int = 0,
        home: Callable[[str], bool] | None = None,
    ) -> None:
        self._parts = parts
        self._number = number
        self._home = home
        self.pseudonyms = pseudonyms
        self.reactor = Reactor(parts, Book(), home)
        self.summary = Summary()
        self.clock = clock
        self.newest = newest
        self.archive: list[Decoded] = []
        self.size = 0
        self._taken: dict[int, Decoded] = {}
        self._heard: dict[str, dict[int, tuple[Instant, Instant]]] = {}
        self._counts: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        self._epoch: tuple[str, Instant] = ("", 0)
        self._day_ends = -(2**62)
        book = parts.entity("book:book")
        for n in range(book.get("size") or 0):
            if (known := book.get(f"fact/{n}")) is not None:
                self.book.add(*known)
        self.reactor.now = max(clock, newest)
        self.book.advance(self.now)

    def _stored(self, signal: Signal) -> Decoded:
        """A signal that was taken in an earlier group, as it was stored."""
        raise NotImplementedError

    def _begin_to_hash(self) -> None:
        """From now on names of people are hashed."""
        raise NotImplementedError

    @property
    def now(self) -> Instant:
        """T of semantics 4.1: the later of the newest tick and the newest signal."""
        return self.reactor.now

    @property
    def book(self) -> Book:
        return self.reactor.book

    @property
    def epoch(self) -> Instant:
        start = str(self.book.organisation.get("epoch") or EPOCH)
        if start != self._epoch[0]:
            moment = dt.datetime.fromisoformat(start).replace(tzinfo=dt.UTC)
            self._epoch = (start, to_instant(moment))
        return self._epoch[1]

    def expect(self, coming: Iterable[Decoded]) -> None:
        """Look up at once which of the signals that come next were taken before."""
        self._parts.expect([identity_of(decoded.signal) for decoded in coming])

    def take(self, decoded: Decoded) -> str:
        """Take in one signal; says accepted, duplicate or conflict."""
        signal = decoded.signal
        if isinstance(signal.data, Tick):
            self.tick(signal.at)
            return "accepted"
        if self.pseudonyms.needed:
            decoded = self.pseudonyms.cover(decoded, self.book)
            signal = decoded.signal
        identity = identity_of(signal)
        body = fingerprint(decoded.body, b"%d" % signal.recorded_at)
        known = self._parts.seen(identity)
        if known is not None:
            return self._again(decoded, identity, body, known)
        self._parts.see(identity, body)
        self._keep(decoded, identity)
        self._apply(decoded)
        return "accepted"

    def _owns(self, signal: Signal) -> bool:
        """Every partition takes each definition; one of them keeps and counts it for all."""
        if self._home is None or not isinstance(signal.data, Defined):
            return True
        return self._home(f"source:{signal.source}")

    def _keep(self, decoded: Decoded, identity: int) -> None:
        self._taken[identity] = decoded
        self.size += 1
        if self._owns(decoded.signal):
            self.archive.append(decoded)

    def _apply(self, decoded: Decoded) -> None:
        signal = decoded.signal
        if signal.source != CONFIG:
            if self._owns(signal):
                self._listen(signal)
                self._count(decoded, 1)
            if signal.at > self.newest:
                if signal.at >= self._day_ends:
                    self._begin_day(signal.at)
                self.newest = signal.at
                self.reactor.now = max(self.clock, signal.at)
        if signal.recorded_at - signal.at > LATE_MS:
            self.summary.ignored["too_late"] += 1
            return
        if isinstance(signal.data, Defined):
            self._define(signal.data, signal.order)
        for ref in route(signal):
            self.reactor.deliver(ref, signal)

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
        at = signal.at
        if signal.recorded_at - at <= LATE_MS:
            hours = self._heard.setdefault(source, {})
            hour = at // HOUR_MS
            first, last = hours.get(hour, (at, at))
            if not first < at < last:
                hours[hour] = (min(first, at), max(last, at))

    def _count(self, decoded: Decoded, n: int) -> None:
        signal = decoded.signal
        counts = self._counts[signal.source, signal.at // DAY_MS]
        counts["signals"] += n
        if decoded.skewed:
            counts["skewed"] += n
        late = signal.recorded_at - signal.at
        if late > DAY_MS:
            counts["late"] += n
            if late > LATE_MS:
                counts["too_late"] += n

    def _again(self, decoded: Decoded, identity: int, body: int, known: int) -> str:
        """The same identity came before: an equal copy changes nothing, else one of them wins."""
        self._listen(decoded.signal)
        counts: Counter[str] = Counter()
        if decoded.signal.source != CONFIG:
            day = (decoded.signal.source, decoded.signal.at // DAY_MS)
            counts = self._counts[day]
        if body == known:
            counts["duplicates"] += 1
            return "duplicate"
        old = self._taken.get(identity) or self._stored(decoded.signal)
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

    def _supersede(self, old: Decoded, new: Decoded, identity: int, body: int) -> None:
        if old.signal.source != CONFIG:
            self._count(old, -1)
        if isinstance(old.signal.data, Defined):
            self._undefine(old.signal.data, old.signal.order)
        if old.signal.recorded_at - old.signal.at <= LATE_MS:
            for ref in route(old.signal):
                self.reactor.deliver(ref, Retracted(old.signal))
        self._parts.see(identity, body)
        self._keep(new, identity)
        self._apply(new)

    def refuse(self, refused: Refused, line: bytes, file: str, number: int) -> None:
        """Keep what cannot be taken, with its reason."""
        file, number = refused.file or file, refused.line or number
        # the bytes of a name need not be text
        name = file.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        where = f"{name}:{number}".encode()
        id = f"{fingerprint(where, refused.reason.encode(), line) & (2**64 - 1):016x}"
        source, received_at = _origin(line)
        if self.pseudonyms.needed:
            line = self.pseudonyms.line(line)
        row = RejectionRow(
            id,
            source,
            _received(file, self.now) if received_at is None else received_at,
            refused.reason,
            refused.detail,
            name,
            number,
            # Of a line that is too long for any replay the beginning is enough to find it.
            line[: 1 << 16] if refused.reason == "too_large" else line,
        )
        self.reactor.rows[RejectionRow, (id,)] = row
        self.size += 1

    def take_back(self, rejection_id: str) -> None:
        """The line was taken after all: its rejection leaves the view."""
        self.reactor.rows[RejectionRow, (rejection_id,)] = None

    def _define(self, fact: Defined, order: Order) -> None:
        try:
            holds = self.book.add(fact, order)
        except (ValueError, TypeError, KeyError) as error:
            self.summary.ignored["unreadable_definition"] += 1
            if not self._home or self._home(f"source:{order.source}"):
                self.refuse(
                    Refused("invalid_field", f"data: {fact.kind} {fact.id}: {error}"[:300]),
                    b"",
                    "",
                    0,
                )
            return
        state = self._parts.entity("book:book")
        size = state.get("size") or 0
        self._parts.change("book:book", {f"fact/{size}": (fact, order), "size": size + 1})
        if holds:
            self.reactor.redefined.add((fact.kind, fact.id))
            if order.source == CONFIG:
                said = self._parts.entity(configured.ENTITY)
                self._parts.change(configured.ENTITY, configured.note(said, fact, order))
        privacy = self.book.organisation.get("privacy") or {}
        if privacy.get("adopters") == "hashed" and not self.pseudonyms.hashed:
            self._begin_to_hash()

    def _undefine(self, fact: Defined, order: Order) -> None:
        """Another copy of this definition holds: what it said before is forgotten."""
        self.book.remove(fact, order)
        state = self._parts.entity("book:book")
        for n in range(state.get("size") or 0):
            if state.get(f"fact/{n}") == (fact, order):
                self._parts.change("book:book", {f"fact/{n}": None})
        self.reactor.redefined.add((fact.kind, fact.id))

    def tick(self, at: Instant) -> None:
        """Time has come to `at`: everything that is due judges.

        What is said of a day is kept as it was said then, so all that it rests on is judged too.
        """
        self.clock = max(self.clock, at)
        self.reactor.now = max(self.clock, self.newest)
        self._hear()
        self.reactor.settle()

    def _hear(self) -> None:
        for source, hours in sorted(self._heard.items()):
            self.reactor.post(f"source:{source}", Heard(hours))
        self._heard = {}

    def _keep_counts(self) -> None:
        """Tell every source what was counted of it here so far."""
        counted: dict[str, dict[int, dict[str, int]]] = {}
        for (source, day), counts in self._counts.items():
            part = f"day/{day}"
            total = Counter(self._parts.entity(f"intake:{source}").get(part) or {})
            total.update(counts)
            self._parts.change(f"intake:{source}", {part: dict(total)})
            counted.setdefault(source, {})[day] = dict(total)
        self._counts.clear()
        for source, days in counted.items():
            self.reactor.post(f"source:{source}", Counted(self._number, days))

    def judge(self) -> Group:
        """The group is over: everything that is due judges, and what leaves is handed over."""
        self._hear()
        self._keep_counts()
        self.reactor.settle()
        rows = self.reactor.rows
        name = f"clock {self._number}"
        rows[ClockRow, (name,)] = ClockRow(name, self.now)
        group = Group(*leaving(rows), self.archive)
        self.reactor.rows, self.archive, self._taken, self.size = {}, [], {}, 0
        return group


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
