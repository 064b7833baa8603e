"""The simulator tells many stories, the same ones for the same seed, and knows the truth."""

import gzip
import itertools
import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.simulate import Simulation, simulate

ENDS = {
    "never_shipped": "closed_not_shipped",
    "unused": "shipped_not_adopted",
    "below_target": "shipped_not_adopted",
    "not_verified": "adopted_not_verified",
    "low_response": "adopted_not_verified",
    "unlinked": "unknown",
    "ambiguous": "unknown",
    "bulk": "unknown",
    "no_subject": "unknown",
    "no_service": "unknown",
    "dropped": "dropped",
    "deleted": "deleted",
    "in_progress": "open",
    "child": "done",
    "linked_late": "done",
    "two_weak_links": "done",
    "wrong_link": "done",
    "named_in_deploy": "done",
    "hotfix": "done",
    "verified_by_kpi": "done",
    "lost_and_regained": "done",
    "blip": "done",
    "moved": "done",
    "library": "done",
}
"""How the stories end that can only end in one way."""


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate(tmp_path_factory.mktemp("simulation"))


@pytest.fixture(scope="module")
def truth(simulation: Simulation) -> dict[str, Any]:
    return json.loads(simulation.truth.read_text())


@pytest.fixture(scope="module")
def events(simulation: Simulation) -> list[dict[str, Any]]:
    return read(simulation.signals)


def read(paths: list[Path]) -> list[dict[str, Any]]:
    texts = [
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in paths
    ]
    return [event for text in texts for line in text.splitlines() if (event := _whole(line))]


def _whole(line: bytes) -> dict[str, Any] | None:
    """What a line says, unless it is one of the few that are broken on purpose."""
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return event if event["type"].endswith(".v1") and event["time"].endswith("Z") else None


def test_same_seed(tmp_path: Path) -> None:
    """A seed decides every byte, and another seed tells other stories."""
    one, again, other = (
        simulate(tmp_path / name, days=30, seed=seed)
        for name, seed in (("one", 7), ("again", 7), ("other", 8))
    )
    for path in [*one.signals, one.config, one.truth]:
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    assert one.truth.read_bytes() != other.truth.read_bytes()
    assert again.until == "2026-02-03T23:00:00.000Z"


def test_every_story(simulation: Simulation, truth: dict[str, Any]) -> None:
    """Every story happens several times and ends as it has to."""
    assert set(ENDS) <= set(simulation.stories)
    assert min(len(items) for items in simulation.stories.values()) >= 4
    for story, state in ENDS.items():
        for item in simulation.stories[story]:
            assert (story, truth["work_items"][item][-1]["state"]) == (story, state)


@pytest.mark.parametrize("seed", [2, pytest.param(3, marks=pytest.mark.prove)])
def test_other_seeds(tmp_path: Path, seed: int) -> None:
    """The stories end alike with other chances."""
    simulation = simulate(tmp_path, seed=seed)
    truth = json.loads(simulation.truth.read_text())
    ends = {
        (story, truth["work_items"][item][-1]["state"])
        for story in ENDS
        for item in simulation.stories[story]
    }
    assert ends == set(ENDS.items())


def test_states_follow_each_other(truth: dict[str, Any]) -> None:
    """An item is in exactly one state at a time, from its creation to the end."""
    for spans in truth["work_items"].values():
        assert spans[-1]["to"] is None
        for before, after in itertools.pairwise(spans):
            assert before["from"] < before["to"] == after["from"]
            assert before["state"] != after["state"]


def test_findings_do_not_overlap(truth: dict[str, Any]) -> None:
    """One thing has one finding of a rule at a time, and all rules speak."""
    spans: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for finding in truth["findings"]:
        cleared = finding["cleared_at"] or truth["until"]
        assert finding["raised_at"] <= cleared <= truth["until"]
        spans[finding["rule"], finding["about"]].append((finding["raised_at"], cleared))
    for times in spans.values():
        times.sort()
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(times))
    counts = Counter(finding["rule"] for finding in truth["findings"])
    least = {"basically_done": 100, "regressed": 20, "rolled_back": 5, "goal_hit": 8}
    assert all(counts[rule] >= number for rule, number in least.items())
    assert counts["source_stale"] >= 3
    assert all(finding["linked"] for finding in truth["findings"])


def test_goals(truth: dict[str, Any]) -> None:
    """Goals have a value per day: zero where measured, null before the first reading."""
    goals = truth["goals"]
    assert goals["delight"] == goals["unclear"] == goals["next-quarter"] == {}
    assert goals["checkout-in-one-click"]["2026-01-05"] == 0
    assert goals["happy-users"]["2026-01-05"] is None
    assert goals["launch-abroad"]["2026-04-20"] == 1
    assert max(goals["given-up"]) == "2026-03-05"
    assert max(goals["facets-used"]) == "2026-05-04"
    for subject, target in (("one-click-pay", 6), ("sdk-2", 15), ("live-tracking", 25)):
        assert max(truth["adopters"][subject].values()) >= target
    assert truth["adopters"]["live-tracking"]["2026-05-04"] < 20
    assert set(truth["adopters"]["gift-cards"].values()) == {0}


def test_noise(events: list[dict[str, Any]]) -> None:
    """Signals come twice, late, too late, out of order and by wrong clocks."""

    def delay(event: dict[str, Any]) -> timedelta:
        recorded = datetime.fromisoformat(event["recordedtime"])
        return recorded - datetime.fromisoformat(event["time"])

    delays = [delay(event) for event in events]
    copies = Counter((event["source"], event["id"]) for event in events)
    recorded = [event["recordedtime"] for event in events]
    assert sum(number > 1 for number in copies.values()) > 200
    assert sum(timedelta(hours=1) < late < timedelta(days=35) for late in delays) > 200
    assert sum(late > timedelta(days=35) for late in delays) >= 5
    assert sum(timedelta(minutes=-5) < late < timedelta() for late in delays) > 50
    assert sum(late < timedelta(minutes=-5) for late in delays) > 50
    assert min(delays) > timedelta(days=-1)
    assert sum(a > b for a, b in itertools.pairwise(recorded)) > 500
    assert any("sequence" in event for event in events)


def test_withheld_links(
    tmp_path: Path, truth: dict[str, Any], events: list[dict[str, Any]]
) -> None:
    """Without some links the same things happen, and only their findings are marked."""
    less = simulate(tmp_path, withhold=0.3)
    seen = json.loads(less.truth.read_text())
    assert seen["work_items"] == truth["work_items"]
    assert [one | {"linked": True} for one in seen["findings"]] == truth["findings"]
    hidden = {one["about"] for one in seen["findings"] if not one["linked"]}
    assert 20 < len(hidden) < len(seen["work_items"]) / 2

    def links(lines: list[dict[str, Any]]) -> int:
        named = (event for event in lines if not event["type"].startswith("delivery.commit"))
        return sum(len(event["data"].get("work_items", ())) for event in named)

    assert links(read(less.signals)) < 0.8 * links(events)
