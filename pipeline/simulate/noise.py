"""How the facts look when they arrive: late, twice, out of order, by wrong clocks."""

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.simulate.calendar import DAY, HOUR, MINUTE, rfc3339
from pipeline.simulate.organisation import DEPLOYS, TRACKER
from pipeline.simulate.world import Fact

NUMBERED = {TRACKER, DEPLOYS}
"""Sources that number their signals."""

PATIENT = {"work_item.changed", "change.merged", "deploy.finished", "subject.used"}
PATIENT |= {"subject.pinned", "adoption.verified", "kpi.measured", "link.asserted"}
"""Signals that may be late: people and systems report them when they can."""


class Line(NamedTuple):
    """One line of a file, and when it is written."""

    written: int
    text: str


def withhold(
    facts: Sequence[Fact], keys: dict[str, str], share: float, rng: random.Random
) -> frozenset[str]:
    """Choose the items whose links nobody shall see."""
    linked: set[str] = set()
    bulk: set[str] = set()
    for fact in facts:
        if fact.signal in {"link.asserted", "link.retracted"}:
            linked.add(fact.data["from"])
        named = [keys[key] for key in _named(fact)]
        # Fewer names would make a bulk merge believable: it stays as it is.
        (bulk if len(named) > 5 else linked).update(named)
    choices = sorted(linked - bulk)
    return frozenset(rng.sample(choices, round(share * len(choices))))


def _named(fact: Fact) -> list[str]:
    named = fact.data.get("work_items", ())
    if fact.signal == "change.merged":
        return [one["key"] for one in named]
    return list(named) if fact.signal == "deploy.finished" else []


def _shown(fact: Fact, keys: dict[str, str], withheld: frozenset[str]) -> dict[str, Any] | None:
    """What is left of a fact without the links that are withheld; None if nothing is."""
    data = fact.data
    if fact.signal in {"link.asserted", "link.retracted"}:
        return None if data["from"] in withheld else data
    if withheld.isdisjoint(keys[key] for key in _named(fact)):
        return data
    kept = [
        one
        for one in data["work_items"]
        if keys[one["key"] if isinstance(one, dict) else one] not in withheld
    ]
    rest = {name: value for name, value in data.items() if name != "work_items"}
    return rest | {"work_items": kept} if kept else rest


def lines(
    facts: Sequence[Fact],
    keys: dict[str, str],
    withheld: frozenset[str],
    until: int,
    rng: random.Random,
) -> list[Line]:
    """All signals in the order in which they are written."""
    written: list[Line] = []
    counts: dict[str, int] = defaultdict(int)
    for number, fact in enumerate(sorted(facts, key=lambda fact: fact.at)):
        # Chance is asked before anything is withheld, so that the rest stays as it was.
        time, recorded = _clocks(fact, until, rng)
        again = rng.random()
        if fact.source in NUMBERED:
            counts[fact.source] += 1
        data = _shown(fact, keys, withheld)
        if data is None:
            continue
        event: dict[str, Any] = {"specversion": "1.0", "id": f"{fact.signal}-{number:06d}"}
        event |= {"source": fact.source, "type": f"delivery.{fact.signal}.v1"}
        event |= {"time": rfc3339(time), "recordedtime": rfc3339(recorded)}
        if fact.source in NUMBERED:
            event["sequence"] = f"{counts[fact.source]:06d}"
        event["data"] = data
        written.append(Line(recorded, json.dumps(event, ensure_ascii=False)))
        if again < 0.03:
            written.append(Line(recorded + int(again * 100 * HOUR), written[-1].text))
        elif again < 0.04 and time <= recorded:
            later = min(recorded + int(again * 1000 * HOUR), until)
            copy = event | {"recordedtime": rfc3339(later)}
            written.append(Line(later, json.dumps(copy, ensure_ascii=False)))
    written.sort(key=lambda line: line.written)
    return _damaged(_shuffle(written, rng))


def _damaged(written: list[Line]) -> list[Line]:
    """Here and there a line comes once more, and the copy is broken in a way of its own."""
    breaks: list[Callable[[str], str]] = [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('.v1"', '.v9"', 1),
        lambda text: text.replace('Z", "recordedtime"', '", "recordedtime"', 1),
        lambda text: text.replace('"data": {', '"data": ["', 1),
    ]
    step = len(written) // (len(breaks) + 1)
    for number, broken in reversed(list(enumerate(breaks, 1))):
        line = written[number * step]
        written.insert(number * step + 1, line._replace(text=broken(line.text)))
    return written


def _clocks(fact: Fact, until: int, rng: random.Random) -> tuple[int, int]:
    """What the sender's clock and the receiver's clock say."""
    chance, amount = rng.random(), rng.random()
    time, recorded = fact.at, fact.at + int(30_000 * amount)
    if fact.arrives_at is not None:
        recorded = fact.arrives_at
    elif fact.signal in PATIENT and chance < 0.03:
        recorded += int(amount * amount * 20 * DAY)
    elif chance > 0.985:
        # So far ahead that the receiver's clock is right: the true time is `recorded`.
        time, recorded = fact.at + 6 * MINUTE + int(amount * 20 * MINUTE), fact.at
    elif chance > 0.97:
        recorded = fact.at - int(amount * 4 * MINUTE)
    return time, min(recorded, until) if recorded > fact.at else recorded


def _shuffle(written: list[Line], rng: random.Random) -> list[Line]:
    """Neighbours change places, and a few lines come much later."""
    for place in range(len(written) - 1):
        chance = rng.random()
        if chance < 0.15:
            other = min(place + rng.randint(1, 40), len(written) - 1)
            written[place], written[other] = written[other], written[place]
        elif chance < 0.155:
            # Nothing comes days before it happened, so no other one takes its place.
            other = min(place + rng.randint(500, 3000), len(written) - 1)
            written.insert(other, written.pop(place))
    return written


def write(directory: Path, written: Sequence[Line]) -> list[Path]:
    """One file per month, the second one compressed."""
    months: dict[str, list[str]] = defaultdict(list)
    for line in written:
        month = datetime.fromtimestamp(line.written // 1000, UTC).strftime("%Y-%m")
        months[month].append(line.text)
    paths = []
    for number, (month, texts) in enumerate(sorted(months.items())):
        body = ("\n".join(texts) + "\n").encode()
        path = directory / f"signals-{month}.ndjson"
        if number == 1:
            path = path.with_name(path.name + ".gz")
            body = gzip.compress(body, mtime=0)
        path.write_bytes(body)
        paths.append(path)
    return paths
