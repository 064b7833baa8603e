"""What the views say about five real histories of issues, pull requests and tags.

The smallest runs with every test, the others are part of the long proof.
"""

from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

from tests.history import convert_ietf, golden
from tests.history.lines import jsonl
from tests.history.maths import DAY
from tests.history.views import ReplayEvents, Views

UNANSWERED = {
    "pulls": "a pull request that was not merged is no signal; merged ones are counted",
    "merge commits in log": "the log is evidence of the converter and no signal",
}
"""Golden numbers that no view can answer, and why."""

SUPPLIED = {"tlswg/tls13-spec": 2, "quicwg/multipath": 1}
"""Rows whose tag the evidence names, because the tag (draft-ietf-tls-tls13-18) or the pull
request (577) is beside the default branch. All other rows are inferred from positions."""

ALL = [
    pytest.param(name, marks=[] if name == "quicwg/multipath" else pytest.mark.prove)
    for name in convert_ietf.REPOSITORIES
]


class Chain(NamedTuple):
    """An issue, a merged pull request that closes it, and the first tag that has it."""

    change: str
    created_at: int
    merged_at: int
    tagged_at: int | None


class History(NamedTuple):
    repository: str
    views: Views
    expected: dict[str, list[float]]
    url_form: set[tuple[str, str]]
    """Closing keywords before the address of an issue, which the golden rows leave out."""


@pytest.fixture(scope="module", params=ALL)
def history(
    request: pytest.FixtureRequest, corpora: Path, replay_events: ReplayEvents
) -> History:
    name = request.param
    views = replay_events(convert_ietf.convert(corpora, name), convert_ietf.definitions())
    records = jsonl(convert_ietf.folder(corpora, name) / "archive.jsonl")
    url_form = {
        (convert_ietf.change(name, record["number"]), convert_ietf.key(name, ref["number"]))
        for record in records
        for ref in record.get("refs", ())
        if ref["how"] == "keyword" and ref["form"] != "number"
    }
    return History(name, views, golden.table(corpora)[name], url_form)


def chains(history: History) -> list[Chain]:
    """Closing keywords between a pull request and an issue, joined over three views."""
    sql = "SELECT work_item, key, created_at FROM signals.work_items_now"
    items = {row["work_item"]: row for row in history.views.rows(sql)}
    sql = "SELECT change, merged_at, shipped_at FROM signals.changes_shipped"
    changes = {row["change"]: row for row in history.views.rows(sql)}
    sql = "SELECT `from`, `to` FROM signals.links WHERE via = 'keyword'"
    found = []
    for link in history.views.rows(sql):
        item, change = items.get(link["to"]), changes[link["from"]]
        if item and (change["change"], item["key"]) not in history.url_form:
            at = (item["created_at"], change["merged_at"], change["shipped_at"])
            found.append(Chain(change["change"], *at))
    return found


def test_every_issue_is_there_and_closed_when_it_was(history: History) -> None:
    """Issues, closed issues, and the median time until closing are the golden ones."""
    sql = "SELECT created_at, closed_at FROM signals.work_items_now"
    rows = history.views.rows(sql)
    closed = [row for row in rows if row["closed_at"] is not None]
    assert [len(rows), len(closed)] == history.expected["issues / closed"]
    lag = median(row["closed_at"] - row["created_at"] for row in closed)
    assert [round(lag / DAY, 1)] == history.expected["issue created → closed"]


def test_every_merged_pull_request_is_a_change(history: History) -> None:
    """Merged pull requests are counted, and apart those whose merge commit nobody knows."""
    sql = "SELECT count() FROM signals.changes_shipped WHERE change LIKE '%!%'"
    assert history.views.one(sql) == history.expected["pulls / merged"][1]
    sql = """
        SELECT count() FROM signals.signals
        WHERE type = 'delivery.change.merged.v1' AND JSONLength(data, 'shas') = 0
    """
    without = history.expected["merged without merge commit"]
    assert [history.views.one(sql)] == without


def test_every_tag_is_a_deploy(history: History) -> None:
    """Tags are production deploys of a library."""
    sql = "SELECT count() FROM signals.deploys WHERE tier = 'production'"
    assert [history.views.one(sql)] == history.expected["tags"]


def test_issues_reach_the_tag_that_they_really_reached(history: History) -> None:
    """Rows of issue, pull request and first tag, and both medians, are the golden ones."""
    rows = chains(history)
    tagged = [(row, row.tagged_at) for row in rows if row.tagged_at is not None]
    assert [len(rows), len(tagged)] == history.expected["chain rows / reaching a tag"]
    lag = median(at - row.created_at for row, at in tagged)
    assert [round(lag / DAY, 1)] == history.expected["issue created → first tag"]
    lag = median(at - row.merged_at for row, at in tagged)
    assert round(lag / DAY, 1) == history.expected["merged → first tag"][0]


def test_lags_keep_their_sign(history: History) -> None:
    """One tag is a second older than the merge it contains: the lag is negative, not zero."""
    negative = [
        (row.tagged_at - row.merged_at, row.change)
        for row in chains(history)
        if row.tagged_at is not None and row.tagged_at < row.merged_at
    ]
    one = [(-1000, convert_ietf.change(history.repository, 1321))]
    assert negative == (one if history.repository == "tlswg/tls13-spec" else [])
    sql = "SELECT count() FROM signals.changes_shipped WHERE lead_time < 0"
    assert history.views.one(sql) == 0


def test_almost_every_first_tag_is_inferred(history: History) -> None:
    """Inferred and supplied rows are counted apart: the evidence names three tags in all."""
    sql = """
        SELECT arrayJoin(JSONExtract(data, 'changes', 'Array(String)')) AS change
        FROM signals.signals WHERE type = 'delivery.deploy.finished.v1'
    """
    named = {row["change"] for row in history.views.rows(sql)}
    tagged = [row for row in chains(history) if row.tagged_at is not None]
    supplied = sum(row.change in named for row in tagged)
    assert supplied == SUPPLIED.get(history.repository, 0)
    inferred = history.expected["chain rows / reaching a tag"][1] - supplied
    assert len(tagged) - supplied == inferred
