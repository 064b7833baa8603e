"""Who is starved, judged news by news, is what one judgement of all that is known says."""

import random
from typing import Any

import pytest

from pipeline.core import starved
from pipeline.core.calendar import DAY_MS, HOUR_MS, Week, WorkingCalendar
from pipeline.core.messages import Phase
from pipeline.core.reaction import Draft
from pipeline.core.starved import UNWORKED, Worked

BEGIN = 20_000 * DAY_MS
CALENDAR = WorkingCalendar("Europe/Berlin", Week(frozenset(range(5)), frozenset()))


class Entity:
    """Parts of a goal in memory."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}
        self.kept: Any = None

    def get(self, part: str, /) -> Any:
        return self.parts.get(part)


def changed(goal: Entity, now: int, items: dict[str, tuple[Worked, Worked]]) -> list[Any]:
    """What is found of the team after some work items are otherwise than before."""
    draft = Draft("goal:g", goal, now)
    if draft.get("spans") is None:
        draft.put("spans", [(BEGIN, BEGIN + 20 * DAY_MS), (BEGIN + 30 * DAY_MS, None)])
    for name, (before, after) in items.items():
        starved.note(draft, name, before, after)
    found = starved.judge(draft, "payments", [], CALENDAR)
    goal.parts |= draft.parts
    return found


def worked(rng: random.Random, until: int) -> Worked:
    """What may have become of a work item; instants meet now and then."""
    ats = sorted(
        {BEGIN + rng.randrange((until - BEGIN) // HOUR_MS) * HOUR_MS for _ in range(6)}
    )
    states = ("active", "blocked", "", "active")
    phases = [
        Phase(at, rng.choice(["payments", "payments", "mobile"]), rng.choice(states))
        for at in ats
    ]
    return Worked(phases, sorted(rng.sample(ats, len(ats) // 2)))


@pytest.mark.parametrize("seed", range(40))
def test_news_by_news(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However late news comes and whatever it takes back, and however small the pages are."""
    monkeypatch.setattr(starved, "PAGE", 3)
    rng = random.Random(seed)
    goal, items = Entity(), dict[str, Worked]()
    now = BEGIN + DAY_MS
    for _ in range(60):
        now += rng.randrange(36) * HOUR_MS
        name = f"PAY-{rng.randrange(8)}"
        before = items.get(name, UNWORKED)
        after = UNWORKED if rng.random() < 0.2 else worked(rng, now)
        items[name] = after
        found = changed(goal, now, {name: (before, after)})
        at_once = changed(Entity(), now, {n: (UNWORKED, one) for n, one in items.items()})
        assert found == at_once
    pages = [part for part in goal.parts if part.startswith("event/payments/")]
    assert len(pages) > 5
