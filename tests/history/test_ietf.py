"""What the views say about five real histories of issues, pull requests and tags.

The smallest runs with every test, the others are part of the long proof.
"""

from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

from tests.history import convert_ietf, golden
from tests.history.ancestry import first_tags
from tests.history.ledger import LEDGER
from tests.history.lines import comma, first_parents, instant, jsonl, tsv
from tests.history.maths import DAY
from tests.history.views import ReplayEvents, Views

ALL = [
    pytest.param(name, marks=[] if name == "quicwg/multipath" else pytest.mark.prove)
    for name in convert_ietf.REPOSITORIES
]

SHIPPED_FIRST = {
    "tlswg/tls13-spec": [1150, 1163, 1321],
    "mlswg/mls-protocol": [82, 139, 176, 316, 406, 497],
}
"""Pull requests whose merge commit is tagged and a second older than the merge is said to be."""


class Chain(NamedTuple):
    """An issue, a merged pull request that closes it, and the first tag that has it."""

    change: str
    key: str
    created_at: int
    merged_at: int
    tagged_at: int | None


class History(NamedTuple):
    repository: str
    corpora: Path
    views: Views
    expected: dict[str, list[float]]

    @property
    def folder(self) -> Path:
        return convert_ietf.folder(self.corpora, self.repository)

    def change(self, number: int | str) -> str:
        return convert_ietf.change(self.repository, number)

    def key(self, number: int | str) -> str:
        return convert_ietf.key(self.repository, number)


@pytest.fixture(scope="module", params=ALL)
def history(
    request: pytest.FixtureRequest, corpora: Path, replay_events: ReplayEvents
) -> History:
    name = request.param
    views = replay_events(convert_ietf.convert(corpora, name), convert_ietf.definitions())
    return History(name, corpora, views, golden.table(corpora)[name])


def url_form(history: History) -> set[tuple[str, str]]:
    """Closing keywords before the address of an issue, which the golden rows leave out."""
    return {
        (history.change(record["number"]), history.key(ref["number"]))
        for record in jsonl(history.folder / "archive.jsonl")
        for ref in record.get("refs", ())
        if ref["how"] == "keyword" and ref["form"] != "number"
    }


def chains(history: History) -> list[Chain]:
    """Closing keywords between a pull request and an issue, joined over three views."""
    sql = "SELECT work_item, key, created_at FROM signals.work_items_now"
    items = {row["work_item"]: row for row in history.views.rows(sql)}
    sql = "SELECT change, merged_at, shipped_at FROM signals.changes_shipped"
    changes = {row["change"]: row for row in history.views.rows(sql)}
    left_out = url_form(history)
    sql = "SELECT `from`, `to` FROM signals.links WHERE via = 'keyword'"
    found = []
    for link in history.views.rows(sql):
        item, change = items.get(link["to"]), changes[link["from"]]
        if item and (change["change"], item["key"]) not in left_out:
            at = (item["created_at"], change["merged_at"], change["shipped_at"])
            found.append(Chain(change["change"], item["key"], *at))
    return found


def supplied(history: History) -> set[str]:
    """Changes that a release lists."""
    sql = """
        SELECT arrayJoin(JSONExtract(data, 'changes', 'Array(String)')) AS change
        FROM signals.signals WHERE type = 'delivery.deploy.finished.v1'
    """
    return {row["change"] for row in history.views.rows(sql)}


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
    assert {(row.change, row.key): row.tagged_at for row in rows} == {
        (history.change(row["pr"]), history.key(row["issue"])): (
            instant(row["tag_time"]) if row["tag_time"] else None
        )
        for row in comma(history.corpora / "ietf-archives" / "chains.csv")
        if row["repo"] == history.repository
    }


def test_lags_keep_their_sign(history: History) -> None:
    """Some tags are a second older than the merge they contain: the lag is negative, not zero.

    Of those in golden rows there is one, as the corpora say.
    """
    sql = """
        SELECT change, dateDiff('second', merged_at, shipped_at) AS lag
        FROM signals.changes_shipped
        WHERE shipped_at < merged_at
    """
    negative = {row["change"]: row["lag"] for row in history.views.rows(sql)}
    first = SHIPPED_FIRST.get(history.repository, [])
    assert negative == {history.change(number): -1 for number in first}
    golden_rows = [row.change for row in chains(history) if row.change in negative]
    assert len(golden_rows) == (1 if history.repository == "tlswg/tls13-spec" else 0)


def test_almost_every_first_tag_is_inferred(history: History) -> None:
    """Golden rows with a tag that are inferred, and that a release lists, as the ledger says."""
    listed = supplied(history)
    tagged = [row for row in chains(history) if row.tagged_at is not None]
    by_list = sum(row.change in listed for row in tagged)
    said = LEDGER["figures"][history.repository]
    assert {"supplied": by_list, "inferred": len(tagged) - by_list} == said


def test_what_is_inferred_is_what_git_says(history: History) -> None:
    """Far beyond the golden rows: of every pull request merged into the default branch, the
    first tag that git's ancestry finds is the one that the views infer from positions.

    Only a tag beside the default branch is not seen, but by changes that it lists.
    """
    commits, tags = tsv(history.folder / "commits.tsv"), tsv(history.folder / "tags.tsv")
    line, contained = set(first_parents(commits)), first_tags(commits, tags)
    log, listed = {row["sha"] for row in commits}, supplied(history)
    sql = "SELECT change, shipped_at FROM signals.changes_shipped"
    shipped = {row["change"]: row["shipped_at"] for row in history.views.rows(sql)}
    compared = 0
    for record in jsonl(history.folder / "archive.jsonl"):
        name, commit = history.change(record["number"]), record.get("merge_commit")
        if not record.get("merged_at") or name in listed:
            continue
        if record["base_ref"] not in convert_ietf.DEFAULT_BRANCH or commit not in log:
            assert shipped[name] is None
            continue
        tag = contained.get(commit)
        if tag is None:
            assert shipped[name] is None
        elif convert_ietf.sha_of(tag) in line:
            assert shipped[name] == instant(tag["time"])
            compared += 1
    assert compared > 100
