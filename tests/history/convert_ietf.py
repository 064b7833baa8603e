"""Five archives of issues, pull requests, commits and tags, as signals.

Copied as they stand: a pull request is on the default branch if it was merged into it and the
log of that branch has its merge commit; of one without a merge commit nobody knows that. Commits
of the first-parent line
that no pull request accounts for are changes of their own, so that a tag on them has a place.
What a tag contains is left to the pipeline, with one exception: a pull request or a tag beside
the default branch has no place on it, so the evidence (`chains.csv`) is passed on in the tag's
list of changes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.history.lines import Event, Row, comma, event, first_parents, jsonl, tsv

SOURCE = "ietf"

DEFAULT_BRANCH = {"master", "main"}
"""Names of the default branch, before and after it was renamed."""

REPOSITORIES = (
    "tlswg/tls13-spec",
    "quicwg/multipath",
    "mlswg/mls-protocol",
    "ietf-wg-ppm/draft-ietf-ppm-dap",
    "moq-wg/moq-transport",
)


def folder(corpora: Path, repository: str) -> Path:
    return corpora / "ietf-archives" / repository.replace("/", "__")


def key(repository: str, number: int | str) -> str:
    return f"{repository}#{number}"


def change(repository: str, number: int | str) -> str:
    return f"{repository}!{number}"


def service(repository: str) -> str:
    return repository.partition("/")[2]


def sha_of(tag: Row) -> str:
    """The commit of a tag; a lightweight tag names it itself."""
    return tag["peeled_commit"] or tag["object"]


def convert(corpora: Path, repository: str) -> Iterator[Event]:
    here = folder(corpora, repository)
    records, commits = jsonl(here / "archive.jsonl"), tsv(here / "commits.tsv")
    log = {row["sha"] for row in commits}
    line = set(first_parents(commits))
    merged = [record for record in records if record.get("merged_at")]
    for record in records:
        if record["kind"] == "issue":
            yield from _issue(repository, record)
    for record in merged:
        yield _pull(repository, record, log)
    pulled = {record["merge_commit"] for record in merged}
    for row in commits:
        if row["sha"] in line and row["sha"] not in pulled:
            yield _commit(repository, row)
    beside = {record["number"] for record in merged if not _on_default(record, log)}
    for tag in tsv(here / "tags.tsv"):
        listed = [
            change(repository, row["pr"])
            for row in comma(corpora / "ietf-archives" / "chains.csv")
            if (row["repo"], row["first_tag"]) == (repository, tag["tag"])
            and (sha_of(tag) not in line or int(row["pr"]) in beside)
        ]
        yield _tag(repository, tag, listed)


def _issue(repository: str, record: dict[str, Any]) -> Iterator[Event]:
    """Opened and closed; the archive has only the last labels, not when they were put on."""
    item = {
        "work_item": f"{SOURCE}:{key(repository, record['number'])}",
        "key": key(repository, record["number"]),
        "title": record["title"],
    }
    opened = item | {"status": {"name": "open", "category": "todo"}}
    at = record["created_at"]
    yield event(f"{item['key']}/1-opened", SOURCE, "work_item.changed", at, opened)
    if record["state"] == "CLOSED":
        closed = item | {"status": {"name": "closed", "category": "done"}}
        at = record["closed_at"]
        yield event(f"{item['key']}/2-closed", SOURCE, "work_item.changed", at, closed)


def _on_default(record: dict[str, Any], log: set[str]) -> bool:
    return record["base_ref"] in DEFAULT_BRANCH and record["merge_commit"] in log


def _pull(repository: str, record: dict[str, Any], log: set[str]) -> Event:
    commit = record["merge_commit"]
    data = {
        "change": change(repository, record["number"]),
        "repository": repository,
        "shas": [commit] if commit else [],
        "base": record["base_ref"],
        "default_branch": _on_default(record, log),
        "title": record["title"],
        "branch": record["head_ref"],
        "work_items": [
            {
                "key": key(repository, ref["number"]),
                "via": "keyword" if ref["how"] == "keyword" else "mention",
            }
            for ref in record["refs"]
        ],
    }
    name = change(repository, record["number"])
    return event(name, SOURCE, "change.merged", record["merged_at"], data)


def _commit(repository: str, row: Row) -> Event:
    name = f"{repository}@{row['sha']}"
    data = {
        "change": name,
        "repository": repository,
        "shas": [row["sha"]],
        "default_branch": True,
        "title": row["subject"],
    }
    return event(name, SOURCE, "change.merged", row["commit_time"], data)


def _tag(repository: str, tag: Row, listed: list[str]) -> Event:
    data: dict[str, Any] = {
        "deploy": f"{SOURCE}:{repository}@{tag['tag']}",
        "service": service(repository),
        "environment": {"name": "production", "tier": "production"},
        "repository": repository,
        "sha": sha_of(tag),
        "version": tag["tag"],
        "outcome": "success",
        "kind": "deploy",
    }
    if listed:
        data["changes"] = listed
    return event(data["deploy"], SOURCE, "deploy.finished", tag["time"], data)


def definitions() -> dict[str, Any]:
    return {
        "organisation": {"name": "working groups", "timezone": "UTC"},
        "teams": [{"id": service(repository)} for repository in REPOSITORIES],
        "services": [
            {
                "id": service(repository),
                "repository": repository,
                "team": service(repository),
                "releases": "*",
            }
            for repository in REPOSITORIES
        ],
    }
