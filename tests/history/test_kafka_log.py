"""What the views say about the commit log and the releases of Apache Kafka."""

from pathlib import Path
from statistics import median

import pytest

from tests.history import convert_kafka, golden
from tests.history.ledger import LEDGER
from tests.history.lines import tsv
from tests.history.maths import DAY
from tests.history.views import ReplayEvents, Views

pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def views(corpora: Path, replay_events: ReplayEvents) -> Views:
    return replay_events(convert_kafka.convert(corpora), convert_kafka.definitions())


@pytest.fixture(scope="module")
def expected(corpora: Path) -> list[float]:
    return golden.kafka(corpora)


def first_commits(views: Views) -> dict[str, int]:
    """When a key was named first in the title of a commit."""
    sql = """
        SELECT `to` AS key, min(merged_at) AS at
        FROM signals.links INNER JOIN signals.changes_shipped ON change = `from`
        WHERE via = 'title' GROUP BY key
    """
    return {row["key"]: row["at"] for row in views.rows(sql)}


def first_releases(views: Views) -> dict[str, int]:
    """When a release was out that names the key first."""
    sql = """
        SELECT arrayJoin(work_items) AS key, min(finished_at) AS at
        FROM signals.deploys WHERE tier = 'production' GROUP BY key
    """
    return {row["key"]: row["at"] for row in views.rows(sql)}


def test_every_commit_is_a_change(views: Views, corpora: Path) -> None:
    """Nothing is lost at scale."""
    sql = "SELECT count() FROM signals.changes_shipped"
    log = tsv(convert_kafka.folder(corpora) / "commits.tsv")
    assert views.one(sql) == len(log)


def test_keys_are_found_in_subjects(views: Views, expected: list[float]) -> None:
    """Keys of the known project, upper case only, each linked to the commits that name it."""
    found = first_commits(views)
    assert len(found) == expected[0]
    assert all(key.startswith("KAFKA-") for key in found)


def test_keys_reach_their_release(views: Views, expected: list[float]) -> None:
    """Released keys, the median time to their release and the negative lags are the golden
    ones. All are supplied: no release is tagged on a commit of the log's main line.
    """
    commits, releases = first_commits(views), first_releases(views)
    lags = [released - commits[key] for key, released in releases.items()]
    assert [len(lags), round(median(lags) / DAY, 1)] == expected[1:3]
    assert sum(lag < 0 for lag in lags) == expected[3]
    assert LEDGER["figures"]["apache/kafka"] == {"inferred": 0, "supplied": len(lags)}


def test_keys_in_another_case_are_none(views: Views, expected: list[float]) -> None:
    """Only upper case is a key; that leaves out what occurs in another case only."""
    sql = """
        SELECT arrayJoin(extractAll(JSONExtractString(data, 'title'), '(?i)kafka-[0-9]+')) AS key
        FROM signals.signals WHERE type = 'delivery.change.merged.v1'
    """
    like_keys = {row["key"].upper() for row in views.rows(sql)}
    assert len(like_keys - first_commits(views).keys()) == expected[4]


def test_nothing_is_inferred_from_a_commit_outside_the_main_line(views: Views) -> None:
    """Release branches prove only what they list, and their own commit."""
    sql = """
        SELECT change FROM signals.changes_shipped WHERE shipped_at IS NOT NULL
        AND change NOT IN (
            SELECT arrayJoin(JSONExtract(data, 'changes', 'Array(String)'))
            FROM signals.signals WHERE type = 'delivery.deploy.finished.v1'
        )
    """
    assert [row["change"] for row in views.rows(sql)] == []
