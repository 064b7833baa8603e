"""`signals explain`: why a number, a state or a finding is what it is, down to the signals.

It only reads the store, and judges nothing: what it says was computed by a rule in the core, and
stands in a view. It starts here with what is asked about.
"""

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress

from pipeline.errors import NotFound, UsageError
from pipeline.notify.explain.adoption import subject
from pipeline.notify.explain.goal import goal
from pipeline.notify.explain.number import number, views
from pipeline.notify.explain.trace import Piece, as_dict, lines
from pipeline.notify.explain.work import finding, work_item
from pipeline.store.client import Store

__all__ = ["as_dict", "explain", "lines"]

KINDS = {"goal": goal, "work_item": work_item, "finding": finding, "subject": subject}
"""What has a name of its own, and how it is explained."""

AS_OF = {"goal": goal, "subject": subject}
"""Those that are explained as of a day."""

NAMES = """
    SELECT 'goal' AS kind, goal_id AS id, arrayJoin([goal_id, title]) AS name FROM signals.goals_now
    UNION ALL SELECT 'work_item', work_item, arrayJoin([work_item, key]) FROM signals.work_items_now
    UNION ALL SELECT 'finding', finding_id, finding_id FROM signals.findings
    UNION ALL SELECT 'subject', subject, arrayJoin([subject, title]) FROM signals.adoption_now
"""


def explain(store: Store, words: Sequence[str], day: dt.date | None = None) -> Piece:
    """What ABOUT is about, and why: [KIND] NAME, or VIEW NAME... COLUMN; a day may follow."""
    said = words[0].split() if len(words) == 1 else list(words)
    with suppress(ValueError, IndexError):
        day = dt.date.fromisoformat(said[-1])
        said = said[:-1]
    if not said:
        raise UsageError("nothing is named", "name a goal, a work item, a finding or a number")
    known = views(store)
    if said[0] in known and len(said) > 1:
        return number(store, said, day, known)
    kind = said[0] if said[0] in KINDS and len(said) > 1 else None
    kind, id = _found(store, " ".join(said[1:] if kind else said), kind)
    if day is None:
        return KINDS[kind](store, id)
    if kind not in AS_OF:
        raise UsageError(f"a {kind.replace('_', ' ')} has no day", "leave out the day")
    return AS_OF[kind](store, id, day)


def _found(store: Store, name: str, kind: str | None) -> tuple[str, str]:
    """The one thing of that name: exact if there is one, else in other case, or its last part."""
    rows = store.rows(
        f"SELECT DISTINCT kind, id, multiIf(name = {{name:String}}, 0,"
        f" lowerUTF8(name) = lowerUTF8({{name:String}}), 1, 2) AS far FROM ({NAMES})"
        " WHERE (name = {name:String} OR lowerUTF8(name) = lowerUTF8({name:String})"
        " OR endsWith(name, concat('/', {name:String})))"
        " AND kind IN {kinds:Array(String)} ORDER BY far, kind, id",
        {"name": name, "kinds": [kind] if kind else list(KINDS)},
    )
    found = [(row["kind"], row["id"]) for row in rows if row["far"] == rows[0]["far"]]
    if not found:
        raise NotFound(f"Nothing is called {name}", _closest(store, name))
    if len(found) > 1:
        some = ", ".join(f"`signals explain {kind} {id}`" for kind, id in found[:5])
        raise UsageError(f"{name} may be {len(found)} things", f"say which: {some}")
    return found[0]


def _closest(store: Store, name: str) -> str:
    """A name that may have been meant: at most half of its letters differ."""
    rows = store.rows(
        f"SELECT name, editDistanceUTF8(lowerUTF8(name), lowerUTF8({{name:String}})) AS far"
        f" FROM ({NAMES}) WHERE name != '' ORDER BY far, name LIMIT 1",
        {"name": name},
    )
    if not rows:
        return "the store has no goals, work items and findings so far"
    if rows[0]["far"] > len(name) / 2:
        return "see `signals goals` and `signals findings`"
    return f"the closest is {rows[0]['name']}"
