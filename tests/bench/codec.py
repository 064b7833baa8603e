"""What storing costs, against pickle: `python -m tests.bench codec`.

Single parts as they are met in use, and everything that a replay of 20,000 signals stores.
"""

# ruff: noqa: T201 -- a benchmark prints

import gc
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pipeline.core.adoption import Adopter, Verdict
from pipeline.core.messages import Evidence, LinkedChange, Live
from pipeline.core.signals import Order
from pipeline.core.tracker import TrackerFact
from pipeline.core.work_item import Said
from pipeline.engine.local import LocalEngine
from pipeline.engine.parts import Parts
from pipeline.engine.replay import run
from pipeline.engine.stored import decode_rows, encode_rows, part_codec
from pipeline.simulate.load import load
from tests.bench.decode import seconds
from tests.engine.memory import Memory, engine

START = 1_780_272_000_000
HOUR = 3_600_000


def _order(n: int) -> Order:
    return Order(START + n * HOUR, "/jira/acme", (1, 100 + n, ""), f"evt-{n:09}")


PARTS: dict[str, tuple[str, str, Any]] = {
    "Adopter with 5 days of use": (
        "shard:one-click-pay/3",
        "adopter/web-team",
        Adopter(
            {20_605 + n: 3 for n in range(5)},
            START,
            [],
            [Verdict(_order(1), 20_606, "yes")],
            None,
            [(20_605 + n, n % 9, (-1) ** n) for n in range(12)],
            [],
        ),
    ),
    "tracker with 6 facts": (
        "item:jira:10042",
        "tracker",
        [
            TrackerFact(
                _order(n),
                {"status": "doing", "title": "Pay with one click", "labels": ("web", "pay")},
            )
            for n in range(6)
        ],
    ),
    "Said of a work item": (
        "item:jira:10042",
        "said",
        Said(
            {"jira:10042": START, "PAY-42": START},
            ["one-click-pay"],
            ["checkout-faster"],
            "PAY-1",
            "payments",
            [("close_to_ship", START), ("ship_to_adopt", START + HOUR)],
            {"close_to_ship": (START, START + HOUR, START + HOUR)},
            ["basically_done:work_item:jira:10042:20260301T100000Z"],
            3,
            [(START + n * HOUR, START, "open") for n in range(5)],
            [],
            [("acme/checkout!1", "PAY-42", "title")],
        ),
    ),
    "LinkedChange": (
        "key:PAY-42",
        "said/acme/checkout!1",
        LinkedChange(
            "acme/checkout!1",
            "acme/checkout",
            START,
            [Evidence("title", START), Evidence("branch", START)],
            {"checkout": [Live(START + HOUR, START + HOUR, True)]},
        ),
    ),
}


def main() -> None:
    gc.disable()  # what it costs depends on all that lives, which is much here
    columns = ("encode", "pickle", "decode", "unpickle", "bytes", "pickle")
    print(f"{'µs':28}", *(f"{column:>9}" for column in columns))
    for name, (ref, key, value) in PARTS.items():
        encode, decode = part_codec(ref, key)
        assert decode(encode(value)) == value
        _say(name, value, encode, decode)
    stored: list[tuple[str, str, Any]] = []
    rows: list[tuple[Any, Any]] = []
    _replay(stored, rows)
    _say(
        f"each of {len(stored):,} parts",
        stored,
        lambda parts: [part_codec(ref, key).encode(value) for ref, key, value in parts],
        lambda data: [
            part_codec(ref, key).decode(one)
            for (ref, key, _), one in zip(stored, data, strict=True)
        ],
        number=len(stored),
        dumps=lambda parts: [pickle.dumps(value, 5) for _, _, value in parts],
        loads=lambda data: [pickle.loads(one) for one in data],
    )
    number = sum(len(held) + len(gone) for held, gone in rows)
    _say(
        f"each of {number:,} rows",
        rows,
        lambda groups: [encode_rows(held, gone) for held, gone in groups],
        lambda data: [decode_rows(one) for one in data],
        number=number,
        dumps=lambda groups: [pickle.dumps(group, 5) for group in groups],
        loads=lambda data: [pickle.loads(one) for one in data],
    )


def _say(
    name: str,
    value: Any,
    encode: Callable[[Any], Any],
    decode: Callable[[Any], Any],
    *,
    number: int = 1,
    dumps: Callable[[Any], Any] = lambda value: pickle.dumps(value, 5),
    loads: Callable[[Any], Any] = pickle.loads,
) -> None:
    """Per value, of which there are so many in the one that is given."""
    data, pickled = encode(value), dumps(value)
    works = (
        lambda: encode(value),
        lambda: dumps(value),
        lambda: decode(data),
        lambda: loads(pickled),
    )
    taken = [seconds(work, 1 if number > 1 else 2000) / number * 1e6 for work in works]
    sizes = [
        (len(some) if isinstance(some, bytes) else sum(map(len, some))) / number
        for some in (data, pickled)
    ]
    print(f"{name:28}", *(f"{one:9,.2f}" for one in taken), *(f"{n:9,.0f}" for n in sizes))


def _replay(stored: list[tuple[str, str, Any]], rows: list[tuple[Any, Any]]) -> None:
    """Everything that a replay stores: each part as often as it is written, and its rows."""

    class Watched(Memory):
        def write(self, held: Any, gone: Any, token: str) -> None:
            rows.append(([row for _, row in held], [one for _, one in gone]))

    def commit(self: Parts, version: int, data: bytes) -> None:
        stored.extend(
            (ref, key, value)
            for ref, parts in self._changed.items()
            for key, value in parts.items()
            if value is not None
        )
        plain(self, version, data)

    plain = Parts.commit
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        file = Path(folder, "load.ndjson")
        config = load(file, signals=20_000, mix="mixed", adopters=4000)
        with patch.object(Parts, "commit", commit), engine(Path(folder), Watched()) as opened:
            assert isinstance(opened, LocalEngine)
            run(opened, [file], config=config)
