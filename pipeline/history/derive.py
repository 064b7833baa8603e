"""Writes the history of controller-runtime from its corpus.

Run `python -m pipeline.history.derive CORPUS_DIR`. Fields are copied, nothing is judged: which
change is contained where, when it was first released and who has adopted it is left to the
pipeline. What the corpus says about releases that were cut from a branch (the list of their
changes, cherry-picks among them) is passed on with the release.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
import zstandard

Row = Mapping[str, str]
Event = dict[str, Any]

NAME = "controller-runtime"
REPOSITORY = "kubernetes-sigs/controller-runtime"
PACKAGE = "sigs.k8s.io/controller-runtime"
REQUIRED = "required"
"""The subject that every version meets: who requires the library at all."""

ANY_VERSION = "0.0.0-0"
"""The lowest of all versions."""

DUE = timedelta(days=90)
"""Half of the consumers should have taken a line up after this time."""

KINDS = {"feature": "feature", "breaking": "feature", "fix": "bug"} | dict.fromkeys(
    ("docs", "chore", "deps", "revert"), "chore"
)


def read(corpus: Path, name: str) -> list[Row]:
    """Rows of a file of the corpus."""
    with (corpus / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def event(name: str, kind: str, time: str, data: Mapping[str, Any]) -> Event:
    """A fact as a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": name,
        "source": NAME,
        "type": f"delivery.{kind}.v1",
        "time": time,
        "data": dict(data),
    }


def is_work(change: Row) -> bool:
    """Whether a change is work of its own: no cherry-pick, no mere sync of branches."""
    return not change["cherry_pick_of"] and change["branch_sync"] == "false"


def reference(number: str) -> str:
    """The name of a change, from its number."""
    return f"{REPOSITORY}!{number}"


def changes(corpus: Path) -> Iterator[Event]:
    """A merged pull request, and the work item it is: both have one number and one title.

    The line of its first release becomes a label when that release is out, as release bots do.
    """
    releases = {release["tag"]: release for release in read(corpus, "releases.csv")}
    for change in read(corpus, "changes.csv"):
        number, merged_at, title = change["change"], change["merged_at"], change["title"]
        key = f"{REPOSITORY}#{number}"
        merged = {
            "change": reference(number),
            "repository": REPOSITORY,
            "shas": [change["merge_commit"]],
            "base": change["landed_on"],
            "default_branch": change["landed_on"] == "main",
            "title": title,
            "work_items": [{"key": key, "via": "native"}] if is_work(change) else [],
        }
        yield event(f"change/{number}", "change.merged", merged_at, merged)
        if not is_work(change):
            continue
        labels = [change["label"]] if change["label"] else []
        item: dict[str, Any] = {"work_item": f"{NAME}:{number}", "key": key}
        closed = {
            "title": title,
            "url": f"https://github.com/{REPOSITORY}/pull/{number}",
            "status": {"name": "merged", "category": "done"},
            "labels": labels,
        }
        if change["label"]:
            closed["kind"] = KINDS[change["label"]]
        yield event(f"item/{number}/1-merged", "work_item.changed", merged_at, item | closed)
        if change["first_release"]:
            release = releases[change["first_release"]]
            labelled = item | {"labels": [*labels, f"line:v{release['minor']}"]}
            # Two changes were released from a branch before they reached the default branch.
            at = max(merged_at, release["time"])
            yield event(f"item/{number}/2-released", "work_item.changed", at, labelled)


def releases(corpus: Path) -> Iterator[Event]:
    """A tag is a deploy of the library; one outside the default branch lists its changes."""
    listed: dict[str, list[str]] = {}
    for line in read(corpus, "change_lines.csv"):
        listed.setdefault(line["first_tag_in_minor"], []).append(reference(line["change"]))
    for release in read(corpus, "releases.csv"):
        full = release["prerelease"] == "false"
        data: dict[str, Any] = {
            "deploy": f"{NAME}:{release['tag']}",
            "service": NAME,
            "environment": {"name": "production", "tier": "production"}
            if full
            else {"name": "pre-release", "tier": "staging"},
            "repository": REPOSITORY,
            "sha": release["commit"],
            "version": release["version"],
            "outcome": "success",
            "kind": "deploy",
        }
        if release["on_default_branch"] == "false" and release["tag"] in listed:
            data["changes"] = listed[release["tag"]]
        yield event(f"release/{release['tag']}", "deploy.finished", release["time"], data)


def pins(rows: Iterable[Row], package: str = PACKAGE) -> Iterator[Event]:
    """A consumer moved its required version.

    Ids sort like the rows of one consumer, so rows of the same second keep their order.
    """
    for row in rows:
        data = {
            "package": package,
            "adopter": row["consumer"],
            "version": row["version"] or None,
            "previous_version": row["previous_version"] or None,
        }
        name = f"pin/{package}/{row['consumer']}/{int(row['seq']):04}"
        yield event(name, "subject.pinned", row["at"], data)


def events(corpus: Path) -> list[Event]:
    """The whole history in the order of time."""
    found = [*changes(corpus), *releases(corpus), *pins(read(corpus, "adoption.csv"))]
    return sorted(found, key=lambda event: (event["time"], event["id"]))


def eligible(corpus: Path) -> dict[date, list[str]]:
    """Who requires the library from a day on: from the first pin until it is removed."""
    present: set[str] = set()
    found: dict[date, list[str]] = {}
    for row in sorted(read(corpus, "adoption.csv"), key=lambda row: row["at"]):
        before = len(present)
        (present.add if row["version"] else present.discard)(row["consumer"])
        if len(present) != before:
            found[datetime.fromisoformat(row["at"]).astimezone(UTC).date()] = sorted(present)
    return found


def line_subject(minor: str, rest: Mapping[str, Any]) -> dict[str, Any]:
    """Being on a release line or above."""
    return {
        "id": f"v{minor}",
        "title": f"controller-runtime {minor}",
        "team": NAME,
        "unit": "repo",
        "measure": {"kind": "pinned", "package": PACKAGE, "at_least": f"{minor}.0"},
        **rest,
    }


def definitions(corpus: Path) -> dict[str, Any]:
    """One subject per release line, and the goal that half of the consumers take it up.

    A subject has one version per day on which the list of its consumers changed.
    """
    first: dict[str, Row] = {}
    for release in read(corpus, "releases.csv"):
        if release["prerelease"] == "false":
            first.setdefault(release["minor"], release)
    lists = eligible(corpus)
    subjects: list[dict[str, Any]] = [
        {
            "id": REQUIRED,
            "title": "controller-runtime at all",
            "team": NAME,
            "unit": "repo",
            "measure": {"kind": "pinned", "package": PACKAGE, "at_least": ANY_VERSION},
        }
    ]
    goals = []
    for minor, release in first.items():
        released_on = datetime.fromisoformat(release["time"]).astimezone(UTC).date()
        rest = {
            "target": {"share": 0.5},
            # Nobody was asked: moving the pin is the only answer this history holds.
            "verification": {"share": 0, "yes": 0},
            "work": {"labels": [f"line:v{minor}"]},
        }
        known = max((day for day in lists if day <= released_on), default=None)
        subject = line_subject(minor, rest | {"eligible": lists[known] if known else []})
        subjects.append(subject)
        subjects += [
            {"id": subject["id"], "from": day.isoformat()} | subject | {"eligible": names}
            for day, names in lists.items()
            if day > released_on
        ]
        if known is None:
            continue  # nobody there to take it up
        metric = {"kind": "adoption", "subject": subject["id"], "unit": "share"}
        goals.append(
            {
                "id": f"half-on-v{minor}",
                "title": f"Half of the consumers on {minor}",
                "level": "product",
                "owners": [NAME],
                "metric": metric | {"baseline": 0, "target": 0.5},
                "starts_on": released_on.isoformat(),
                "due_on": (released_on + DUE).isoformat(),
                "work": rest["work"],
            }
        )
    return {
        "organisation": {"name": NAME, "timezone": "UTC", "epoch": "2018-01-01"},
        "teams": [{"id": NAME, "title": "controller-runtime maintainers"}],
        "services": [
            {"id": NAME, "repository": REPOSITORY, "team": NAME, "releases": "v*"},
        ],
        "subjects": subjects,
        "goals": goals,
    }


def lines(events: Iterable[Event]) -> bytes:
    """NDJSON, one event per line."""
    dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    return "".join(f"{dump(event)}\n" for event in events).encode()


def main(corpus: Path, target: Path) -> None:
    """Write the signals and the definitions into a folder."""
    packed = zstandard.ZstdCompressor(level=19).compress(lines(events(corpus)))
    (target / f"{NAME}.ndjson.zst").write_bytes(packed)
    head = f"# Written by `python -m {__spec__.name}`; see SOURCE.txt.\n"
    text = yaml.safe_dump(
        definitions(corpus), sort_keys=False, default_flow_style=None, width=96
    )
    (target / f"{NAME}.yaml").write_text(head + text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
