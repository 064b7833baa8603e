"""One store per module: opening one costs more than all that is asked of it."""

from collections.abc import Iterator

import pytest

from pipeline.store.client import Store, open_store
from pipeline.store.migrate import migrate
from tests.store.rows import clear


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("store")) as store:
        migrate(store)
        yield store


@pytest.fixture
def store(opened: Store) -> Store:
    """A store with the schema of this version and nothing in it."""
    clear(opened)
    return opened
