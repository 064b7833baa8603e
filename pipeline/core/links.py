"""Why a signal counts for a work item: the weight of evidence (semantics 7)."""

import re
from collections.abc import Iterable

from pipeline.core.messages import (
    Child,
    Evidence,
    Linked,
    LinkedChange,
    NamedByDeploy,
    Promised,
)
from pipeline.core.rows import LinkRow
from pipeline.core.signals import ChangeMerged, Instant

PRIOR: dict[str, float] = {
    "manual": 0.98,
    "native": 0.98,
    "keyword": 0.95,
    "title": 0.92,
    "commit": 0.90,
    "branch": 0.80,
    "release_note": 0.70,
    "mention": 0.50,
    "inferred": 0.30,
}
"""Prior confidence per kind of evidence (table of semantics 7)."""

DRIVES = 0.80
"""From this confidence on a link drives the state of a work item."""

CANDIDATE = 0.50
"""From this confidence on a link is shown as a candidate, for a person to confirm."""

MOST_KEYS = 5
"""A change that names more work items than this is a bulk merge: candidates only."""

_EPSILON = 1e-9
_KEY = re.compile(r"(?<![A-Za-z0-9_])([A-Z][A-Z0-9_]+)-([0-9]+)(?![A-Za-z0-9_])")
_KEY_ANY_CASE = re.compile(r"(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9_]+)-([0-9]+)(?![A-Za-z0-9])")


def keys_in(text: str, *, fold_case: bool = False) -> list[str]:
    """Everything in a text that looks like a key (`PAY-42`), in order, each once."""
    pattern = _KEY_ANY_CASE if fold_case else _KEY
    return list(dict.fromkeys(f"{p.upper()}-{n}" for p, n in pattern.findall(text)))


def project_of(key: str) -> str:
    return key.rpartition("-")[0]


def named(change: ChangeMerged) -> list[tuple[str, str]]:
    """(key, via) of the work items a change names: those given, else what its texts look like.

    Keys found in text count only for known projects; who calls decides that.
    """
    if change.work_items is not None:
        return [(item.key, item.via) for item in change.work_items]
    found = [(key, "title") for key in keys_in(change.title or "")]
    found += [(key, "commit") for key in keys_in(change.body or "")]
    found += [(key, "branch") for key in keys_in(change.branch or "", fold_case=True)]
    return found


def confidence(evidence: Iterable[Evidence], at: Instant, *, bulk: bool = False) -> float:
    """How sure a link is at an instant: 1 - product(1 - c) over the kinds known by then."""
    best: dict[str, float] = {}
    for piece in evidence:
        if piece.at <= at and (piece.until is None or at < piece.until):
            c = PRIOR[piece.via] if piece.confidence is None else piece.confidence
            best[piece.via] = max(c, best.get(piece.via, 0.0))
    doubt = 1.0
    for c in best.values():
        doubt *= 1.0 - c
    sure = 1.0 - doubt
    return min(sure, DRIVES - 0.01) if bulk else sure


def drives(c: float) -> bool:
    return c >= DRIVES - _EPSILON


def is_candidate(c: float) -> bool:
    return CANDIDATE - _EPSILON <= c < DRIVES - _EPSILON


def rows(
    name: str,
    said: Iterable[LinkedChange | NamedByDeploy | Linked | Child | Promised],
    said_by: str,
) -> list[LinkRow]:
    """The view `links`: one row per pair and kind of evidence that holds, as sure as all of it."""
    pairs: dict[tuple[str, str], list[tuple[Evidence, str]]] = {}
    bulk: set[tuple[str, str]] = set()
    for one in said:
        if isinstance(one, Linked):
            pairs.setdefault((name, one.to), []).append((one.evidence, one.rel))
        elif isinstance(one, LinkedChange | NamedByDeploy):
            other = one.change if isinstance(one, LinkedChange) else one.service
            found = pairs.setdefault((other, name), [])
            found += [(piece, "implements") for piece in one.evidence]
            if isinstance(one, LinkedChange) and one.bulk_at is not None:
                bulk.add((other, name))
    shown: dict[tuple[str, str, str], LinkRow] = {}
    for pair, pieces in pairs.items():
        standing = [(piece, rel) for piece, rel in pieces if piece.until is None]
        now = max((piece.at for piece, _ in standing), default=0)
        sure = confidence((piece for piece, _ in standing), now, bulk=pair in bulk)
        for piece, rel in sorted(standing, key=lambda p: (p[0].at, p[1])):
            if (*pair, piece.via) not in shown:
                row = LinkRow(*pair, piece.via, said_by, rel, sure, piece.at, drives(sure))
                shown[*pair, piece.via] = row
    return list(shown.values())
