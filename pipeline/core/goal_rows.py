"""What people see of a goal: its rows of each day and of today, its versions and its hits."""

import json
from typing import NamedTuple

from pipeline.core.book import Book
from pipeline.core.calendar import WorkingCalendar, Zone
from pipeline.core.definition import Goal, Metric
from pipeline.core.expectation import newest
from pipeline.core.idle import with_cost
from pipeline.core.measured import Judged, may_move
from pipeline.core.plan import days_ahead, plan
from pipeline.core.reaction import Draft
from pipeline.core.rows import (
    Day,
    FindingRow,
    GoalProgressRow,
    GoalRow,
    GoalVersionRow,
    Gone,
    PublishedRow,
)
from pipeline.core.signals import Instant, Order
from pipeline.core.spells import Known, Spell, findings_of
from pipeline.core.verdict import STALLS

HOPED = ("warming_up", "on_track", "at_risk", "off_track", "unknown")
"""Statuses in which a forecast is of use."""


class Said(NamedTuple):
    """The value of a day as it was first said, when, and what it restated; and as last said."""

    at: Instant
    value: float | None
    restatement: float | None
    last: float | None


def show_day(
    draft: Draft,
    goal: Goal,
    metric: Metric,
    before: Judged,
    judged: Judged,
    day: Day,
    calendar: WorkingCalendar,
) -> None:
    said: Said | None = draft.get(f"said/{day}")
    delta = restatement = None
    if before.value is not None and judged.value is not None:
        if may_move(draft, metric, day, calendar.zone):
            delta = judged.value - before.value
        first: Said | None = draft.get(f"said/{day - 1}")
        restatement = before.value - first.value if first and first.value is not None else 0.0
    if said is not None and said.at < draft.now:
        restatement = said.restatement  # what a day restated was said with it, once
    if said is None or said.at >= draft.now or said.last != judged.value:
        if said is None or said.at >= draft.now:
            said = Said(draft.now, judged.value, restatement, judged.value)
        draft.put(f"said/{day}", said._replace(last=judged.value))
        text = json.dumps({"value": judged.value, "progress": judged.progress})
        draft.rows.append(PublishedRow("goal_value", draft.id, day, draft.now, text))
    draft.rows.append(
        GoalProgressRow(
            goal_id=draft.id,
            day=day,
            value=judged.value,
            baseline=metric.baseline,
            target=metric.target,
            progress=judged.progress,
            planned=plan(goal, metric, day, calendar),
            delta_1d=delta,
            movement=delta,
            restatement=restatement,
            status=_status(goal, judged, day),
        )
    )


def _status(goal: Goal, judged: Judged | None, day: Day) -> str:
    if goal.level == "vision":
        return "vision"
    if goal.lacks:
        return "incomplete"
    assert goal.starts_on is not None
    if day < goal.starts_on:
        return "planned"
    return judged.status if judged is not None else "unknown"


def show(
    draft: Draft,
    goal: Goal,
    book: Book,
    calendar: WorkingCalendar,
    today: Day,
    last: Day,
    found: Known,
    sources: list[str],
    *,
    ended: bool,
) -> None:
    """Its row in the views: as of the close of `last`, the newest day that is judged."""
    zone = calendar.zone
    judged: Judged | None = draft.get(f"judged/{last}")
    previous: Judged | None = draft.get(f"judged/{last - 1}")
    metric = goal.metric
    value = judged.value if judged else None
    progress = judged.progress if judged else None
    delta = None
    moves = metric is not None and may_move(draft, metric, last, zone)
    if moves and value is not None and previous is not None and previous.value is not None:
        delta = value - previous.value
    planned = pace = ahead = None
    if metric is not None and not goal.lacks and goal.starts_on is not None:
        if last >= goal.starts_on:
            planned = plan(goal, metric, last, calendar)
        if planned is not None and value is not None and metric.baseline is not None:
            expected = planned - metric.baseline
            pace = (value - metric.baseline) / expected if abs(expected) > 1e-12 else None
        if progress is not None and last >= goal.starts_on:
            ahead = days_ahead(goal, metric, progress, last, calendar)
    status = "withdrawn" if ended else _status(goal, judged, last)
    versions = book.versions("goal", goal.id)
    edits = _edits(goal, versions, calendar)
    made = newest(draft, last) if status in HOPED else None
    draft.rows.append(
        GoalRow(
            goal_id=goal.id,
            title=goal.title,
            level=goal.level,
            parents=sorted(p.id for p in goal.parents),
            owners=sorted(goal.owners),
            pm=goal.pm,
            class_=goal.class_,
            metric_kind=metric.kind if metric else "",
            baseline=metric.baseline if metric else None,
            target=metric.target if metric else None,
            value=value,
            progress=progress if goal.level != "vision" else None,
            delta_1d=delta,
            planned=planned,
            pace=pace,
            days_ahead=ahead,
            status=status,
            stalled_since=_stalled_since(goal, judged, found, zone),
            starts_on=goal.starts_on,
            due_on=goal.due_on,
            days_left=_days_left(goal.due_on, today, calendar),
            hit_on=judged.hit_on if judged else None,
            edits_after_commitment=edits,
            retargeted=_retargeted(versions),
            as_of=zone.start(today),
            known_weight=judged.known_weight if judged else None,
            unit=metric.unit if metric and metric.kind == "adoption" else "",
            subject=metric.subject if metric else "",
            why=judged.why if judged and not ended else "",
            sources=sources,
            hit_by_p50=made.hit_by_p50 if made else None,
            hit_by_p85=made.hit_by_p85 if made else None,
            p_hit=made.p_hit if made else None,
        )
    )
    _show_findings(draft, goal, book, found)


def _days_left(due_on: Day | None, today: Day, calendar: WorkingCalendar) -> int | None:
    """Working days until the end of the day it is due, today included; since then as negative."""
    if due_on is None:
        return None
    return calendar.count(today, due_on) - calendar.count(due_on + 1, today)


def _stalled_since(
    goal: Goal, judged: Judged | None, found: Known, zone: Zone
) -> Instant | None:
    """The last gain before it stalled: the close of its day, else the start of the goal."""
    if judged is None or goal.starts_on is None:
        return None
    if all(spell.cleared_at for rule in STALLS for spell in found.get(rule, [])):
        return None
    gained = judged.stall.gained
    return zone.start(goal.starts_on) if gained is None else zone.close(gained)


class Shown(NamedTuple):
    """A finding as it was shown, and all that it rests on but the book."""

    spell: Spell
    team: str
    row: FindingRow


def _show_findings(draft: Draft, goal: Goal, book: Book, found: Known) -> None:
    """A rule's name is followed by the team, where it is about that team's work on the goal.

    What is as it was shown stays, so a look costs no more for all that a goal went through.
    """
    before: dict[tuple[str, Instant], Shown] = draft.kept or {}
    shown: dict[tuple[str, Instant], Shown] = {}
    owner = goal.owners[0] if goal.owners else ""
    for name, spells in found.items():
        rule, _, team = name.partition(" ")
        kind, about = ("team", f"{team}/{goal.id}") if team else ("goal", goal.id)
        for spell in spells:
            if spell.raised_at > draft.now:
                continue
            known = before.get((name, spell.raised_at))
            grows = team and spell.cleared_at is None  # what it costs
            if known is None or grows or known[:2] != (spell, team or owner):
                costly = with_cost(spell, team, book, draft.now) if team else spell
                own = costly._replace(goals=(goal.id,))
                (row,) = findings_of(rule, [own], kind, about, team or owner, draft.now)
                if known is None or known.row != row:
                    draft.rows.append(row)
                known = Shown(spell, team or owner, row)
            shown[name, spell.raised_at] = known
    ids = {one.row.finding_id: None for one in shown.values()}
    draft.gone += [
        Gone(FindingRow, (id,)) for id in draft.get("findings") or [] if id not in ids
    ]
    draft.put_if_new("findings", list(ids) or None)
    draft.keep(shown)


def _edits(
    goal: Goal, versions: list[tuple[Day, Goal, Order]], calendar: WorkingCalendar
) -> int:
    """Versions that came into force after the close of the goal's second working day."""
    if goal.starts_on is None:
        return 0
    second = calendar.next_working(calendar.next_working(goal.starts_on) + 1)
    return sum(start > second for start, _, _ in versions)


def _retargeted(versions: list[tuple[Day, Goal, Order]]) -> bool:
    """Whether a later version asks for less than the first one did."""
    ways = [
        abs(g.metric.target - g.metric.baseline)
        for _, g, _ in versions
        if g.metric and g.metric.target is not None and g.metric.baseline is not None
    ]
    return any(way < ways[0] for way in ways[1:])


def show_versions(draft: Draft, book: Book, zone: Zone) -> None:
    told: list[Instant] = draft.get("versions") or []
    now: list[Instant] = []
    for start, goal, order in book.versions("goal", draft.id):
        first = goal.starts_on if goal.starts_on is not None else 0
        from_at = zone.start(start if start > -500_000 else min(first, zone.day(draft.now)))
        now.append(from_at)
        metric = goal.metric
        draft.rows.append(
            GoalVersionRow(
                goal_id=draft.id,
                from_at=from_at,
                baseline=metric.baseline if metric else None,
                target=metric.target if metric else None,
                due_on=goal.due_on,
                class_=goal.class_,
                weight=goal.parents[0].weight if goal.parents else None,
                by=goal.by or order.source,
            )
        )
    draft.gone += [Gone(GoalVersionRow, (draft.id, at)) for at in told if at not in now]
    draft.put_if_new("versions", now)
