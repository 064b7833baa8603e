"""One partition of the stream engine: its entities, their parts in memory, and what leaves.

A partition is home to the entities whose reference hashes to it. It takes the signals about
them, hears messages from others, and at the end of a group says what has to be made durable:
messages and rows first, then its changed parts (engines.md, order of work).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pipeline.core.names import partition_of
from pipeline.core.react import route
from pipeline.core.reaction import Letter
from pipeline.core.signals import Defined, Instant, Signal
from pipeline.engine.codec import codec
from pipeline.engine.decode import Decoded
from pipeline.engine.intake import Group, Intake
from pipeline.engine.pseudonyms import Pseudonyms
from pipeline.engine.stored import part_codec

_ALARM = "@alarm"
_SEEN = "@seen"
_CLOCK = "@clock"
_NUMBERS = codec(tuple[int, int])


def homes(signal: Signal, partitions: int) -> list[int]:
    """The partitions that take a signal: its entity's, or its source's; a definition's are all."""
    if isinstance(signal.data, Defined):
        return list(range(partitions))
    refs = route(signal) or [f"source:{signal.source}"]
    return sorted({partition_of(ref, partitions) for ref in refs})


class EntityState(dict[str, Any]):
    """The parts of one entity; one that is not there is None."""


class PartitionParts:
    """Parts, alarms and identities of one partition, in memory; what changed goes to a changelog.

    A key of the changelog is the reference and the part, with a NUL between them.
    """

    def __init__(self) -> None:
        self._entities: dict[str, EntityState] = {}
        self._alarms: dict[str, Instant] = {}
        self._seen: dict[int, int] = {}
        self._changed: dict[tuple[str, str], Any] = {}
        self.clock: tuple[Instant, Instant] = (0, 0)

    def load(self, key: bytes, value: bytes) -> None:
        """Take back what a changelog holds."""
        ref, _, part = key.decode().partition("\0")
        match part:
            case "@alarm":
                self._alarms[ref] = _NUMBERS.decode(value)[0]
            case "@seen":
                identity, body = _NUMBERS.decode(value)
                self._seen[identity] = body
            case "@clock":
                self.clock = _NUMBERS.decode(value)
            case _:
                self.entity(ref)[part] = part_codec(ref, part).decode(value)

    def changes(self, clock: Instant, newest: Instant) -> list[tuple[bytes, bytes | None]]:
        """What changed since the last call, as it goes to the changelog; None: it is gone."""
        self.clock = (clock, newest)
        self._changed["", _CLOCK] = self.clock
        found: list[tuple[bytes, bytes | None]] = []
        for (ref, part), value in self._changed.items():
            encoder = _NUMBERS if part[:1] == "@" else part_codec(ref, part)
            encoded = None if value is None else encoder.encode(value)
            found.append((f"{ref}\0{part}".encode(), encoded))
        self._changed = {}
        return found

    def entity(self, ref: str) -> EntityState:
        state = self._entities.get(ref)
        if state is None:
            state = self._entities[ref] = EntityState()
        return state

    def change(self, ref: str, parts: dict[str, Any]) -> None:
        state = self.entity(ref)
        for part, value in parts.items():
            if value is None:
                state.pop(part, None)
            else:
                state[part] = value
            self._changed[ref, part] = value

    def refs(self, kinds: Iterable[str]) -> list[str]:
        wanted = frozenset(kinds)
        return sorted(
            ref
            for ref, state in self._entities.items()
            if state and ref.partition(":")[0] in wanted
        )

    def alarms(self) -> list[tuple[Instant, str]]:
        return [(at, ref) for ref, at in self._alarms.items()]

    def alarm(self, ref: str, at: Instant | None) -> None:
        if at is None:
            self._alarms.pop(ref, None)
        else:
            self._alarms[ref] = at
        self._changed[ref, _ALARM] = None if at is None else (at, 0)

    def expect(self, identities: list[int]) -> None:
        """Everything is in memory."""

    def seen(self, identity: int) -> int | None:
        return self._seen.get(identity)

    def see(self, identity: int, body: int) -> None:
        self._seen[identity] = body
        self._changed[f"seen:{identity}", _SEEN] = (identity, body)


class Batch(NamedTuple):
    """What leaves a partition: the rows and signals, letters to others, and its changed parts."""

    group: Group
    letters: list[Letter]
    changes: list[tuple[bytes, bytes | None]]


class Partition(Intake):
    """Takes signals and messages for the entities that are at home in one partition."""

    def __init__(
        self,
        number: int,
        partitions: int,
        parts: PartitionParts,
        pseudonyms: Pseudonyms,
        find: Callable[[Signal], Decoded],
    ) -> None:
        """`find` looks up a signal that was stored before, by its source and id."""
        self.parts = parts
        self._find = find
        super().__init__(
            parts,
            pseudonyms,
            *parts.clock,
            number,
            lambda ref: partition_of(ref, partitions) == number,
        )

    def hear(self, letter: Letter) -> None:
        """Take in a message from another partition."""
        self.reactor.deliver(*letter)

    def close(self) -> Batch:
        """The run is over."""
        group = self.judge()
        letters, self.reactor.outgoing = self.reactor.outgoing, []
        return Batch(group, letters, self.parts.changes(self.clock, self.newest))

    def _stored(self, signal: Signal) -> Decoded:
        return self._find(signal)

    def _begin_to_hash(self) -> None:
        self.pseudonyms.hashed = True
