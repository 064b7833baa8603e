"""The page: what its panels show, where its links lead, and that it is one file."""

import copy
import datetime as dt
import os
import re
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from dashboards.preview.boards import moment
from dashboards.preview.page import Preview
from dashboards.preview.picture import NoBrowser, browse, browser
from dashboards.preview.serve import Server
from dashboards.shared import only, taken
from pipeline.preview import Asked
from pipeline.store.client import Store, open_store
from pipeline.store.migrate import migrate
from tests.store.rows import clear, fill

HERE = Path(__file__).parent
NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)

Run = Callable[[str], Any]

BOARDS = yaml.safe_load((HERE / "boards.yaml").read_text("utf-8"))
ROWS = yaml.safe_load("""
goals:
  - {goal_id: a, title: "Alpha & <b>co</b>", level: product, status: on_track, owners: [payments], value: 6, target: 10, progress: 0.6, as_of: 2026-03-22T00:00:00Z}
  - {goal_id: b, title: Beta, level: product, status: planned, owners: [search, web], as_of: 2026-03-22T00:00:00Z}
goal_progress:
  - {goal_id: a, day: 2026-03-20, value: 5, target: 10}
  - {goal_id: a, day: 2026-03-21, value: 6, target: 10}
""")

Boards = list[dict[str, Any]]


@pytest.fixture
def boards() -> Boards:
    """The dashboards of `boards.yaml`, to be changed at will."""
    return copy.deepcopy(BOARDS)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("store")) as store:
        migrate(store)
        yield store


@pytest.fixture
def empty(opened: Store) -> Callable[[str], Any]:
    """Asks a store with nothing in it."""
    clear(opened)
    return Asked(opened)


@pytest.fixture
def run(opened: Store) -> Callable[[str], Any]:
    """Asks a store with two goals."""
    clear(opened)
    fill(opened, ROWS)
    return Asked(opened)


def words(html: str) -> str:
    """What a reader sees of a piece of HTML."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL))
    return " ".join(" ".join(found).split())


def panel(html: str, title: str) -> str:
    """The panels with a title, in all sections, as HTML."""
    articles = re.findall(r"<article.*?</article>", html, re.DOTALL)
    return "".join(one for one in articles if f">{title}</h3>" in one)


def test_a_panel_shows_what_grafana_shows(boards: Boards, run: Run) -> None:
    """Numbers in their unit, words for values, bars, tables without hidden columns."""
    page = Preview(boards, run, NOW).file()
    assert page.problems == []
    assert words(panel(page.html, "Goals")).startswith(
        "Goals i How many goals there are & what"
    )
    assert "2 goals" in words(panel(page.html, "Goals"))
    table = panel(page.html, "All goals")
    assert words(table).startswith(
        "All goals Goal status progress Next step Alpha & <b>co</b> On track 60% wait Copy"
    )
    assert "goal_id" not in words(table)
    assert 'style="--color:#0072B2;--on:#ffffff"' in table
    assert "--share:0.6000" in table
    assert "Alpha & <b>co</b> 60%" in words(panel(page.html, "Progress by goal"))
    course = panel(page.html, "Course")
    assert '"x":["2026-03-20","2026-03-21"],"y":[5.0,6.0]' in course
    assert '"dash":"8px,6px"' in course


def test_a_number_is_not_of_the_team_that_is_not_picked(boards: Boards, run: Run) -> None:
    """A section for All and for each team; with few values none is left out."""
    page = Preview(boards[:1], run, NOW).file()
    assert page.sections == 4
    numbers = re.findall(r"(\d) goals", words(panel(page.html, "Goals")))
    assert numbers == ["2", "1", "1", "1"]


def test_what_is_too_much_for_a_file_is_said(boards: Boards, run: Run) -> None:
    """The first values, in the order of the variable, and how to see the others."""
    page = Preview(boards, run, NOW).file(most=1)
    assert page.sections == 2 + 1
    assert "2 of 4 values of Team" in words(page.html)
    assert "1 of 2 values of Goal" in words(page.html)
    assert 'href="#goal"' in panel(page.html, "All goals")
    assert page.html.count('href="#goal?goal=b"') == 0


def test_links_lead_to_sections(boards: Boards, run: Run) -> None:
    """By the address of what is picked; what is picked at first needs no saying."""
    html = Preview(boards, run, NOW).file().html
    table = panel(html, "All goals")
    assert '<a href="#goal" title="Open">Alpha' in table
    assert '<a href="#goal?goal=b" title="Open">Beta' in table
    text = panel(html, "How to read this")
    assert '<a href="#goal">More</a>' in text
    assert '<a href="https://example.org/x">Out</a>' in text


def test_nothing_of_the_data_is_markup_and_nothing_is_loaded(boards: Boards, run: Run) -> None:
    """Titles, texts and series are escaped; the page refers to no other place."""
    html = Preview(boards, run, NOW).file().html
    own = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert "<b>co</b>" not in own
    assert "<script>alert" not in own
    assert "Target <x>" not in own
    assert not re.search(r"""(?:src|href)=["'](?!#|https://example\.org)""", own)
    assert html.count("plotly.js v") == 1
    assert "default-src 'none'" in html


def test_an_empty_store_has_empty_states_and_a_hint(boards: Boards, empty: Run) -> None:
    """Panels say what is not there; the page says what to do; now is the wall clock."""
    page = Preview(boards, empty, NOW).file()
    assert page.problems == []
    assert "The store holds no signals yet: run signals demo" in words(page.html)
    assert words(panel(page.html, "All goals")) == "All goals No goals yet"
    assert words(panel(page.html, "Progress by goal")) == "Progress by goal No progress yet"
    assert words(panel(page.html, "Course")).endswith("No day yet")
    assert "1 Jan 2030" in page.html


def test_a_query_that_fails_is_shown_in_its_panel(boards: Boards, run: Run) -> None:
    """The others are drawn; what failed is told once, though all sections have it."""
    boards[0]["panels"][1]["targets"][0]["rawSql"] = "SELECT nothing FROM signals.goals_now"
    boards[1]["templating"]["list"][0]["query"]["rawSql"] = "SELECT nothing"
    page = Preview(boards, run, NOW).file()
    failed = [("Goal", "its variables"), ("Overview", "Goals"), ("Goal", "Course")]
    assert [one[:2] for one in page.problems] == failed
    assert "The query failed" in words(panel(page.html, "Goals"))
    assert "Alpha" in words(panel(page.html, "All goals"))


def test_each_query_is_asked_once(boards: Boards, run: Run) -> None:
    """However many sections ask it."""
    asked: list[str] = []

    def counted(sql: str) -> Any:
        asked.append(sql)
        return run(sql)

    Preview(boards, counted, NOW).file()
    assert len(asked) == len(set(asked))


def test_a_panel_draws_its_columns_of_what_another_was_told(boards: Boards, run: Run) -> None:
    """One panel asks, and each shows what it has picked of the answer."""
    table, bars = boards[0]["panels"][2:4]
    table["transformations"] = [only(["title", "status"])]
    bars["targets"] = [taken(table["id"])]
    bars["transformations"] = [only(["title", "progress"])]
    page = Preview(boards[:1], run, NOW).file()
    assert page.problems == []
    drawn = words(panel(page.html, "All goals"))
    assert drawn.startswith("All goals Goal status Alpha & <b>co</b> On track Beta planned")
    assert "Alpha & <b>co</b> 60%" in words(panel(page.html, "Progress by goal"))


def test_now_is_the_clock_of_the_store(boards: Boards, run: Run) -> None:
    """A replayed history is shown at its own end, not empty."""
    assert Preview(boards, run, NOW).now == dt.datetime(2026, 3, 22, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("now", "2026-03-31T10:30:00"),
        ("now-90d", "2025-12-31T10:30:00"),
        ("now-6h", "2026-03-31T04:30:00"),
        ("now+1d", "2026-04-01T10:30:00"),
        ("now/d", "2026-03-31T00:00:00"),
        ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00"),
    ],
)
def test_times_are_read_as_grafana_writes_them(text: str, at: str) -> None:
    """Relative to now, or as they are."""
    now = dt.datetime.fromisoformat("2026-03-31T10:30:00+00:00")
    assert moment(text, now) == dt.datetime.fromisoformat(f"{at}+00:00")


# -- in a browser ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> None:
    try:
        browser()
    except NoBrowser as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.mark.parametrize(
    ("address", "says", "keys"),
    [
        pytest.param("", "Alpha", ['["$__all"]'], marks=pytest.mark.prove),
        ("#overview?owner=web", "1 goals", ['["web"]']),
        pytest.param("#goal", "Course", ['["a"]'], marks=pytest.mark.prove),
        pytest.param("#goal?goal=b", "No day yet", ['["b"]'], marks=pytest.mark.prove),
        pytest.param(
            "#goal?goal=gone", "This is not in this file", [], marks=pytest.mark.prove
        ),
    ],
)
def test_an_address_shows_its_section(
    chromium: None, boards: Boards, run: Run, tmp_path: Path,
    address: str, says: str, keys: list[str],
) -> None:  # fmt: skip
    """And no other; its charts are drawn then, in the theme that is asked for."""
    page = tmp_path / "index.html"
    page.write_text(Preview(boards, run, NOW).file(theme="dark").html, encoding="utf-8")
    dom = browse(page.as_uri() + address, "--dump-dom")
    assert 'data-theme="dark" data-ready="true"' in dom
    visible = re.sub(r"<template>.*?</template>", "", dom, flags=re.DOTALL)
    shown = [
        board
        for board in visible.split('<div class="board" ')[1:]
        if "hidden" not in board.split(">")[0]
    ]
    assert len(shown) == 1
    found = re.findall(r'<div class="section" data-key="([^"]*)">', shown[0])
    assert list(map(unescape, found)) == keys
    assert says in words(shown[0])
    assert shown[0].count('class="plot js-plotly-plot drawn"') == (address == "#goal")


# -- served ------------------------------------------------------------------------------


@pytest.fixture
def served(boards: Boards, run: Run) -> Any:
    with Server(lambda draw: draw(Preview(boards, run, NOW))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.address.rstrip("/")
        server.shutdown()
        thread.join()


def get(url: str, **heads: str) -> tuple[int, str]:
    try:
        with urlopen(Request(url, headers=heads)) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_server_draws_what_is_asked(served: str) -> None:
    """Any value of a variable, in the theme that is asked for; links are addresses."""
    status, html = get(f"{served}/")
    assert (status, html.count('class="section"')) == (200, 1)
    assert 'href="/goal?goal=b"' in html
    status, html = get(f"{served}/goal?goal=b&theme=dark")
    assert status == 200
    assert '<html lang="en" data-theme="dark">' in html
    assert "No day yet" in html
    assert get(f"{served}/plotly.min.js")[1].lstrip("/*\n ").startswith("plotly.js v")


def test_a_server_refuses_what_it_does_not_know(served: str) -> None:
    """Another host, another dashboard, a value that there is not."""
    assert get(f"{served}/", Host="example.org")[0] == 403
    assert get(f"{served}/nothing")[0] == 404
    assert get(f"{served}/goal?goal=nothing")[0] == 404
