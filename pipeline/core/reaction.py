"""What an entity may do when a signal reaches it: read its parts, and say what follows.

State is stored in *parts*: immutable values under natural keys, so that one signal reads and
writes a constant number of them, however large the entity grows.
"""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from pipeline.core.messages import Message
from pipeline.core.rows import Gone, Row
from pipeline.core.signals import Instant

AT_ONCE: Instant = 0
"""A `wake_at` that is always due: judge again before this group of signals ends."""


CHUNK = 500
"""Members per part; state is stored in such chunks, so it stays."""

One = TypeVar("One")


class Chain(Generic[One]):
    """The hint of a part of nested pairs, `(newest, (older, None))`: it grows at no cost."""


class State(Protocol):
    """The parts of one entity, read through: memory first, then the engine's store."""

    def get(self, key: str, /) -> Any: ...


class Entity(State, Protocol):
    """An entity as it is given to `react`.

    `kept` is what it made of its parts and the book alone, so as not to make it again; an engine
    may forget that at any time.
    """

    kept: Any


class Letter(NamedTuple):
    """A message and the entity it goes to."""

    to: str
    message: Message


class Reaction(NamedTuple):
    """What follows from one signal.

    `parts` maps part keys to their new values (None: the part is gone); `wake_at` is when the
    entity must look again although nothing arrived (None: no new alarm).
    """

    parts: dict[str, Any]
    letters: list[Letter]
    rows: list[Row]
    gone: list[Gone]
    wake_at: Instant | None


class Draft:
    """Collects a reaction while an entity works; the state itself is never changed."""

    __slots__ = ("_state", "gone", "letters", "now", "parts", "ref", "rows", "wake_at")

    def __init__(self, ref: str, state: Entity, now: Instant) -> None:
        self.ref = ref
        self.now = now
        self._state = state
        self.parts: dict[str, Any] = {}
        self.letters: list[Letter] = []
        self.rows: list[Row] = []
        self.gone: list[Gone] = []
        self.wake_at: Instant | None = None

    @property
    def id(self) -> str:
        """The reference without its kind: `PAY` of `team:PAY`."""
        return self.ref.partition(":")[2]

    def get(self, key: str) -> Any:
        if key in self.parts:
            return self.parts[key]
        return self._state.get(key)

    @property
    def kept(self) -> Any:
        return self._state.kept

    def keep(self, made: Any) -> None:
        """Keep what was made of the parts and the book alone, in memory only."""
        self._state.kept = made

    def put(self, key: str, value: Any) -> None:
        self.parts[key] = value

    def put_if_new(self, key: str, value: Any) -> bool:
        """Write a part only when it differs from what stands there; say whether it did."""
        if self.get(key) == value:
            return False
        self.parts[key] = value
        return True

    def chain(self, key: str, value: Any) -> None:
        """Put a value before those of a `Chain`, at the same cost however long it is."""
        self.put(key, (value, self.get(key)))

    def unchain(self, key: str) -> list[Any]:
        """Take all values of a `Chain`, newest first; it is empty then."""
        link = self.get(key)
        self.put(key, None)
        values = []
        while link is not None:
            value, link = link
            values.append(value)
        return values

    def join(self, name: str) -> None:
        """Remember a new member, in chunks, so that joining costs the same."""
        size = self.get("size") or 0
        chunk = f"members/{size // CHUNK}"
        self.put(chunk, [*(self.get(chunk) or []), name])
        self.put("size", size + 1)

    def members(self) -> list[str]:
        """All that ever joined, in that order."""
        size = self.get("size") or 0
        return [n for i in range(-(-size // CHUNK)) for n in self.get(f"members/{i}") or []]

    def tally(self, part: str, name: str, more: int) -> bool:
        """Count under a name, which is forgotten at 0; whether the names are others now."""
        known: dict[str, int] = self.get(part) or {}
        counts = {**known, name: known.get(name, 0) + more}
        if counts[name] <= 0:
            del counts[name]
        self.put(part, counts)
        return counts.keys() != known.keys()

    def show(self, part: str, kind: type[Any], rows: Sequence[Row]) -> None:
        """All rows of a kind that are about this; those shown before that are not among them go.

        `part` remembers their keys, of one field each.
        """
        keys: list[str] = [row[0] for row in rows]
        self.rows += rows
        self.gone += [Gone(kind, (key,)) for key in self.get(part) or [] if key not in keys]
        self.put_if_new(part, keys or None)

    def send(self, to: str, message: Message) -> None:
        self.letters.append(Letter(to, message))

    def wake(self, at: Instant = AT_ONCE) -> None:
        if self.wake_at is None or at < self.wake_at:
            self.wake_at = at

    def reaction(self) -> Reaction:
        return Reaction(self.parts, self.letters, self.rows, self.gone, self.wake_at)
