"""The daily wake-up in text: a number first, no adjectives, unknown said as unknown (semantics 14).

It only selects from the public views; every judgement in it was made by a rule in the core.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.store.client import Store

Row = Mapping[str, Any]

OLDEST = 5
"""Work items under the heading "Basically done"; a screen has room for no more."""

MEASURABLE = "level != 'vision' AND status NOT IN ('incomplete', 'planned', 'withdrawn')"

NEXT_STEP = {
    "needs_merge": "merge the linked change",
    "needs_deploy": "deploy it to production",
    "partial_deploy": "deploy it to the services that lack it",
    "rolled_back": "redeploy it, or reopen the work item",
    "needs_release": "turn the flag fully on",
    "needs_docs": "finish the documentation",
    "needs_enablement": "finish the enablement",
    "needs_support": "hand over to support",
    "no_first_use": "ask the first team to try it",
    "below_target": "ask those who have not adopted what keeps them",
    "adoption_lost": "ask those who left why",
    "needs_verification": "ask the adopters whether it helps",
    "low_response": "ask those who have not answered",
    "refuted": "read what the users wrote",
}
"""What a person does about each reason code."""


def number(value: float | None) -> str:
    """A value for people: `–` where there is no reading, no digits that mean nothing."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value - round(value)) < 0.005 else f"{value:.2f}"


def headline(goal: Row) -> str:
    """The first sentence: the number, the day of the plan, what the plan expected by now."""
    unit = {"adopters": " adopters", "share": ""}.get(goal["unit"], "")
    days = ""
    if goal["days"] and goal["day"]:
        days = f", day {min(goal['day'], goal['days'])} of {goal['days']}"
    said = f"{number(goal['value'])} of {number(goal['target'])}{unit}{days}"
    delta = goal["delta_1d"]
    moved = "No reading of change." if delta is None else f"{delta:+g} since the day before."
    if delta == 0:
        moved = "No change since the day before."
    plan = ""
    if goal["planned"] is not None:
        plan = f" The plan expected {number(goal['planned'])} by now."
    return f"{said}. {moved}{plan}"


def goals(store: Store) -> list[dict[str, Any]]:
    """Measurable goals with what the headline needs, worst pace first; unknown ones last."""
    rows = store.rows(
        "SELECT goal_id, title, owners, value, target, delta_1d, pace, status, days_left,"
        " basically_done, planned, unit, starts_on, due_on, as_of"
        f" FROM signals.goals_now WHERE {MEASURABLE}"
        " ORDER BY status = 'hit', isNull(pace), pace, goal_id"
    )
    for row in rows:
        row["day"], row["days"] = _working_days(row)
    return rows


def _working_days(row: Row) -> tuple[int | None, int | None]:
    """Day of the plan and its length, in weekdays (the chart has the working calendar)."""
    if row["starts_on"] is None or row["due_on"] is None:
        return None, None
    today = row["as_of"].date()
    return _weekdays(row["starts_on"], today), _weekdays(row["starts_on"], row["due_on"])


def _weekdays(first: dt.date, last: dt.date) -> int:
    days = (last - first).days + 1
    return sum((first + dt.timedelta(days=n)).weekday() < 5 for n in range(max(days, 0)))


def lines(store: Store) -> Iterator[str]:
    """The digest, line by line, in the order of semantics 14."""
    found = goals(store)
    if found:
        yield f"{headline(found[0])} ({found[0]['title']})"
    else:
        yield "0 goals with a target so far."
    yield ""
    if len(found) > 1:
        yield "Goals, least pace first"
        for goal in found:
            pace = "–" if goal["pace"] is None else f"{goal['pace']:.0%}"
            yield (
                f"  {goal['title']:<36.36} {number(goal['value']):>7} of "
                f"{number(goal['target']):<7} pace {pace:>5}  {goal['status']:<8} "
                f"{goal['days_left'] if goal['days_left'] is not None else '–':>4} days left"
            )
        yield ""
    yield from _basically_done(store)
    yield from _subjects(store)
    yield from _trust(store)


def _basically_done(store: Store) -> Iterator[str]:
    rows = store.rows(
        "SELECT work_items_now.key AS key, title, work_items_now.team AS team, state,"
        " f.reasons AS reasons, f.explanation AS explanation, claimed_at, f.raised_at AS raised_at"
        " FROM signals.findings AS f"
        " INNER JOIN signals.work_items_now ON work_items_now.work_item = f.about"
        " WHERE f.rule = 'basically_done' AND isNull(f.cleared_at)"
        " ORDER BY claimed_at, key"
    )
    done = store.rows("SELECT countIf(state = 'done') AS done FROM signals.work_items_now")
    yield f"Basically done: {len(rows)} work items ({done[0]['done']} are done)"
    for row in rows[:OLDEST]:
        reason = row["reasons"][0] if row["reasons"] else ""
        name = row["key"] or row["title"]
        yield (
            f"  {name:<12.12} {row['team']:<12.12} {row['explanation']}"
            f" since {row['claimed_at']:%d %b}: {NEXT_STEP.get(reason, 'look at it')}"
        )
    yield ""


def _subjects(store: Store) -> Iterator[str]:
    rows = store.rows(
        "SELECT title, adopters, eligible, target, time_to_first FROM signals.adoption_now"
        " ORDER BY adopters DESC, title LIMIT 8"
    )
    if not rows:
        return
    yield "Adoption"
    for row in rows:
        of = "" if row["eligible"] is None else f" of {row['eligible']}"
        first = row["time_to_first"]
        half = "half not reached" if first is None else f"half after {first:.0f} days"
        yield f"  {row['title']:<36.36} {row['adopters']:>5}{of} adopters, {half}"
    yield ""


def _trust(store: Store) -> Iterator[str]:
    unknown = store.rows(
        "SELECT countIf(state = 'unknown') AS unknown, count() AS n FROM signals.work_items_now"
    )[0]
    rejected = store.rows("SELECT count() AS n FROM signals.rejections")[0]["n"]
    stale = store.rows(
        "SELECT about FROM signals.findings WHERE rule = 'source_stale' AND isNull(cleared_at)"
        " ORDER BY about"
    )
    quiet = ", ".join(row["about"] for row in stale) or "none"
    yield (
        f"Trust: {unknown['unknown']} of {unknown['n']} work items unknown, {rejected} lines"
        f" rejected, silent sources: {quiet}."
    )


def digest(store: Store) -> str:
    return "\n".join(lines(store))
