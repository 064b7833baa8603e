"""Precedence of versions as semver.org 2.0.0 fixes it; a leading v is ignored."""

import re
from functools import lru_cache

_VERSION = re.compile(
    r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII
)

Precedence = tuple[int, int, int, bool, tuple[tuple[int, int, str], ...]]


@lru_cache(maxsize=65536)
def precedence(text: str) -> Precedence | None:
    """A key that sorts versions, or None when the text is no semantic version.

    A version without a pre-release sorts above all of its pre-releases.
    """
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    major, minor, patch, pre = match.groups()
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in (pre.split(".") if pre else ())
    )
    return (int(major), int(minor), int(patch), not pre, parts)


def at_least(version: str | None, least: str) -> bool:
    """Whether a version reaches another one; what cannot be read does not."""
    have = precedence(version) if version else None
    want = precedence(least)
    return have is not None and want is not None and have >= want
