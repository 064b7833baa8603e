"""Bytes for typed values and back: a hint is compiled once, and checked when bytes are read.

Below it is MessagePack by msgspec. A record (NamedTuple, dataclass) is the array of its fields,
so older bytes with fewer fields are read as long as the new fields stand at the end and have
defaults. What msgspec cannot do is replaced on its way: one of several records goes as [name of
its class, record], a dataclass as an array, a chain as a list. Only what is around such a place
costs Python; a hint without one is msgspec's alone.

Equal values give equal bytes where their types are those of the hint; dicts keep their order.
`Any` stands for plain JSON.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from operator import attrgetter
from types import GenericAlias, NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from msgspec import Raw, ValidationError
from msgspec.msgpack import Decoder, Encoder

from pipeline.core.reaction import Chain

Convert = Callable[[Any], Any]


class Codec(NamedTuple):
    """How values of one hint become bytes, and bytes such values (ValueError: they are none)."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


_encode = Encoder().encode


@cache
def codec(hint: Any) -> Codec:
    """Compile a hint; a TypeError says that it cannot be stored."""
    form = _form(hint)
    decode: Convert = Decoder(form.hint).decode
    lower, lift = form.lower, form.lift
    if lower is None or lift is None:
        return Codec(_encode, decode)
    return Codec(lambda value: _encode(lower(value)), lambda data: lift(decode(data)))


class _Form(NamedTuple):
    """What msgspec is given for a value: the hint of that, the way there and the way back."""

    hint: Any
    lower: Convert | None = None
    lift: Convert | None = None


_forms: dict[Any, _Form] = {}
"""Forms that are made; that of a record is in it before its fields are, which may name it."""


def _form(hint: Any) -> _Form:
    if hint not in _forms:
        _forms[hint] = _make(hint) if _needs_help(hint, set()) else _Form(hint)
    return _forms[hint]


def _make(hint: Any) -> _Form:
    origin, args = get_origin(hint), get_args(hint)
    if _is_record(hint):
        return _record(hint)
    if origin in (Union, UnionType):
        return _choice(args)
    if origin is Chain:
        return _chain(_form(args[0]))
    if origin is list:
        return _list(_form(args[0]))
    if origin is dict and not _needs_help(args[0], set()):
        return _dict(args[0], _form(args[1]))
    if origin is tuple and args[1:] == (...,):
        return _row(_form(args[0]))
    if origin is tuple:
        inner = [_form(one) for one in args]
        return _fixed(
            GenericAlias(tuple, tuple(form.hint for form in inner)), inner, tuple, tuple
        )
    raise TypeError(f"no encoding for {hint}")


def _is_record(hint: Any) -> bool:
    named = isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")
    return named or is_dataclass(hint)


def _needs_help(hint: Any, seen: set[Any]) -> bool:
    """Whether msgspec alone cannot do it; `seen` are the records that are being looked at."""
    origin, inner = get_origin(hint), get_args(hint)
    if is_dataclass(hint) or origin is Chain:
        return True
    if {hint, origin} & {set, frozenset}:
        return True  # it would write them in any order
    if _is_record(hint):
        if hint in seen:
            return False
        seen.add(hint)
        inner = tuple(get_type_hints(hint).values())
    elif origin in (Union, UnionType) and sum(map(_is_record, inner)) > 1:
        return True
    return any(_needs_help(one, seen) for one in inner)


_namedtuple: Any = namedtuple  # noqa: PYI024 - its fields are known when it runs only


def _record(cls: Any) -> _Form:
    """A NamedTuple of the same fields, each in its form."""
    read: Convert
    make: Convert
    if is_dataclass(cls):
        kept = fields(cls)
        names = tuple(field.name for field in kept)
        defaults = tuple(field.default for field in kept if field.default is not MISSING)
        build: Any = cls
        read = attrgetter(*names) if len(names) > 1 else _reader(names)

        def make(values: Any) -> Any:
            return build(**dict(zip(names, values, strict=True)))
    else:
        names, defaults = cls._fields, tuple(cls._field_defaults.values())
        read, make = tuple, cls._make
    shape = _namedtuple(cls.__name__, names, defaults=defaults)
    inner: list[_Form] = []
    form = _forms[cls] = _fixed(shape, inner, read, make)
    hints = get_type_hints(cls)
    inner += [_form(hints[name]) for name in names]
    shape.__annotations__ = dict(zip(names, (one.hint for one in inner), strict=True))
    return form


def _reader(names: Sequence[str]) -> Convert:
    return lambda value: [getattr(value, name) for name in names]


def _fixed(hint: Any, inner: Sequence[_Form], read: Convert, make: Convert) -> _Form:
    """Places with a form each; `inner` may be filled later."""

    @cache
    def ways() -> tuple[list[tuple[int, Convert]], list[tuple[int, Convert]]]:
        return (
            [(place, f.lower) for place, f in enumerate(inner) if f.lower is not None],
            [(place, f.lift) for place, f in enumerate(inner) if f.lift is not None],
        )

    def lower(value: Any) -> Any:
        found = list(read(value))
        for place, convert in ways()[0]:
            found[place] = convert(found[place])
        return found

    def lift(value: Any) -> Any:
        found = list(value)
        for place, convert in ways()[1]:
            found[place] = convert(found[place])
        return make(found)

    return _Form(hint, lower, lift)


def _choice(args: tuple[Any, ...]) -> _Form:
    members = [one for one in args if one is not NoneType]
    if len(members) == 1:
        form = _form(members[0])
    elif all(map(_is_record, members)):
        form = _tagged(members)
    else:
        raise TypeError(f"no encoding for one of {members}")
    if len(members) == len(args):
        return form
    lower, lift = _both_ways(form)
    return _Form(
        form.hint | None,
        lambda value: None if value is None else lower(value),
        lambda value: None if value is None else lift(value),
    )


def _tagged(members: list[Any]) -> _Form:
    """One of several records. They are compiled when the first one comes: one may hold others."""
    names = {cls: cls.__name__ for cls in members}
    classes = {name: cls for cls, name in names.items()}

    def lower(value: Any) -> Any:
        cls = type(value)
        inner = _form(cls).lower
        return names[cls], value if inner is None else inner(value)

    def lift(value: Any) -> Any:
        name, data = value
        if name not in classes:
            raise ValidationError(f"no record is called {name!r} here")
        return codec(classes[name]).decode(data)

    return _Form(tuple[str, Raw], lower, lift)


def _chain(form: _Form) -> _Form:
    """Pairs of pairs, however deep, as one list, the newest first."""
    lower, lift = _both_ways(_list(form))

    def flat(chain: Any) -> Any:
        found = []
        while chain is not None:
            newest, chain = chain
            found.append(newest)
        return lower(found)

    def nested(values: Any) -> Any:
        chain: Any = None
        for value in reversed(lift(values)):
            chain = (value, chain)
        return chain

    return _Form(GenericAlias(list, form.hint), flat, nested)


def _list(form: _Form) -> _Form:
    lower, lift = _both_ways(form)
    return _Form(
        GenericAlias(list, form.hint),
        lambda values: [lower(value) for value in values],
        lambda values: [lift(value) for value in values],
    )


def _row(form: _Form) -> _Form:
    lower, lift = _both_ways(form)
    return _Form(
        GenericAlias(list, form.hint),
        lambda values: [lower(value) for value in values],
        lambda values: tuple([lift(value) for value in values]),
    )


def _dict(key: Any, form: _Form) -> _Form:
    lower, lift = _both_ways(form)
    return _Form(
        GenericAlias(dict, (key, form.hint)),
        lambda values: {name: lower(value) for name, value in values.items()},
        lambda values: {name: lift(value) for name, value in values.items()},
    )


def _both_ways(form: _Form) -> tuple[Convert, Convert]:
    return form.lower or _as_it_is, form.lift or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
