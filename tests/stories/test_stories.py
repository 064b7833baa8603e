"""Every worked example and edge case of the semantics, told as a story and shown by the views."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.store.client import MEMORY_BACKED, Store, open_store
from pipeline.store.migrate import migrate
from tests.stories.runner import Story, play, stories

STORIES = [
    pytest.param(
        story,
        id=f"{story.section}: {story.title}",
        marks=[pytest.mark.xfail(reason=story.open, strict=True)] if story.open else [],
    )
    for story in stories(Path(__file__).parent)
]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder in memory where there is one: stories write little, and often."""
    memory = MEMORY_BACKED if MEMORY_BACKED.is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory, prefix="stories-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def store(place: Path) -> Iterator[Store]:
    """One store for all stories, for opening one takes longer than a story; each empties it."""
    with open_store(place) as store:
        migrate(store)
        yield store


@pytest.mark.parametrize("way", ["as told", pytest.param("backwards", marks=pytest.mark.prove)])
@pytest.mark.parametrize("story", STORIES)
def test_story(story: Story, way: str, store: Store, place: Path) -> None:
    """The views show what the story says, also when all arrives last first, and twice."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        wrong = play(story, store, Path(folder), backwards=way == "backwards")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
