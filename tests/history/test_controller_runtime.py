"""What the views say about eight years of a library: shipped when, adopted when and by whom.

A short part of the history runs with every test, all of it is part of the long proof.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.history import history
from tests.history import adoption, convert_library
from tests.history.adoption import Adoption
from tests.history.convert_library import PRESENT, VIEWS, package, subject
from tests.history.ledger import LEDGER, entry
from tests.history.lines import comma, instant
from tests.history.maths import DAY, iso, precedence, quantile
from tests.history.views import ReplayEvents, ReplayFiles, Views

SHORT = "2019-12-31T23:59:59Z"
"""Includes 17 releases, two lines and a second pin of the same version."""

PACKAGE = "sigs.k8s.io/controller-runtime"


class Shipped(NamedTuple):
    """A change and the full release that had it first; `supplied` by that release's list."""

    number: str
    work: bool
    merged_at: int
    shipped_at: int | None
    release: str | None
    supplied: bool

    @property
    def lead(self) -> float:
        assert self.shipped_at is not None
        return (self.shipped_at - self.merged_at) / DAY


@pytest.fixture(scope="module")
def golden(corpus: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((corpus / "golden.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def snapshots(corpus: Path) -> dict[str, int]:
    return adoption.snapshots(comma(corpus / "consumers.csv"))


@pytest.fixture(scope="module")
def box(replay_files: ReplayFiles) -> Views:
    found = history("controller-runtime")
    return replay_files([found.signals], found.config, found.until)


@pytest.fixture(scope="module")
def beginning(replay_files: ReplayFiles) -> Views:
    found = history("controller-runtime")
    return replay_files([found.signals], found.config, SHORT)


@pytest.fixture(scope="module")
def three_views(corpus: Path, replay_events: ReplayEvents) -> Views:
    pins = [pin for view in VIEWS for pin in convert_library.pins(corpus, view)]
    return replay_events(pins, convert_library.lines_of_views(corpus))


@pytest.fixture(scope="module")
def every_release(corpus: Path, replay_events: ReplayEvents) -> Views:
    pins = convert_library.pins(corpus, "required")
    return replay_events(pins, convert_library.every_release(corpus))


def in_box(views: Views, golden: dict[str, Any], snapshots: dict[str, int]) -> Adoption:
    curve = golden["views"]["required"]["adoption_curve"]
    lines = {row["minor"]: (f"v{row['minor']}", instant(row["released"])) for row in curve}
    return Adoption(views, PACKAGE, "required", lines, snapshots)


def in_view(
    name: str, views: Views, golden: dict[str, Any], snapshots: dict[str, int]
) -> Adoption:
    curve = golden["views"][name]["adoption_curve"]
    lines = {
        row["minor"]: (subject(name, f"{row['minor']}.0"), instant(row["released"]))
        for row in curve
    }
    return Adoption(views, package(name), subject(name, PRESENT), lines, snapshots)


def shipped(views: Views) -> list[Shipped]:
    """Every change with the release that shipped it.

    Two releases of one second (v0.18.7, v0.19.4) are told apart by their lists; the lower
    version is the first.
    """
    sql = "SELECT version, finished_at FROM signals.deploys WHERE tier = 'production'"
    released: dict[int, list[str]] = {}
    for row in sorted(views.rows(sql), key=lambda row: precedence(row["version"])):
        released.setdefault(row["finished_at"], []).append(row["version"])
    sql = """
        SELECT JSONExtractString(data, 'version') AS version,
            arrayJoin(JSONExtract(data, 'changes', 'Array(String)')) AS change
        FROM signals.signals WHERE type = 'delivery.deploy.finished.v1'
    """
    listed = {(row["version"], row["change"]) for row in views.rows(sql)}
    sql = "SELECT key FROM signals.work_items_now"
    work = {row["key"].partition("#")[2] for row in views.rows(sql)}
    found = []
    sql = "SELECT change, merged_at, shipped_at FROM signals.changes_shipped"
    for row in views.rows(sql):
        versions = released.get(row["shipped_at"], [])
        by_list = [version for version in versions if (version, row["change"]) in listed]
        number = row["change"].partition("!")[2]
        found.append(
            Shipped(
                number,
                number in work,
                row["merged_at"],
                row["shipped_at"],
                next(iter(by_list or versions), None),
                bool(by_list),
            )
        )
    return found


def block(changes: list[Shipped]) -> dict[str, Any]:
    leads = [change.lead for change in changes]
    return {
        "changes": len(leads),
        "lead_days_p50": quantile(leads, 0.5) if leads else None,
        "lead_days_p85": quantile(leads, 0.85) if leads else None,
        "lead_days_min": round(min(leads), 4) if leads else None,
        "lead_days_max": round(max(leads), 4) if leads else None,
    }


def releases(views: Views) -> list[dict[str, Any]]:
    """Every full release, and the lead times of what it had first."""
    by: dict[str | None, list[Shipped]] = {}
    for change in shipped(views):
        by.setdefault(change.release, []).append(change)
    sql = "SELECT version, finished_at FROM signals.deploys WHERE tier = 'production'"
    rows = views.rows(sql)
    rows.sort(key=lambda row: (row["finished_at"], precedence(row["version"])))
    return [
        {
            "tag": f"v{row['version']}",
            "version": row["version"],
            "time": iso(row["finished_at"]),
            "all_rows": block(by.get(row["version"], [])),
            "work_items": block([one for one in by.get(row["version"], []) if one.work]),
        }
        for row in rows
    ]


def test_lead_times_of_the_first_releases(beginning: Views, golden: dict[str, Any]) -> None:
    """Counts, medians, P85 and extremes per release, as far as the short part goes."""
    expected = [row for row in golden["releases"] if row["time"] <= SHORT]
    assert len(expected) > 10
    assert releases(beginning) == expected


def test_adoption_of_the_first_lines(
    beginning: Views, golden: dict[str, Any], snapshots: dict[str, int]
) -> None:
    """Who was on a line so many days after its release, as far as the short part goes."""
    found = in_box(beginning, golden, snapshots)
    due = [
        (row["minor"], int(horizon), expected)
        for row in golden["views"]["required"]["adoption_curve"]
        for horizon, expected in row["horizons"].items()
        if instant(row["released"]) + int(horizon) * DAY <= instant(SHORT)
    ]
    assert len(due) > 4
    for minor, horizon, expected in due:
        assert found.horizon(minor, horizon) == expected


@pytest.mark.prove
def test_counts(box: Views, golden: dict[str, Any]) -> None:
    """Everything that the corpus has is there once."""
    changes = shipped(box)
    sql = "SELECT tier, count() AS n FROM signals.deploys GROUP BY tier"
    tiers = {row["tier"]: row["n"] for row in box.rows(sql)}
    sql = """
        SELECT count() AS n, uniqExact(JSONExtractString(data, 'adopter')) AS consumers
        FROM signals.signals WHERE type = 'delivery.subject.pinned.v1'
    """
    [pins] = box.rows(sql)
    found = {
        "releases": sum(tiers.values()),
        "full_releases": tiers["production"],
        "prereleases": tiers["staging"],
        "changes": len(changes),
        "work_items": sum(change.work for change in changes),
        "negative_lead_rows": sum(
            change.shipped_at is not None and change.shipped_at < change.merged_at
            for change in changes
        ),
        "unreleased_changes": sum(change.shipped_at is None for change in changes),
        "adoption_rows": pins["n"],
        "consumers": len(box.stays("required")),
    }
    expected = golden["counts"]
    unanswered = LEDGER["controller-runtime"]["unanswered"]
    assert found == {
        name: n for name, n in expected.items() if not entry(f"counts.{name}", unanswered)
    }
    without_work = expected["branch_sync_rows"] + expected["cherry_pick_rows"]
    assert found["changes"] - found["work_items"] == without_work


@pytest.mark.prove
def test_lead_times_of_all_releases(box: Views, golden: dict[str, Any]) -> None:
    """Counts, medians, P85 and extremes per release, of all changes and of work items."""
    assert releases(box) == golden["releases"]


@pytest.mark.prove
def test_what_is_inferred_and_what_is_supplied(box: Views, corpus: Path) -> None:
    """Releases of the default branch are inferred from positions, others list them."""
    on_default = {
        row["tag"]
        for row in comma(corpus / "releases.csv")
        if row["on_default_branch"] == "true"
    }
    first = {
        row["change"]: row["first_release"]
        for row in comma(corpus / "changes.csv")
        if row["first_release"]
    }
    found = {one.number: one for one in shipped(box) if one.release is not None}
    assert {number: f"v{one.release}" for number, one in found.items()} == first
    inferred = {number for number, one in found.items() if not one.supplied}
    assert inferred == {number for number, tag in first.items() if tag in on_default}
    said = LEDGER["figures"]["controller-runtime"]
    assert {"inferred": len(inferred), "supplied": len(found) - len(inferred)} == said


@pytest.mark.prove
def test_a_change_released_from_a_branch_first_keeps_its_negative_lead(
    box: Views, corpus: Path
) -> None:
    """It was live from the release on, ten minutes before the default branch had it."""
    released = {row["tag"]: row["time"] for row in comma(corpus / "releases.csv")}
    expected = {
        row["change"]: instant(released[row["first_release"]]) - instant(row["merged_at"])
        for row in comma(corpus / "changes.csv")
        if row["first_release"] and released[row["first_release"]] < row["merged_at"]
    }
    assert sorted(expected) == ["1136", "3050"]
    sql = """
        SELECT change, shipped_at, merged_at FROM signals.changes_shipped
        WHERE shipped_at < merged_at
    """
    rows = box.rows(sql)
    found = {row["change"].partition("!")[2]: row["shipped_at"] for row in rows}
    merged = {row["change"].partition("!")[2]: row["merged_at"] for row in rows}
    assert {change: found[change] - merged[change] for change in found} == expected


@pytest.mark.prove
def test_unreleased_work_is_closed_but_not_shipped(box: Views, golden: dict[str, Any]) -> None:
    """Merged work that no release has is not done, and only that work is not shipped."""
    sql = "SELECT key FROM signals.work_items_now WHERE state = 'closed_not_shipped'"
    numbers = {int(row["key"].partition("#")[2]) for row in box.rows(sql)}
    assert numbers == set(golden["shipped_but_not_adopted_90d"]["unreleased"])


@pytest.mark.prove
def test_the_days_of_a_line_add_up(box: Views, corpus: Path) -> None:
    """Adopters and eligible consumers at every day's close, and how one day follows another."""
    pins = sorted(comma(corpus / "adoption.csv"), key=lambda row: row["at"])
    sql = """
        SELECT day, adopters, eligible, new, resurrected, churned, left
        FROM signals.adoption_daily WHERE subject = 'v0.9' ORDER BY day
    """
    rows = box.rows(sql)
    versions: dict[str, str] = {}
    before, next_pin = 0, 0
    for row in rows:
        while next_pin < len(pins) and pins[next_pin]["at"][:10] <= row["day"].isoformat():
            versions[pins[next_pin]["consumer"]] = pins[next_pin]["version"]
            next_pin += 1
        adopters = sum(
            bool(version) and precedence(version) >= precedence("0.9.0")
            for version in versions.values()
        )
        assert row["adopters"] == adopters
        moved = row["new"] + row["resurrected"] - row["churned"] - row["left"]
        assert row["adopters"] - before == moved
        if row["day"].isoformat() > "2021-06-02":  # v0.9.0 was released
            assert row["eligible"] == sum(bool(version) for version in versions.values())
        before = row["adopters"]
    assert before > 0
    assert next_pin == len(pins)


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("beginning", "2019-12-30"),
        pytest.param("box", "2026-08-21", marks=pytest.mark.prove),
    ],
)
def test_zero_is_published_every_day(
    name: str, last: str, corpus: Path, request: pytest.FixtureRequest
) -> None:
    """Every line has a row per day from the first pin of the package to the last full day."""
    views: Views = request.getfixturevalue(name)
    first = min(row["at"] for row in comma(corpus / "adoption.csv"))[:10]
    sql = """
        SELECT subject, toString(min(day)) AS first, toString(max(day)) AS last,
            count() - dateDiff('day', min(day), max(day)) AS more
        FROM signals.adoption_daily GROUP BY subject
    """
    rows = views.rows(sql)
    assert len(rows) > 20
    assert {(row["first"], row["last"], row["more"]) for row in rows} == {(first, last, 1)}


@pytest.mark.prove
@pytest.mark.parametrize("view", VIEWS)
def test_adoption_curves(
    view: str, three_views: Views, golden: dict[str, Any], snapshots: dict[str, int]
) -> None:
    """Per line: shares at five horizons, first adopters, and Kaplan-Meier times to adopt."""
    found = in_view(view, three_views, golden, snapshots)
    expected = golden["views"][view]["adoption_curve"]
    rows = [
        {name: row[name] for name in ("minor", "tag", "released")}
        | {"horizons": found.horizons(row["minor"])}
        | found.line(row["minor"])
        for row in expected
    ]
    assert rows == expected


@pytest.mark.prove
@pytest.mark.parametrize("view", VIEWS)
def test_moves_of_consumers(
    view: str, three_views: Views, golden: dict[str, Any], snapshots: dict[str, int]
) -> None:
    """Downgrades, skipped lines, and each consumer's lag."""
    found = in_view(view, three_views, golden, snapshots)
    expected = golden["views"][view]
    assert found.downgrades() == expected["downgrades"]
    assert found.skipped_minors() == expected["skipped_minors"]
    lags = {adopter: found.lag(adopter) for adopter in expected["consumer_lag"]}
    assert lags == expected["consumer_lag"]


@pytest.mark.prove
def test_what_is_required_and_what_is_built(
    three_views: Views, golden: dict[str, Any], snapshots: dict[str, int]
) -> None:
    """While a `replace` directive is active two packages have different pins."""
    required, effective = (
        in_view(name, three_views, golden, snapshots).pins for name in ("required", "effective")
    )
    found = [
        {
            "consumer": consumer,
            "start": iso(start),
            "end": None if end is None else iso(end),
            "required": one,
            "effective": other,
        }
        for consumer in sorted(required)
        for start, end, one, other in adoption.differences(
            required[consumer], effective.get(consumer, [])
        )
    ]
    assert found == golden["required_differs_from_effective"]


@pytest.mark.prove
def test_the_box_has_the_same_curves(
    box: Views, golden: dict[str, Any], snapshots: dict[str, int]
) -> None:
    """Lists of eligible consumers and goals change nothing in who is on which line."""
    found = in_box(box, golden, snapshots)
    for row in golden["views"]["required"]["adoption_curve"]:
        assert found.horizons(row["minor"]) == row["horizons"]
        assert found.line(row["minor"]).items() <= row.items()


@pytest.mark.prove
def test_shipped_but_not_adopted(
    box: Views, every_release: Views, golden: dict[str, Any], snapshots: dict[str, int]
) -> None:
    """90 days after its first release, less than half of the consumers were on a work item's
    release or above.
    """
    expected = golden["shipped_but_not_adopted_90d"]
    found = Adoption(
        every_release, package("required"), subject("required", PRESENT), {}, snapshots
    )
    sql = "SELECT version, finished_at FROM signals.deploys WHERE tier = 'production'"
    measured_at = {row["version"]: row["finished_at"] + 90 * DAY for row in box.rows(sql)}
    measured = {}
    for version, at in measured_at.items():
        stays = every_release.stays(subject("required", version))
        measured[version] = (*found.share(stays, at), at <= max(snapshots.values()))
    numbers: dict[str, list[int]] = {}
    for change in shipped(box):
        if not change.work:
            continue
        status = "unreleased"
        if change.release is not None:
            adopted, eligible, observable = measured[change.release]
            status = "measured" if eligible else "no_consumers_observed"
            status = status if observable else "too_early"
            if status == "measured" and 2 * adopted < eligible:
                numbers.setdefault("by_version", []).append(int(change.number))
        numbers.setdefault(status, []).append(int(change.number))
    for name in ("by_version", "too_early", "no_consumers_observed", "unreleased"):
        assert sorted(numbers.get(name, [])) == sorted(expected[name])
    assert len(numbers["measured"]) == expected["measured_work_items"]
    assert len(measured) == len(expected["releases"])
    for row in expected["releases"]:
        release = row["tag"].removeprefix("v")
        assert measured[release] == (row["at_or_above"], row["eligible"], row["observable"])
        assert iso(measured_at[release]) == row["measured_at"]
