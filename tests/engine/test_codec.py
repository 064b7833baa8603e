"""What is stored and sent comes back as it was, and only as what it is declared to be."""

from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from pipeline.core.messages import MESSAGES, Child, Unlinked
from pipeline.core.reaction import Chain
from pipeline.core.rows import TABLES, Gone, key_of
from pipeline.core.signals import Order, sequence_key
from pipeline.engine.codec import codec
from pipeline.engine.parts import Parts
from pipeline.engine.reactor import Reactor
from pipeline.engine.replay import run
from pipeline.engine.stored import MESSAGE, PARTS, decode_rows, encode_rows, part_codec
from pipeline.simulate import simulate
from tests.engine.memory import Memory, engine

LARGEST = 2**62
TEXTS = st.text(st.characters(codec="utf-8"), max_size=4)
PLAIN: dict[Any, SearchStrategy[Any]] = {
    int: st.integers(-LARGEST, LARGEST),
    float: st.floats(allow_nan=False),
    str: TEXTS,
    bytes: st.binary(max_size=4),
    bool: st.booleans(),
    NoneType: st.none(),
    Any: st.none() | st.booleans() | st.integers(0, 9) | TEXTS | st.lists(TEXTS, max_size=2),
}


def some(hint: Any) -> SearchStrategy[Any]:
    """Values of a hint."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, UnionType):
        return st.one_of([some(one) for one in args])
    if origin is list:
        return st.lists(some(args[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(some(args[0]), some(args[1]), max_size=3)
    if origin is Chain:
        return st.lists(some(args[0]), min_size=1, max_size=5).map(chain)
    if args[1:] == (...,):
        return st.lists(some(args[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(some(one) for one in args))
    kinds = {name: st.deferred(lambda h=h: some(h)) for name, h in get_type_hints(hint).items()}
    return st.builds(hint, **kinds)


def chain(values: list[Any]) -> Any:
    found = None
    for value in values:
        found = (value, found)
    return found


def alike(a: Any, b: Any) -> bool:
    """Equal, and of equal classes all through."""
    if type(a) is not type(b):
        return False
    if is_dataclass(a):
        return all(alike(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, dict):
        return alike(list(a.items()), list(b.items()))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    return bool(a == b)


def kept(hint: Any, value: Any) -> bool:
    """Whether bytes keep a value, and are the same bytes for the value that comes back."""
    encode, decode_ = codec(hint)
    data = encode(value)
    back = decode_(data)
    return alike(value, back) and encode(back) == data


DECLARED = [(kind, name) for kind, parts in PARTS.items() for name in parts]


def check_part(kind: str, name: str, data: DataObject) -> None:
    value = data.draw(some(PARTS[kind][name]))
    assert kept(PARTS[kind][name], value)
    assert part_codec(f"{kind}:x", f"{name}1/2" if name.endswith("/") else name)


@pytest.mark.parametrize(("kind", "name"), DECLARED)
@given(data=st.data())
@settings(max_examples=6, deadline=None)
def test_every_declared_part_can_be_stored(kind: str, name: str, data: DataObject) -> None:
    """Whatever the type of a part allows comes back equal and of the same classes."""
    check_part(kind, name, data)


@pytest.mark.prove
@pytest.mark.parametrize(("kind", "name"), DECLARED)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_every_declared_part_can_be_stored_at_length(
    kind: str, name: str, data: DataObject
) -> None:
    """The same, tried for longer."""
    check_part(kind, name, data)


def check_message(name: str, data: DataObject) -> None:
    message = data.draw(some(MESSAGES[name]))
    assert alike(message, MESSAGE.decode(MESSAGE.encode(message)))
    assert codec(Any).decode(MESSAGE.encode(message))[0] == name


@pytest.mark.parametrize("name", MESSAGES)
@given(data=st.data())
@settings(max_examples=6, deadline=None)
def test_every_message_can_be_sent(name: str, data: DataObject) -> None:
    """Whatever a message may hold comes back equal, and names its class."""
    check_message(name, data)


@pytest.mark.prove
@pytest.mark.parametrize("name", MESSAGES)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_every_message_can_be_sent_at_length(name: str, data: DataObject) -> None:
    """The same, tried for longer."""
    check_message(name, data)


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_rows_on_their_way_come_back(data: DataObject) -> None:
    """Rows of any table and keys of rows that are gone come back, those of a table in order."""
    held = [data.draw(some(row_type)) for row_type in TABLES]
    gone = [Gone(*key_of(row)) for row in held]
    assert alike((held, gone), decode_rows(encode_rows(held, gone)))


def test_what_a_simulated_organisation_stores_and_sends(tmp_path: Path) -> None:
    """Every part, message and row of a run is declared and comes back as it was."""
    simulation = simulate(tmp_path / "simulation", days=30)
    parts: set[str] = set()
    messages: set[str] = set()

    class Watched(Memory):
        def write(self, rows: Any, gone: Any, token: str) -> None:
            places = {row_type: place for place, row_type in enumerate(TABLES)}
            sent_rows = sorted((row for _, row in rows), key=lambda row: places[type(row)])
            sent_gone = sorted((one for _, one in gone), key=lambda one: places[one.row_type])
            held, lost = decode_rows(encode_rows(sent_rows, sent_gone))
            for sent, back in zip([*sent_rows, *sent_gone], [*held, *lost], strict=True):
                assert alike(sent, back)
            super().write(rows, gone, token)

    def change(self: Parts, ref: str, changed: dict[str, Any]) -> None:
        for key, value in changed.items():
            encode, decode = part_codec(ref, key)
            if value is not None:
                assert alike(value, decode(encode(value))), (ref, key)
                parts.add(ref.partition(":")[0])
        plain_change(self, ref, changed)

    def deliver(self: Reactor, ref: str, what: Any) -> None:
        if type(what).__name__ in MESSAGES:
            assert alike(what, MESSAGE.decode(MESSAGE.encode(what))), (ref, what)
            messages.add(type(what).__name__)
        plain_deliver(self, ref, what)

    plain_change, plain_deliver = Parts.change, Reactor.deliver
    memory = Watched()
    with pytest.MonkeyPatch.context() as patch, engine(tmp_path / "data", memory) as opened:
        patch.setattr(Parts, "change", change)
        patch.setattr(Reactor, "deliver", deliver)
        run(opened, simulation.signals, config=simulation.config, until=simulation.until)
    assert memory.held
    assert parts == {kind for kind, declared in PARTS.items() if declared}
    # made by retractions and corrections only, or by nobody
    assert MESSAGES.keys() - messages <= {
        "Deployed",
        "Linked",
        "Load",
        "Retracted",
        "Tell",
        "Unlinked",
        "Woken",
    }


# ---- what may change, and what may go wrong


class Fact(NamedTuple):
    at: int
    what: str
    why: str = "unknown"
    tags: tuple[str, ...] = ()


class Told(NamedTuple):
    at: int
    said: Child | Unlinked
    by: Child | Unlinked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    at: int
    what: str | None = None


class Tree(NamedTuple):
    name: str
    value: Child | Unlinked | None
    trees: "list[Tree]"


OLDER = {
    "plain": (Fact, [1, "seen"], Fact(1, "seen", "unknown", ())),
    "listed": (list[Fact], [[1, "seen"]], [Fact(1, "seen")]),
    "one of several": (Fact | Told, ["Fact", [1, "seen"]], Fact(1, "seen")),
    "around one of several": (Told, [1, ["Child", ["x"]]], Told(1, Child("x"), None)),
    "dataclass": (Event, [1], Event(at=1, what=None)),
}


@pytest.mark.parametrize(("hint", "bare", "value"), OLDER.values(), ids=OLDER)
def test_a_record_with_new_fields_reads_older_bytes(hint: Any, bare: Any, value: Any) -> None:
    """Fields with defaults may be added at the end of a record; older bytes stay readable."""
    assert alike(value, codec(hint).decode(codec(Any).encode(bare)))


WRONG = {
    "another type": (list[int], ["one"]),
    "a field too many": (Event, [1, "seen", 2]),
    "a field too few": (Fact, [1]),
    "a class that is none of them": (Fact | Told, ["Order", [1, "seen"]]),
    "a wrong field of one of several": (Fact | Told, ["Fact", ["one", "seen"]]),
}


@pytest.mark.parametrize(("hint", "bare"), WRONG.values(), ids=WRONG)
def test_bytes_of_anything_else_are_refused(hint: Any, bare: Any) -> None:
    """Bytes that are not of the hint are a ValueError, never another value."""
    data = codec(Any).encode(bare)
    for some_bytes in (data, data[:-1], b"\xc1", b""):
        with pytest.raises(ValueError, match=r".+"):
            codec(hint).decode(some_bytes)


@pytest.mark.parametrize("hint", [set[str], Fact | str | Told, dict[Fact | Told, int]], ids=str)
def test_what_cannot_be_stored_is_said_at_once(hint: Any) -> None:
    """A hint without an encoding is refused when it is compiled."""
    with pytest.raises(TypeError, match="no encoding"):
        codec(hint)


def test_records_may_hold_themselves() -> None:
    """A tree of records, with one of several in each, comes back."""
    tree = Tree("a", Child("x"), [Tree("b", None, []), Tree("c", Unlinked("y"), [])])
    assert kept(Tree, tree)


def test_a_chain_may_be_deep() -> None:
    """A chain of 100,000 pairs is stored as a list; nothing runs out of stack."""
    names = [f"user-{n}" for n in range(100_000)]
    data = codec(Chain[str]).encode(chain(names))
    assert codec(list[str]).decode(data) == names[::-1]
    found, back = codec(Chain[str]).decode(data), []
    while found is not None:
        newest, found = found
        back.append(newest)
    assert back == names[::-1]


def test_a_part_that_nobody_declared_is_not_stored() -> None:
    """A part without a type is an error when it is written, not when it is read."""
    with pytest.raises(TypeError, match="the part surprise/ of item"):
        part_codec("item:x", "surprise/1")


@given(st.lists(st.integers(0, 10**60), min_size=2), st.integers(0, 3))
def test_sequences_of_any_length_compare_as_numbers(numbers: list[int], zeros: int) -> None:
    """The order of two sequences is that of their numbers, also beyond 8 bytes."""
    keys = [sequence_key("0" * zeros + str(number)) for number in numbers]
    assert [n for _, n in sorted(zip(keys, numbers, strict=True))] == sorted(numbers)
    assert all(kept(Order, Order(0, "", key, "")) for key in keys)
