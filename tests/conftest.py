"""What all tests share."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest

from pipeline.store import address, client
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import migrate

OPEN = client._open_embedded


@pytest.fixture(scope="session", autouse=True)
def new_stores_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new store of this process has its schema already: to make it takes a second each time."""
    made = tmp_path_factory.mktemp("schema")
    with open_store(made) as store:
        migrate(store)

    def copied(data: Path, settings: Mapping[str, str]) -> Store:
        with suppress(OSError):  # who opens it says so better
            if not address.engine(data).exists():
                shutil.copytree(address.engine(made), address.engine(data), symlinks=True)
        return OPEN(data, settings)

    with patch.object(client, "_open_embedded", copied):
        yield


@pytest.fixture
def new_stores_are_empty() -> Iterator[None]:
    """A new store has no schema, as outside of the tests."""
    with patch.object(client, "_open_embedded", OPEN):
        yield
