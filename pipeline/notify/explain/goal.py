"""Why a goal stands where it stands on a day: value, plan, status, and what they come from."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.core.definition import PARSERS
from pipeline.notify.digest import measured, number, plural
from pipeline.notify.expected import expected
from pipeline.notify.explain.adoption import reach
from pipeline.notify.explain.trace import Piece, Signal, Wanted, archive, when
from pipeline.notify.explain.work import decisions, findings
from pipeline.store.client import Store

Row = Mapping[str, Any]

MOST = 5
"""Readings, parts and work items that are named."""

UNJUDGED = {
    "unknown": "no reading, or not judged",
    "warming_up": "too early to judge",
    "vision": "a vision has no number",
    "planned": "has not begun",
    "withdrawn": "was withdrawn",
}


def goal(store: Store, id: str, day: dt.date | None = None) -> Piece:
    row = store.rows("SELECT * FROM signals.goals_now WHERE goal_id = {id:String}", {"id": id})[
        0
    ]
    defined = _definitions(store, row)
    now = day is None
    day = day or row["as_of"].astimezone(_zone(row, defined)).date() - dt.timedelta(days=1)
    days = store.rows(
        "SELECT * FROM signals.goal_progress_daily WHERE goal_id = {id:String} AND day = {day:Date}",
        {"id": id, "day": day},
    )
    kind = f"{row['class']} " if row["class"] else ""
    owners = f", of {', '.join(row['owners'])}" if row["owners"] else ""
    found = Piece(f"{row['title']} ({kind}{row['level']} goal {id}{owners}) on {day}")
    if row["level"] != "vision":
        found.below.append(_value(store, row, days[0] if days else None, day, defined))
        found.below += _plan(row, days[0] if days else None)
    found.below.append(_status(row, days[0] if days else None, defined))
    said = list(expected(store, row, day, now=now))
    if said:
        found.below.append(Piece(f"Forecast: {said[0]}", below=[Piece(s) for s in said[1:]]))
    found.below += [
        *_parents(row),
        *_versions(store, id),
        *_work(store, id),
        *findings(store, id),
    ]
    found.below += decisions(store, id)
    if row["trust"]:
        found.below.append(Piece(f"Trust in the number: {row['trust']}"))
    own = [s for s in defined if _is(s, "goal", id)]
    if own:
        found.below.append(Piece("Defined by", signals=own[:1]))
    return found


def _definitions(store: Store, row: Row) -> list[Signal]:
    """The newest definitions of the goal, its owners and the organisation."""
    return archive(
        store,
        Wanted("goal.defined", "id", [row["goal_id"]]),
        Wanted("team.defined", "id", row["owners"]),
        Wanted("record.defined", "id", [row["goal_id"], *row["owners"]], MOST),
        Wanted("record.defined", "kind", ["organisation"]),
    )


def _is(signal: Signal, kind: str, id: str) -> bool:
    stated = (
        signal.data.get("kind")
        if "record.defined" in signal.type
        else signal.type.split(".")[1]
    )
    return stated == kind and id in ("", signal.data.get("id"))


def _zone(row: Row, defined: list[Signal]) -> dt.tzinfo:
    """The goal's own zone, that of its only owner, or the organisation's (semantics 3.9)."""
    asked = [("goal", row["goal_id"])]
    if len(row["owners"]) == 1:
        asked.append(("team", row["owners"][0]))
    for kind, id in [*asked, ("organisation", "")]:
        for signal in defined:
            zone = signal.data.get("record", signal.data).get("timezone")
            if _is(signal, kind, id) and zone:
                return ZoneInfo(zone)
    return dt.UTC


# -- the number --------------------------------------------------------------------------------


def _value(
    store: Store, row: Row, on: Row | None, day: dt.date, defined: list[Signal]
) -> Piece:
    if on is None:
        return Piece(f"Value: – (nothing was computed for {day})")
    text = f"Value: {measured(row, on['value'])} of {measured(row, on['target'])}"
    text += " adopters" if row["unit"] == "adopters" else ""
    text += f", from {measured(row, on['baseline'])}"
    text += f": {on['progress']:.0%} of the way" if on["progress"] is not None else ""
    if on["delta_1d"] is not None:
        text += f"; {on['delta_1d']:+g} since the day before".replace("+0 ", "no change ")
    if on["restatement"]:
        text += f"; the day before was restated by {on['restatement']:+g}"
    zone = _zone(row, defined)
    close = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone)
    return Piece(text, below=list(_comes_from(store, row, day, close)))


def _comes_from(store: Store, row: Row, day: dt.date, close: dt.datetime) -> Iterable[Piece]:
    match row["metric_kind"]:
        case "rollup":
            yield from _children(store, row["goal_id"], day)
        case "work":
            yield from _done(store, row["goal_id"], close)
        case _ if row["subject"]:
            yield reach(store, row["subject"], day=day)
        case _:
            readings = archive(
                store, Wanted("kpi.measured", "goal", [row["goal_id"]], MOST, close)
            )
            for signal in readings:
                yield Piece(f"{_reading(signal)} at {when(signal.time)}", signals=[signal])
            if not readings:
                yield Piece("no reading until then")


def _reading(signal: Signal) -> str:
    data = signal.data
    of = ""
    if data.get("numerator") is not None and data.get("denominator") is not None:
        of = f" ({number(data['numerator'])} of {number(data['denominator'])})"
    return f"read {number(data.get('value'))}{of}"


def _children(store: Store, id: str, day: dt.date) -> Iterable[Piece]:
    rows = store.rows(
        "SELECT g.goal_id AS goal_id, title, d.progress AS progress, d.status AS status"
        " FROM signals.goals_now AS g LEFT JOIN (SELECT * FROM signals.goal_progress_daily"
        " WHERE day = {day:Date}) AS d USING (goal_id) WHERE has(parents, {id:String}) ORDER BY goal_id",
        {"id": id, "day": day},
    )
    for row in rows:
        share = "–" if row["progress"] is None else f"{row['progress']:.0%}"
        yield Piece(f"{row['title']} ({row['goal_id']}): {share} {row['status']}".rstrip())
    if not rows:
        yield Piece("no goal names it as its parent")


def _done(store: Store, id: str, close: dt.datetime) -> Iterable[Piece]:
    """Work items that were claimed to be finished by then, the newest first, with their state."""
    rows = store.rows(
        "SELECT work_item, any(key) AS key, any(title) AS title, any(url) AS url,"
        " argMax(s.state, s.confirmed_at) AS state, max(s.effective_at) AS since"
        " FROM signals.work_items_now AS item"
        " INNER JOIN signals.work_item_states AS s ON s.work_item = item.work_item"
        " WHERE has(goals, {id:String}) AND claimed_at < fromUnixTimestamp64Milli({close:Int64})"
        " AND s.effective_at < fromUnixTimestamp64Milli({close:Int64})"
        " GROUP BY item.work_item AS work_item ORDER BY since DESC, key",
        {"id": id, "close": round(close.timestamp() * 1000)},
    )
    for row in rows[:MOST]:
        name = f"{row['key'] or row['work_item']} {row['title']}".rstrip()
        yield Piece(f"{name}: {row['state']} since {when(row['since'])}", row["url"])
    if len(rows) > MOST:
        yield Piece(f"and {len(rows) - MOST} more that were claimed to be finished")
    if not rows:
        yield Piece("no work item of it was finished until then")


def _plan(row: Row, on: Row | None) -> Iterable[Piece]:
    span = f"from {row['starts_on'] or '–'} to {row['due_on'] or '–'}"
    if on is None or on["planned"] is None:
        yield Piece(f"Plan: {span}")
        return
    text = f"Plan: {measured(row, on['planned'])} by then ({span})"
    gain, expected = (
        None,
        on["planned"] - on["baseline"] if on["baseline"] is not None else None,
    )
    if on["value"] is not None and expected:
        gain = (on["value"] - on["baseline"]) / expected
    text += f", pace {gain:.0%}" if gain is not None else ", pace –"
    yield Piece(text)


def _status(row: Row, on: Row | None, defined: list[Signal]) -> Piece:
    status = row["status"] if row["level"] == "vision" or on is None else on["status"]
    current = on is None or on["planned"] == row["planned"]
    why = (row["why"] if current else "") or UNJUDGED.get(status, "")
    if status == "incomplete":
        why = f"it lacks {', '.join(_lacks(row['goal_id'], defined)) or 'what a number needs'}"
    if row["hit_on"] is not None and status == "hit":
        why = f"the target was met on {row['hit_on']}"
    text = f"Status: {status}{f' ({why})' if why else ''}"
    if row["override_status"]:
        text += f"; a person says {row['override_status']}"
    return Piece(text)


def _lacks(id: str, defined: list[Signal]) -> Iterable[str]:
    for signal in defined:
        if _is(signal, "goal", id):
            found: Any = PARSERS["goal"](signal.data.get("record", signal.data))
            return tuple(found.lacks)
    return ()


# -- what is around it -------------------------------------------------------------------------


def _parents(row: Row) -> Iterable[Piece]:
    if row["parents"]:
        yield Piece(f"Works towards {', '.join(row['parents'])}")


def _versions(store: Store, id: str) -> Iterable[Piece]:
    rows = store.rows(
        "SELECT * FROM signals.goal_versions WHERE goal_id = {id:String} ORDER BY from_at",
        {"id": id},
    )
    if len(rows) > 1:
        yield Piece(
            f"{len(rows)} versions",
            below=[
                Piece(
                    f"from {when(v['from_at'])}: {number(v['baseline'])} to {number(v['target'])}"
                    f" by {v['due_on'] or '–'}, said by {v['by'] or '–'}"
                )
                for v in rows
            ],
        )


def _work(store: Store, id: str) -> Iterable[Piece]:
    rows = store.rows(
        "SELECT * FROM signals.goal_contributions WHERE goal_id = {id:String} ORDER BY team",
        {"id": id},
    )
    late = store.rows(
        "SELECT key, state, state_since FROM signals.work_items_now WHERE has(goals, {id:String})"
        " AND basically_done ORDER BY state_since, key",
        {"id": id},
    )
    if not rows:
        return
    below = [
        Piece(
            f"{r['team'] or '(no team)'}: {r['closed']} of {plural(r['work_items'], 'work item')} closed,"
            f" {r['shipped']} shipped, {r['adopted']} adopted, {r['verified']} verified"
        )
        for r in rows
    ]
    if late:
        names = ", ".join(f"{r['key']} ({r['state']})" for r in late[:MOST])
        more = f" and {len(late) - MOST} more" if len(late) > MOST else ""
        below.append(Piece(f"basically done: {names}{more}"))
    yield Piece("Work for it now", below=below)
