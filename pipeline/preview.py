"""Our dashboards over a store as a file or a small server: what `signals preview` does.

The only module beside the commands that knows `dashboards`; those know nothing of us.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from dashboards.preview.frames import Answer, QueryFailed
from dashboards.preview.page import Page, Preview, Progress
from dashboards.preview.picture import NoBrowser, picture
from dashboards.preview.serve import Server
from dashboards.provisioning import dashboards as built
from pipeline.errors import QueryError, StoreError, UsageError
from pipeline.store.client import Store

Json = dict[str, Any]

Opened = Callable[[], AbstractContextManager[Store]]
"""Opens the store to read from it."""


def chosen(name: str | None) -> list[Json]:
    """All dashboards, or the one with this short name.

    Raises:
        UsageError: there is none; its remedy lists all.
    """
    found = built()
    if name is None:
        return list(found.values())
    if name not in found:
        raise UsageError(f"no dashboard is called {name}", f"one of {', '.join(found)}")
    return [found[name]]


_VIEW = re.compile(r"'(?:[^'\\]|\\.)*'|\bsignals\.(\w+)")


class Asked:
    """Answers the queries of panels from one store.

    To plan one of our views takes the embedded engine up to a tenth of a second, its rows a
    hundredth, and a page asks a thousand times. So a view is copied when it is first asked for,
    into a temporary table of the same name; that also shows all panels one state of the store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._copied: set[str] = set()

    def __call__(self, sql: str) -> Answer:
        """Answer.

        Raises:
            QueryFailed: ClickHouse refuses the query.
        """
        if self._store.embedded:
            sql = _VIEW.sub(self._copy, sql)
        try:
            return self._store.query(sql)
        except QueryError as error:
            raise QueryFailed(error.message) from error

    def _copy(self, found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return found[0]
        if name not in self._copied:
            try:
                self._store.command(
                    f"CREATE OR REPLACE TEMPORARY TABLE {name} AS SELECT * FROM signals.{name}"  # noqa: S608
                )
            except StoreError:
                # The query itself says best what is wrong.
                return found[0]
            self._copied.add(name)
        return name


@contextmanager
def opened(dashboards: list[Json], opens: Opened) -> Iterator[Preview]:
    """A preview that asks the store, which is open so long."""
    with opens() as store:
        yield Preview(dashboards, Asked(store), dt.datetime.now(dt.UTC))


def write(
    dashboards: list[Json],
    opens: Opened,
    folder: Path,
    *,
    theme: str,
    most: int,
    progress: Progress,
) -> tuple[Path, Page]:
    """Write `index.html` into a folder; its path, and what it holds."""
    with opened(dashboards, opens) as preview:
        page = preview.file(theme=theme, most=most, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    path.write_text(page.html, encoding="utf-8")
    return path, page


def pictures(dashboards: list[Json], page: Path) -> list[Path]:
    """A picture of the first section of each dashboard beside the page, light and dark.

    Raises:
        UsageError: there is no browser that can.
    """
    found = []
    for body in dashboards:
        lowest = max(
            (one["gridPos"]["y"] + one["gridPos"]["h"] for one in body["panels"]), default=0
        )
        for theme in ("light", "dark"):
            to = page.with_name(f"{body['uid']}-{theme}.png")
            try:
                # 38 pixels for a row of the grid, and room for what stands around it.
                picture(page, body["uid"], theme, to, lowest * 38 + 260)
            except NoBrowser as error:
                raise UsageError(str(error)) from None
            found.append(to)
    return found


def serve(dashboards: list[Json], opens: Opened, *, theme: str, port: int) -> Server:
    """A server that asks the store anew for each page, and lets go of it in between."""

    def fresh(draw: Callable[[Preview], Page | None]) -> Page | None:
        with opened(dashboards, opens) as preview:
            return draw(preview)

    return Server(fresh, theme, port)


def told(page: Page, path: Path) -> Mapping[str, Any]:
    """What was written, for a program."""
    return {
        "page": str(path),
        "sections": page.sections,
        "problems": [one._asdict() for one in page.problems],
    }
