"""What git's own ancestry says of a history, computed from the corpus without the pipeline."""

from collections.abc import Iterable

from tests.history.convert_ietf import sha_of
from tests.history.lines import Row, instant


def first_tags(commits: Iterable[Row], tags: Iterable[Row]) -> dict[str, Row]:
    """Per commit the earliest tag that contains it."""
    parents = {row["sha"]: row["parents"].split() for row in commits}
    found: dict[str, Row] = {}
    for tag in sorted(tags, key=lambda tag: instant(tag["time"])):
        # What an earlier tag contains is known with all its ancestors.
        left = [sha_of(tag)]
        while left:
            sha = left.pop()
            if sha not in found:
                found[sha] = tag
                left += parents[sha]
    return found
