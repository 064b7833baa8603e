"""Who has adopted a subject on a day: the counts, and the signals that they come from.

Teams are measured, never persons: adopters that may be persons are counts only.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.notify.digest import NAMED, number, plural
from pipeline.notify.explain.trace import SHOW, Piece, Wanted, archive, literal, when
from pipeline.store.client import Store

Row = Mapping[str, Any]

NEWEST = 3
"""Signals of use or answers that are named."""

NAMES = 6
"""Adopters that are named."""


def subject(store: Store, id: str, day: dt.date | None = None) -> Piece:
    """A subject by itself."""
    found = reach(store, id, day=day)
    found.text = found.text[:1].upper() + found.text[1:]
    return found


def reach(
    store: Store,
    id: str,
    *,
    day: dt.date | None = None,
    before: dt.datetime | None = None,
    said: str = "",
) -> Piece:
    """How many had adopted by the close of a day, of the last full day before an instant, or now."""
    known = store.rows(
        "SELECT * FROM signals.adoption_now WHERE subject = {id:String}", {"id": id}
    )
    if not known:
        return Piece(f"adoption of {id}: nothing is known of it")
    now = known[0]
    zone = _zone(store, id)
    last = day or (
        before.astimezone(zone).date() - dt.timedelta(days=1) if before else now["day"]
    )
    days = store.rows(
        "SELECT * FROM signals.adoption_daily WHERE subject = {id:String}"
        " AND day <= {day:Date} ORDER BY day DESC LIMIT 1",
        {"id": id, "day": last or dt.date(1970, 1, 1)},
    )
    if not days:
        return Piece(f"adoption of {id}: no signal of it so far{f'; {said}' if said else ''}")
    row = days[0]
    piece = Piece(
        f"adoption of {id}: {_reached(row, now)} on {row['day']}{f'; {said}' if said else ''}"
    )
    piece.below = list(_parts(store, row, now, zone))
    return piece


def _zone(store: Store, id: str) -> dt.tzinfo:
    rows = store.rows(
        "SELECT timezone FROM signals_store.subjects FINAL WHERE subject = {id:String}",
        {"id": id},
    )
    return ZoneInfo(rows[0]["timezone"]) if rows and rows[0]["timezone"] else dt.UTC


def _reached(row: Row, now: Row) -> str:
    many = plural(row["adopters"], now["unit"])
    if row["eligible"] is not None:
        many = f"{row['adopters']} of {plural(row['eligible'], now['unit'])}"
    target = now["target"]
    if target is None:
        return many
    share = now["target_kind"] == "share"
    return f"{many}, target {f'{target:.0%}' if share else number(target)}"


def _parts(store: Store, row: Row, now: Row, zone: dt.tzinfo) -> Iterable[Piece]:
    id, day = row["subject"], row["day"]
    close = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone)
    package = _package(store, id)
    kind, name = ("pinned", "package") if package else ("used", "subject")
    heard = archive(
        store,
        Wanted(f"subject.{kind}", name, [package or id], NEWEST, close),
        Wanted("adoption.verified", "subject", [id], NEWEST, close),
    )
    yield Piece(
        f"that day {row['new']} new, {row['resurrected']} back, {row['churned']} lost,"
        f" {row['left']} no longer eligible; active in 28 days: {row['active_28']}"
    )
    if now["unit"] in NAMED:
        yield from _adopters(store, id, close)
    uses = [s for s in heard if "subject." in s.type]
    if uses:
        where = f"JSONExtractString(data, '{name}') = {literal(package or id)}"
        where = f"type = 'delivery.subject.{kind}.v1' AND {where}"
        yield Piece(
            f"newest {'pins' if package else 'uses'} until then",
            signals=uses,
            query=f"{SHOW} WHERE {where} ORDER BY time DESC",
        )
    answers = [s for s in heard if "verified" in s.type]
    yield Piece(
        f"{row['verified_yes']} say that it helps, {row['verified_no']} that it does not",
        signals=answers,
        below=[
            Piece(f"{s.data['verdict']} on {when(s.time)}", s.data["evidence_url"])
            for s in answers
            if s.data.get("evidence_url")
        ],
    )


def _adopters(store: Store, id: str, close: dt.datetime) -> Iterable[Piece]:
    rows = store.rows(
        "SELECT adopter, arrayFilter(s -> s.1 <= {at}, stays)[-1] AS stay FROM signals.adopters"
        " WHERE subject = {id:String} AND eligible AND arrayExists(s -> s.1 <= {at} AND"
        " (isNull(s.2) OR s.2 > {at}), stays) ORDER BY adopter".replace(
            "{at}", "fromUnixTimestamp64Milli({at:Int64})"
        ),
        {"id": id, "at": round(close.timestamp() * 1000) - 1},
    )
    if rows:
        names = [
            f"{row['adopter']} since {row['stay'][0].astimezone(close.tzinfo):%Y-%m-%d}"
            for row in rows[:NAMES]
        ]
        more = f" and {len(rows) - NAMES} more" if len(rows) > NAMES else ""
        yield Piece(f"adopted by {', '.join(names)}{more}")


def _package(store: Store, id: str) -> str:
    """The package by whose pins adoption is measured, as last defined; empty without one."""
    defined = archive(
        store,
        Wanted("subject.defined", "id", [id]),
        Wanted("record.defined", "id", [id], NEWEST),
    )
    for signal in defined:
        record = signal.data.get("record", signal.data)
        if signal.data.get("kind", "subject") == "subject" and "measure" in record:
            return str((record["measure"] or {}).get("package") or "")
    return ""
