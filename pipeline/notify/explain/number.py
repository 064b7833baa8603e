"""A number of a view: what it means, the row it stands in, and what the row comes from."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.errors import NotFound, UsageError
from pipeline.notify.digest import number as digits
from pipeline.notify.explain.adoption import subject
from pipeline.notify.explain.goal import goal
from pipeline.notify.explain.trace import Piece, literal, when
from pipeline.notify.explain.work import finding, work_item
from pipeline.show import plain
from pipeline.store.client import Store

THINGS: dict[str, Callable[[Store, str], Piece]] = {
    "finding_id": finding,
    "work_item": work_item,
    "goal_id": goal,
    "subject": subject,
}
"""Columns that say what a row is about, the first that a view has; how that is explained."""

AS_OF = {"goal_id": goal, "subject": subject}
"""Those that are explained as of a day."""

PAST = {"goals_now": "goal_progress_daily", "adoption_now": "adoption_daily"}
"""Where the past of a view stands that says how it is now."""

TIMES = ("day", "week", "made_on", "at", "finished_at", "raised_at", "merged_at", "from_at")
"""Columns by which the newest of the rows is the one that is meant."""

COUNTED = {
    "basically_done_daily": "SELECT finding_id FROM signals.findings"
    " WHERE rule = 'basically_done' AND team = {team}"
    " AND raised_at < toDate({day}) + 1 AND ifNull(cleared_at >= toDate({day}) + 1, true)",
    "dora_weekly": "SELECT * FROM signals.deploys WHERE service = {service}"
    " AND day BETWEEN toDate({week}) + 7 - {days} AND toDate({week}) + 6",
    "team_flow_weekly": "SELECT * FROM signals.work_items_now WHERE team = {team}"
    " AND toDate(claimed_at) BETWEEN toDate({week}) AND toDate({week}) + 6",
}
"""What the rows of a view are counted from, as SQL with columns of the row.

`days` is how many of them a number covers: 90 where its name says so, else 28.
"""


def views(store: Store) -> dict[str, dict[str, tuple[str, str]]]:
    """Every view with its columns: type and comment of each."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for row in store.rows(
        "SELECT table, name, type, comment FROM system.columns WHERE database = 'signals'"
        " ORDER BY table, position"
    ):
        found.setdefault(row["table"], {})[row["name"]] = (row["type"], row["comment"])
    return found


def number(
    store: Store,
    words: Sequence[str],
    day: dt.date | None,
    known: dict[str, dict[str, tuple[str, str]]],
) -> Piece:
    """VIEW NAME... COLUMN: one number, in the newest row until the day that all names stand in."""
    view, *names, column = words
    if day is not None:
        view = PAST.get(view, view)
    columns = known[view]
    if column not in columns:
        raise NotFound(f"{view} has no column {column}", f"it has {', '.join(columns)}")
    at = next((name for name in TIMES if name in columns), None)
    if day is not None and at is None:
        raise UsageError(f"{view} says how it is now", "leave out the day")
    row = _row(store, view, names, at, day, columns)
    value = "–" if row[column] is None else _short(row[column])
    stated = f" on {_short(row[at])[:10]}" if at else ""
    comment = columns[column][1]
    if row[column] is None:
        comment += ". Here it is not known, which is not zero"
    others = [f"{n} {_short(v)}" for n, v in row.items() if v not in (None, "", [])]
    return Piece(
        f"{' '.join([view, *names])}{stated}: {column} = {value}",
        below=[
            Piece(f"Means: {comment}"),
            Piece(f"Its row: {', '.join(others)}"),
            *_below(store, view, column, row, _short(row[at])[:10] if at else None),
        ],
    )


def _below(
    store: Store, view: str, number: str, row: dict[str, Any], day: str | None
) -> list[Piece]:
    """What a number of the row comes from."""
    if view in COUNTED:
        values = {name: literal(str(plain(value))) for name, value in row.items()}
        values["days"] = "90" if number.endswith("_90") else "28"
        return [Piece("Counted from these rows", query=COUNTED[view].format(**values))]
    if row.get("about_kind") in ("goal", "work_item") and "finding_id" not in row:
        row = {"goal_id" if row["about_kind"] == "goal" else "work_item": row["about"]}
        day = None
    column = next((name for name in THINGS if row.get(name)), None)
    if column is None:
        return []
    if column in AS_OF and day is not None:
        return [AS_OF[column](store, row[column], dt.date.fromisoformat(day))]
    return [THINGS[column](store, row[column])]


def _row(
    store: Store,
    view: str,
    names: Sequence[str],
    at: str | None,
    day: dt.date | None,
    columns: dict[str, tuple[str, str]],
) -> dict[str, Any]:
    """The row that is meant; an error says which names tell those apart that may be meant."""
    texts = [name for name, (kind, _) in columns.items() if kind == "String"]
    values: dict[str, Any] = {f"name{n}": name for n, name in enumerate(names)}
    of = ", ".join(f"`{name}`" for name in texts)
    conditions = [f"{{{name}:String}} IN ({of})" for name in values]
    if day is not None:
        values["day"] = day
        conditions.append(f"toDate(`{at}`) <= {{day:Date}}")
    rows = store.rows(
        f"SELECT * FROM signals.`{view}` WHERE {' AND '.join(conditions) or 'true'}"
        f"{f' ORDER BY `{at}` DESC' if at else ''} LIMIT 100",
        values,
    )
    if not rows:
        until = f" until {day}" if day else ""
        raise NotFound(
            f"{' '.join([view, *names])} has no row{until}",
            f'see `signals query "SELECT * FROM signals.{view}"`',
        )
    newest = [row for row in rows if at is None or row[at] == rows[0][at]]
    if len(newest) > 1:
        differ = next((t for t in texts if len({row[t] for row in newest}) > 1), "")
        some = ", ".join(sorted({str(row[differ]) for row in newest})[:5]) if differ else ""
        raise UsageError(
            f"{' '.join([view, *names])} may mean {len(newest)} rows",
            f"name the {differ}, such as {some}" if differ else "name more of it",
        )
    return newest[0]


def _short(value: Any) -> str:
    match value:
        case dt.datetime():
            text = when(value)
        case float():
            text = digits(value)
        case list():
            text = ", ".join(map(str, value))
        case _:
            text = str(plain(value))
    return text if len(text) <= 40 else f"{text[:39]}…"
