"""What a finding about a work item rests on: short words, each with a reference one step down.

A piece is `what: reference`. A signal is referred to by source and id (`closed: /jira 4711`), what
others have told by its name in the contract (`linked: acme/shop!7 0.92`). It says what was known
when the finding was raised, so what comes later changes nothing.
"""

from bisect import bisect_right
from collections.abc import Iterator

from pipeline.core import links
from pipeline.core.book import Book
from pipeline.core.calendar import iso_instant
from pipeline.core.messages import Adoption, Live, Step
from pipeline.core.signals import Instant
from pipeline.core.standing import Sight, judge_shipping, names_us, subjects_of, weighed
from pipeline.core.tracker import Attributes

MOST = 20
"""Pieces about changes; a work item may have hundreds."""


def of_work_item(sight: Sight, at: Instant, book: Book) -> list[str]:
    """From the tracker, over the changes, to adoption: as far as it had got at an instant."""
    n = bisect_right(sight.attributes, at, key=lambda a: a.at)
    now = sight.attributes[max(0, n - 1)]
    shipping = judge_shipping(sight, now, at)
    said = list(_tracker(now))
    if now.non_code:
        said.append("no code: nothing to deploy")
    else:
        shipped = list(dict.fromkeys(_shipped(sight, at)))
        said += shipped[:MOST]
        if len(shipped) > MOST:
            said.append(f"more: {len(shipped) - MOST}")
    if shipping.value == "full":
        for subject in subjects_of(sight, now, shipping, at, book):
            said += _adoption(subject, sight.adoption.get(subject), at)
    return said


def _tracker(now: Attributes) -> Iterator[str]:
    if now.status_by is not None:
        what = "closed" if now.category == "done" else now.category
        yield f"{what}: {' '.join(now.status_by)}"


def _shipped(sight: Sight, at: Instant) -> Iterator[str]:
    for change, sure in weighed(sight, at):
        if not links.drives(sure):
            continue
        yield f"linked: {change.change} {sure:.2f}"
        if change.merged_at is None or change.merged_at > at:
            yield f"not merged: {change.change}"
            continue
        for service, log in sorted(change.services.items()):
            yield _live(service, _known(log, at))
    for named, since in sight.named:
        if names_us(named.evidence[0], since, at):
            yield f"named: by deploys of {named.service}"
            yield _live(named.service, _known(named.log, at))


def _known(log: list[Live], at: Instant) -> Live | None:
    past = [step for step in log if step.known_at <= at]
    return past[-1] if past else None


def _live(service: str, step: Live | None) -> str:
    if step is None:
        return f"not live: {service}"
    since = iso_instant(step.effective_at)
    return f"live: {service} {since}" if step.on else f"taken back: {service} {since}"


def _adoption(subject: str, told: Adoption | None, at: Instant) -> Iterator[str]:
    facets = (
        (("released", told.released), ("adopted", told.adopted), ("verified", told.verified))
        if told
        else (("adopted", []),)
    )
    for name, steps in facets:
        step: Step | None = None
        for one in steps:
            if one.known_at <= at:
                step = one
        if step is not None:
            yield f"{name}: {subject} {step.value} {iso_instant(step.effective_at)}"
        elif name == "adopted":
            yield f"adopted: {subject} none"
        if name == "adopted" and (step is None or step.value != "met"):
            return
