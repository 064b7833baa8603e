"""How often a work item is judged: once for all that a group says, and not for what says nothing."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import work_item
from pipeline.core.book import Book
from pipeline.core.messages import Adoption, Redefined, Step
from pipeline.core.react import react
from pipeline.core.rows import Row
from pipeline.core.signals import Category, Signal, Status, WorkItemChanged
from pipeline.engine.reactor import Reactor
from tests.engine.memory import Memory, engine
from tests.engine.test_local import line
from tests.engine.test_reads import take

SIGNALS: list[dict[str, Any]] = [
    {
        "type": "service.defined",
        "data": {"id": "web", "repository": "acme/web", "team": "red"},
    },
    {
        "type": "change.merged",
        "data": {
            "change": "acme/web!1",
            "repository": "acme/web",
            "shas": ["s1"],
            "work_items": [{"key": "PAY-1", "via": "title"}],
        },
    },
    {
        "type": "work_item.changed",
        "data": {
            "work_item": "jira:1",
            "key": "PAY-1",
            "subjects": ["pay"],
            "status": {"name": "Doing", "category": "doing"},
        },
    },
    {
        "type": "deploy.finished",
        "data": {
            "deploy": "argo:1",
            "service": "web",
            "repository": "acme/web",
            "environment": {"name": "production"},
            "sha": "s1",
            "outcome": "success",
            "kind": "deploy",
        },
    },
    {
        "type": "work_item.changed",
        "data": {"work_item": "jira:1", "status": {"name": "Done", "category": "done"}},
    },
]


def test_once_per_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key, its change, the deploy and its subject are all known when it is judged."""
    judged: Counter[str] = Counter()
    plain = Reactor.deliver

    def deliver(self: Reactor, ref: str, what: Any) -> None:
        judged[ref] += what is None
        plain(self, ref, what)

    monkeypatch.setattr(Reactor, "deliver", deliver)
    memory = Memory()
    with engine(tmp_path, memory) as opened:
        for n, signal in enumerate(SIGNALS):
            take(opened, line({"id": f"{n}", "time": f"2026-03-02T10:0{n}:00Z"} | signal))
        opened.flush()
    assert judged["item:jira:1"] == 1
    items = [row for name, row in memory.table().items() if name == "work_items jira:1"]
    assert [row["shipped_at"] for row in items] == [1_772_445_780_000]


MET = [Step(2, 1, "met")]
ANSWERS = [Step(3, 2, "low_response")]


class Parts(dict[str, Any]):
    """The parts of one work item."""

    kept: Any = None


@pytest.mark.parametrize(
    ("adopted", "heard", "judges"),
    [
        ([], Adoption("pay", [], ANSWERS, [], 1), False),
        (MET, Adoption("pay", MET, ANSWERS, [], 1), True),
        ([], Adoption("pay", MET, ANSWERS, [], 1), True),
        ([], Adoption("pay", [], ANSWERS, [], 0), True),
        ([], Adoption("pay", [], ANSWERS, [Step(1, 1, "full")], 1), True),
    ],
    ids=["never adopted", "adopted", "now adopted", "another first use", "released"],
)
def test_answers_about_what_was_never_adopted(
    adopted: list[Step], heard: Adoption, judges: bool
) -> None:
    """They verify nothing, so they are kept and no work item judges for them."""
    parts = Parts(adoption={"pay": Adoption("pay", adopted, [], [], 1)})
    found = react("item:jira:1", parts, heard, 5, Book())
    assert found.parts["adoption"] == {"pay": heard}
    assert (found.wake_at is not None) == judges


def test_what_rests_on_the_same_is_folded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Woken with nothing new a work item folds nothing; a new fact or definition makes it."""
    folds: list[int] = []
    plain = work_item.course_of

    def course_of(sight: Any, now: int, book: Book) -> Any:
        folds.append(now)
        return plain(sight, now, book)

    monkeypatch.setattr(work_item, "course_of", course_of)
    parts = Parts()

    def take(what: Any, now: int) -> list[Row]:
        found = react("item:jira:1", parts, what, now, Book())
        parts.update(found.parts)
        return found.rows

    def changed(id: str, at: int, category: Category) -> Signal:
        status = Status(name=category, category=category)
        return Signal(id, "/jira", at, at, WorkItemChanged(work_item="jira:1", status=status))

    take(changed("a", 1, "todo"), 1)
    first = take(None, 1)
    assert take(None, 2) == first
    assert folds == [1]
    take(changed("b", 3, "doing"), 3)
    take(None, 3)
    assert folds == [1, 3]
    take(Redefined(), 4)
    take(None, 4)
    assert folds == [1, 3, 4]
    take(changed("c", 9, "done"), 5)
    take(None, 5)
    take(None, 9)
    assert folds == [1, 3, 4, 5, 9]
