"""Writes the history of controller-runtime from its corpus.

Run `python -m pipeline.history.derive CORPUS_DIR`. Fields are copied, nothing is judged: which
change is contained where, when it was first released and who has adopted it is left to the
pipeline. What the corpus says about releases that were cut from a branch (the list of their
changes, cherry-picks among them) is passed on with the release.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import zstandard

from pipeline.history import release_lines
from pipeline.history.corpus import NAME, PACKAGE, REPOSITORY, Row, read

Event = dict[str, Any]

KINDS = {"feature": "feature", "breaking": "feature", "fix": "bug"} | dict.fromkeys(
    ("docs", "chore", "deps", "revert"), "chore"
)


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


def lines(events: Iterable[Event]) -> bytes:
    """NDJSON, one event per line."""
    dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    return "".join(f"{dump(event)}\n" for event in events).encode()


def main(corpus: Path, target: Path) -> None:
    """Write the signals and the definitions into a folder."""
    packed = zstandard.ZstdCompressor(level=19).compress(lines(events(corpus)))
    (target / f"{NAME}.ndjson.zst").write_bytes(packed)
    definitions = release_lines.text(release_lines.definitions(corpus))
    head = f"# Written by `python -m {__spec__.name}`; see SOURCE.txt.\n"
    (target / f"{NAME}.yaml").write_text(head + definitions, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
