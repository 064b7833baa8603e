"""The commit log and the releases of Apache Kafka, as signals.

A commit is a change with its subject as the title; its keys are left to the pipeline. A
release is tagged on a branch of its own whose commits the log does not have, so what it was the
first to release (`key_release.csv`) is passed on with it: keys, and the commits that named them
first.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.history.lines import Event, comma, event, first_parents, tsv

SOURCE = "git"
REPOSITORY = "apache/kafka"
SERVICE = "kafka"
PROJECT = "KAFKA"

CANDIDATE = re.compile(r"rc\d+|candidate-?\d+")
"""What marks the tag of a release candidate."""


def folder(corpora: Path) -> Path:
    return corpora / "apache-kafka-git"


def change(sha: str) -> str:
    return f"{REPOSITORY}@{sha}"


def convert(corpora: Path) -> Iterator[Event]:
    here = folder(corpora)
    commits = tsv(here / "commits.tsv")
    line = set(first_parents(commits))
    for row in commits:
        data: dict[str, Any] = {
            "change": change(row["sha"]),
            "repository": REPOSITORY,
            "shas": [row["sha"]],
            "default_branch": row["sha"] in line,
            "title": row["subject"],
        }
        yield event(data["change"], SOURCE, "change.merged", row["commit_time"], data)
    released = comma(here / "key_release.csv")
    for tag in tsv(here / "tags.tsv"):
        if CANDIDATE.search(tag["tag"]):
            continue
        rows = [row for row in released if row["release"] == tag["tag"]]
        data = {
            "deploy": f"{SOURCE}:{REPOSITORY}@{tag['tag']}",
            "service": SERVICE,
            "environment": {"name": "production", "tier": "production"},
            "repository": REPOSITORY,
            "sha": tag["peeled_commit"] or tag["object"],
            "version": tag["tag"],
            "outcome": "success",
            "kind": "deploy",
        }
        if rows:
            data["work_items"] = [row["issue_key"] for row in rows]
            commits_named = dict.fromkeys(row["first_commit"] for row in rows)
            data["changes"] = [change(sha) for sha in commits_named]
        yield event(data["deploy"], SOURCE, "deploy.finished", tag["time"], data)


def definitions() -> dict[str, Any]:
    return {
        "organisation": {"name": "Apache Kafka", "timezone": "UTC"},
        "teams": [{"id": SERVICE}],
        "services": [
            {"id": SERVICE, "repository": REPOSITORY, "team": SERVICE, "releases": "*"}
        ],
        # Keys in titles count for known projects only.
        "sources": [
            {"id": "tracker", "kind": "jira", "projects": {PROJECT: {"team": SERVICE}}}
        ],
    }
