"""One partition of the stream engine: its entities, their parts in memory, and what leaves.

A partition is home to the entities whose reference hashes to it. It takes the signals about
them, hears messages from others, and at the end of a group says what has to be made durable:
messages and rows first, then its changed parts (engines.md, order of work).
"""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, NamedTuple

from pipeline.core.names import partition_of
from pipeline.core.react import route
from pipeline.core.reaction import Letter
from pipeline.core.signals import Defined, Instant, Signal
from pipeline.engine.codec import codec
from pipeline.engine.decode import Decoded, decode
from pipeline.engine.fuse import Counts
from pipeline.engine.intake import Group, Intake, identity_of
from pipeline.engine.pseudonyms import Pseudonyms
from pipeline.engine.stored import part_codec

_ALARM = "@alarm"
_SEEN = "@seen"
_CLOCK = b"\0@clock"
_PLACE = b"\0@place"
_REJECTS = b"\0@rejects"
_HASHED = b"\0@hashed"
_INSTANT = codec(int)
_TIMES = codec(tuple[int, int])
_COUNTS = codec(Counts)
_COPY = codec(tuple[int, int, bytes])


def homes(signal: Signal, partitions: int) -> list[int]:
    """The partitions that take a signal: its entity's, or its source's; a definition's are all."""
    if isinstance(signal.data, Defined):
        return list(range(partitions))
    refs = route(signal) or [f"source:{signal.source}"]
    return sorted({partition_of(ref, partitions) for ref in refs})


CACHE = 400_000
"""Changes of parts after which the decoded ones are forgotten, and read again when needed."""


class EntityState:
    """The parts of one entity, decoded when they are asked for."""

    __slots__ = ("_raw", "_ref", "kept", "values")

    def __init__(self, raw: Mapping[bytes, bytes], ref: str) -> None:
        self._raw = raw
        self._ref = ref
        self.kept: Any = None
        self.values: dict[str, Any] = {}

    def get(self, part: str, /) -> Any:
        try:
            return self.values[part]
        except KeyError:
            encoded = self._raw.get(_key(self._ref, part))
            value = None if encoded is None else part_codec(self._ref, part).decode(encoded)
            self.values[part] = value
            return value


def _key(ref: str, part: str) -> bytes:
    return f"{ref}\0{part}".encode()


class PartitionParts:
    """Parts, alarms and identities of one partition, over a mapping that outlives a crash.

    A key of the mapping is the reference and the part, with a NUL between them. What changes
    stays here until `commit`, so that effects can be made durable before it.

    It knows its place in the log of its records: `done` is the last that it contains. `begun`,
    which is durable before anything leaves, is where the group ends that was worked on last.
    Should that group come again, it has to end there again: among more records, or fewer, other
    things are worth saying, and what left the first time would never be taken back.
    """

    def __init__(self, raw: MutableMapping[bytes, bytes]) -> None:
        self._raw = raw
        self._entities: dict[str, EntityState] = {}
        self._changed: dict[bytes, bytes | None] = {}
        self._parts: dict[tuple[str, str], Any] = {}
        """Parts that changed, by reference and name: what changes again is encoded once."""
        self._changes = 0
        self._refs: set[str] = set()
        self._alarms: list[tuple[Instant, str]] = []
        for key in raw:
            ref, _, part = key.decode().partition("\0")
            if part == _ALARM:
                self._alarms.append((_INSTANT.decode(raw[key]), ref))
            elif part[:1] != "@":
                self._refs.add(ref)
        clock = raw.get(_CLOCK)
        self.clock: tuple[Instant, Instant] = (0, 0) if clock is None else _TIMES.decode(clock)
        rejects = raw.get(_REJECTS)
        self.rejects: Counts = Counts() if rejects is None else _COUNTS.decode(rejects)
        self.hashed = _HASHED in raw
        """Whether names of people were ever hashed; there is no way back."""
        place = raw.get(_PLACE)
        self.done: int
        self.begun: int
        self.done, self.begun = (-1, -1) if place is None else _TIMES.decode(place)

    def begin(self, last: int) -> None:
        """Put into the mapping where the group ends whose effects leave next."""
        self.begun = last
        self._raw[_PLACE] = _TIMES.encode((self.done, last))

    def commit(self, clock: Instant, newest: Instant) -> None:
        """Put what changed since the last time into the mapping."""
        self.done = self.begun
        self._changed[_PLACE] = _TIMES.encode((self.done, self.begun))
        self._changed[_CLOCK] = _TIMES.encode((clock, newest))
        self._changed[_REJECTS] = _COUNTS.encode(self.rejects)
        for (ref, part), value in self._parts.items():
            encoded = None if value is None else part_codec(ref, part).encode(value)
            self._changed[_key(ref, part)] = encoded
        for key, value in self._changed.items():
            if value is not None:
                self._raw[key] = value
            elif key in self._raw:
                del self._raw[key]
        self._changed, self._parts = {}, {}
        if self._changes > CACHE:
            self._entities = {}
            self._changes = 0

    def hash(self) -> None:
        """From now on names of people are hashed, whoever has this partition."""
        self.hashed = True
        self._changed[_HASHED] = b"1"

    def hears(self, sender: int, version: int) -> bool:
        """Whether a message is the newest of its sender: a frozen worker may send one late."""
        key = b"\0@heard/%d" % sender
        encoded = self._changed.get(key) or self._raw.get(key)
        known = -1 if encoded is None else _INSTANT.decode(encoded)
        if version > known:
            self._changed[key] = _INSTANT.encode(version)
        return version >= known

    def entity(self, ref: str) -> EntityState:
        state = self._entities.get(ref)
        if state is None:
            state = self._entities[ref] = EntityState(self._raw, ref)
        return state

    def change(self, ref: str, parts: dict[str, Any]) -> None:
        self.entity(ref).values.update(parts)
        self._refs.add(ref)
        self._changes += len(parts)
        for part, value in parts.items():
            self._parts[ref, part] = value

    def refs(self, kinds: Iterable[str]) -> list[str]:
        wanted = frozenset(kinds)
        return sorted(ref for ref in self._refs if ref.partition(":")[0] in wanted)

    def alarms(self) -> list[tuple[Instant, str]]:
        return list(self._alarms)

    def alarm(self, ref: str, at: Instant | None) -> None:
        self._changed[_key(ref, _ALARM)] = None if at is None else _INSTANT.encode(at)

    def expect(self, identities: list[int]) -> None:
        """Everything is in memory."""

    def seen(self, identity: int) -> int | None:
        found = self._taken(identity)
        return None if found is None else found[0]

    def see(self, identity: int, body: int) -> None:
        self._changed[_key(str(identity), _SEEN)] = _COPY.encode((body, 0, b""))

    def keep(self, identity: int, body: int, recorded_at: Instant, text: bytes) -> None:
        """Remember a signal as it came: another copy of it will be compared with this one.

        Its text stays as long as its fingerprint. Of copies that say different things the one that
        ranks first holds, whenever it comes (semantics 4.6); the other has to be taken back from
        every entity, and goes to the rejections whole. To let texts go after some days would make
        the rows hang on the order of arrival, and differ from those of the local engine, which
        looks into the archive; a worker that reacts has none. Texts that are too many for memory
        stay on the disk with SIGNALS_STATE=rocksdb, compressed.
        """
        self._changed[_key(str(identity), _SEEN)] = _COPY.encode((body, recorded_at, text))

    def kept(self, identity: int) -> tuple[Instant, bytes]:
        found = self._taken(identity)
        assert found is not None
        return found[1:]

    def _taken(self, identity: int) -> tuple[int, Instant, bytes] | None:
        key = _key(str(identity), _SEEN)
        encoded = self._changed.get(key) or self._raw.get(key)
        return None if encoded is None else _COPY.decode(encoded)


class Batch(NamedTuple):
    """What leaves a partition: rows and signals for the store, and letters to others."""

    group: Group
    letters: list[Letter]


class Partition(Intake):
    """Takes signals and messages for the entities that are at home in one partition."""

    def __init__(
        self, number: int, partitions: int, parts: PartitionParts, pseudonyms: Pseudonyms
    ) -> None:
        self.parts = parts
        self.number = number
        super().__init__(
            parts,
            pseudonyms,
            *parts.clock,
            number,
            lambda ref: partition_of(ref, partitions) == number,
        )
        privacy = self.book.organisation.get("privacy") or {}
        # an older state does not say so itself
        pseudonyms.hashed = parts.hashed or privacy.get("adopters") == "hashed"

    def hear(self, letter: Letter) -> None:
        """Take in a message from another partition."""
        self.reactor.deliver(*letter)

    def close(self) -> Batch:
        """The run is over: what has to be durable before `commit`."""
        group = self.judge()
        letters, self.reactor.outgoing = self.reactor.outgoing, []
        return Batch(group, letters)

    def commit(self) -> None:
        """All that left is durable: so is what is remembered."""
        self.parts.commit(self.clock, self.newest)

    def _keep(self, decoded: Decoded, identity: int) -> None:
        super()._keep(decoded, identity)
        body = self.parts.seen(identity)
        assert body is not None
        self.parts.keep(identity, body, decoded.signal.recorded_at, decoded.body)

    def _stored(self, signal: Signal) -> Decoded:
        recorded_at, text = self.parts.kept(identity_of(signal))
        found = decode(text, -(2**62), 2**62, recorded_at, limit=2**62)
        assert isinstance(found, Decoded)
        return found

    def _begin_to_hash(self) -> None:
        self.pseudonyms.hashed = True
        self.parts.hash()
