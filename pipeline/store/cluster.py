"""The schema's statements for a cluster: on every replica, in tables that replicate.

The `.sql` files say what holds on one machine. On a cluster each statement runs `ON CLUSTER`,
tables are of the Replicated engines, and the window of deduplication is the one that replicas
share. Paths and replica names come from the server's own macros. One shard: a row is on every
replica, so any replica may be written to and read from.
"""

import re

WEEK = 7 * 86400
"""Seconds for which replicas remember tokens; a server's default may be one hour."""

_NAMED = re.compile(
    r"""
    ^\s*(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:DATABASE|TABLE|VIEW)(?:\s+IF\s+NOT\s+EXISTS)?
          |ALTER\s+TABLE|DROP\s+(?:TABLE|VIEW)(?:\s+IF\s+EXISTS)?)
    \s+[\w.]+
    """,
    re.VERBOSE,
)
_WINDOW = re.compile(r"\bnon_replicated_deduplication_window = (\d+)")


def on_cluster(sql: str, cluster: str) -> str:
    """Write a statement of the schema for all replicas of a cluster."""
    named = _NAMED.match(sql)
    if not named:
        raise ValueError(f"no statement of a schema: {sql[:60]!r}")
    quoted = cluster.replace("\\", "\\\\").replace("`", "\\`")
    rest = re.sub(r"\bENGINE = (\w*MergeTree)\b", r"ENGINE = Replicated\1", sql[named.end() :])
    rest = _WINDOW.sub(
        rf"replicated_deduplication_window = \1,"
        rf" replicated_deduplication_window_seconds = {WEEK}",
        rest,
    )
    return f"{named[0]} ON CLUSTER `{quoted}`{rest}"
