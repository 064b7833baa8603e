"""Growth: what one more costs does not grow with how many there are. Work is counted, not timed."""

import cProfile
import pstats
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pipeline.core.book import Book
from pipeline.core.calendar import DAY_MS, HOUR_MS
from pipeline.core.messages import AskGrace, Finish, Follow, Gaps, Message, Stretch, Work
from pipeline.core.react import react
from pipeline.engine.stored import part_codec

START = 1_767_571_200_000
DAYS = 60
FEW, MANY = 300, 4800
"""Both fill the last chunk of 500 members as far."""


class Entity:
    """One entity on its own: its parts, and how many bytes of them were written."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.kept: Any = None
        self.parts: dict[str, Any] = {}
        self.written = 0
        self.letters = 0

    def get(self, key: str, /) -> Any:
        return self.parts.get(key)

    def take(self, messages: Iterable[Message | None], now: int) -> None:
        for message in messages:
            reaction = react(self.ref, self, message, now, Book())
            self.letters += len(reaction.letters)
            for key, value in reaction.parts.items():
                self.parts[key] = value
                if value is not None:
                    self.written += len(part_codec(self.ref, key).encode(value))


def follow(number: int) -> list[Message | None]:
    return [Follow(f"jira:{number:06}", True)]


def gap(number: int) -> list[Message | None]:
    """One that begins and ends on a day, the days one after the other."""
    end = START + number % DAYS * DAY_MS + number % 7 * HOUR_MS
    gaps = {"close_to_ship": (end - DAY_MS, end, end)}
    return [Gaps(f"jira:{number:06}", gaps), *([None] if number % 40 == 0 else [])]


def ask(number: int) -> list[Message | None]:
    """A question after all the gaps, and its answer."""
    at = START + (DAYS + 5) * DAY_MS
    return [AskGrace(f"jira:{number:06}", [("close_to_ship", at)]), None]


def work(number: int) -> list[Message | None]:
    """A work item that was started and finished, the days one after the other."""
    start = START + number % DAYS * DAY_MS + number % 7 * HOUR_MS
    end = start + DAY_MS
    stretch = Stretch(start, end, [f"goal-{number % 3}"])
    told = Work(f"jira:{number:06}", [stretch], Finish(end, end, "bug"), None)
    return [told, *([None] if number % 40 == 0 else [])]


def one_more_work(number: int) -> list[Message | None]:
    return [work(number)[0], None]


Making = Callable[[int], list[Message | None]]


@pytest.mark.parametrize(
    ("ref", "before", "one_more"),
    [
        ("subject:pay", follow, follow),
        ("team:red", gap, ask),
        ("team:red", work, one_more_work),
    ],
)
def test_one_more_costs_the_same(ref: str, before: Making, one_more: Making) -> None:
    """With 16 times as many before it, one more calls and writes as much, give or take a tenth."""
    calls: list[int] = []
    written: list[int] = []
    for size in (FEW, MANY):
        entity = Entity(ref)
        for number in range(size):
            entity.take(before(number), START + DAYS * DAY_MS)
        entity.take([None], START + DAYS * DAY_MS)
        entity.written = 0
        profile = cProfile.Profile()
        profile.enable()
        entity.take(one_more(size), START + (DAYS + 6) * DAY_MS)
        profile.disable()
        calls.append(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]
        written.append(entity.written)
    assert calls[1] <= 1.1 * calls[0]
    assert written[1] <= 1.1 * written[0]
