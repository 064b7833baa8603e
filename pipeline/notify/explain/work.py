"""Why a work item is in its state, and why a finding was raised: down to the signals."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.findings import NEXT_STEP, TEXT
from pipeline.core.repository import is_change
from pipeline.notify.digest import plural
from pipeline.notify.explain.adoption import reach
from pipeline.notify.explain.adoption import subject as adoption
from pipeline.notify.explain.trace import Piece, Signal, Wanted, about, archive, referred, when
from pipeline.store.client import Store

Row = Mapping[str, Any]

MOST = 5
"""Changes, decisions and findings that are shown; the others are counted."""

RULES = {
    "basically_done": (
        "claimed to be finished, but short of done for longer than its grace",
        "it leaves this state",
    ),
    "regressed": ("was done, and fell back within 28 days", "it is done again"),
    "rolled_back": (
        "was done, and was taken back in production for more than an hour",
        "it is deployed again",
    ),
    "goal_at_risk": (
        "behind its plan by more than chance explains, on 3 working days running",
        "it has recovered on 3 working days running",
    ),
    "goal_off_track": (
        "far behind its plan on 3 working days running, or past its due date unmet",
        "it has recovered on 3 working days running",
    ),
    "goal_stalled": (
        "no net gain for longer than chance explains",
        "a net gain has held for two days",
    ),
    "busy_not_moving": (
        "no net gain although work on it advances",
        "a net gain has held for two days",
    ),
    "starved": ("nobody can work on the goal", "work on it moves again"),
    "goal_hit": ("the target is met, and held", "the target is lost"),
    "commitment_at_risk": (
        "the chance to hit it in time was below 50 % in two weekly forecasts running",
        "a forecast says 50 % or more",
    ),
    "source_stale": (
        "silent for more than 3 times its usual longest gap",
        "it is heard again",
    ),
    "workstreams": ("the team works on too many goals at a time", "it works on fewer"),
    "support_load": (
        "more than its share of what the team finished was incidents and support",
        "four weeks close with less of it",
    ),
    "stop_the_line": ("more incidents than usual in a quarter", "the quarter is over"),
    "wip_age": ("in work for longer than 85 % of what was finished", "it is finished"),
}
"""What each rule says, and what ends its finding (semantics 4.5)."""

LEAVES = {
    "closed_not_shipped": "all of it is live in production",
    "shipped_not_adopted": "its adoption target has been met on 3 days running",
    "adopted_not_verified": "enough adopters confirm that it helps",
}
"""How work leaves each state in which it is basically done."""


# -- a work item -------------------------------------------------------------------------------


def work_item(store: Store, id: str) -> Piece:
    item = store.rows(
        "SELECT * FROM signals.work_items_now WHERE work_item = {id:String}", {"id": id}
    )[0]
    state = f"{item['state']} since {when(item['state_since'])}"
    if item["reasons"]:
        first = item["reasons"][0]
        state += f": {', '.join(TEXT.get(reason, reason) for reason in item['reasons'])}"
        state += f"; next: {NEXT_STEP[first]}" if first in NEXT_STEP else ""
    found = Piece(f"{called(item)}: {state}", item["url"])
    if item["team"] or item["goals"]:
        team = f"team {item['team']}" if item["team"] else "no team"
        goals = f"goals {', '.join(item['goals'])}" if item["goals"] else "no goal"
        found.below.append(Piece(f"Counts for {team}, {goals}"))
    found.below += [_course(store, id), *_facts(store, item), *findings(store, id)]
    return found


def called(item: Row) -> str:
    title = f" {item['title']}" if item["title"] and item["title"] != item["key"] else ""
    return f"{item['key'] or item['work_item']}{title} ({item['work_item']})"


def _course(store: Store, id: str) -> Piece:
    sql = "SELECT * FROM signals.work_item_states WHERE work_item = {id:String} ORDER BY confirmed_at, effective_at"
    course = Piece("States it has been in")
    for run in store.rows(sql, {"id": id}):
        known = ""
        if run["confirmed_at"] != run["effective_at"]:
            known = f", known since {when(run['confirmed_at'])}"
        reasons = f" ({', '.join(run['reasons'])})" if run["reasons"] else ""
        course.below.append(
            Piece(f"{run['state']} since {when(run['effective_at'])}{known}{reasons}")
        )
    return course


def _facts(store: Store, item: Row) -> Iterable[Piece]:
    """What the tracker says, the changes that count, and the adoption of what it delivers."""
    id = item["work_item"]
    links = store.rows(
        "SELECT `from` AS change, groupArray(via) AS kinds, max(confidence) AS sure, max(drives_state) AS drives"
        " FROM signals.links WHERE `to` = {id:String} AND rel IN ('implements', 'closes')"
        " GROUP BY change ORDER BY change",
        {"id": id},
    )
    shown = links[:MOST]
    shipped = store.rows(
        "SELECT change, service, shipped_at FROM signals.changes_shipped"
        " WHERE change IN {changes:Array(String)} ORDER BY change, service",
        {"changes": [link["change"] for link in shown]},
    )
    deploys = _deploys(store, [(row["service"], row["shipped_at"]) for row in shipped])
    heard = archive(
        store,
        Wanted("work_item.changed", "work_item", [id], 100),
        Wanted("work_item.deleted", "work_item", [id]),
        Wanted("change.merged", "change", [link["change"] for link in shown]),
        Wanted("deploy.finished", "deploy", [deploy for _, deploy in deploys.values()]),
    )
    yield from _tracker([s for s in heard if "work_item." in s.type])
    if not links:
        yield Piece("No change is linked to it")
    for link in shown:
        merges = about(heard, "change.merged", "change", link["change"])
        if not is_change(link["change"]):
            yield Piece(f"Named by deploys of {link['change']}")
            continue
        sure = "" if link["drives"] else ", too unsure to count"
        how = f"by {', '.join(link['kinds'])}: {link['sure']:.2f}{sure}"
        piece = Piece(f"Linked to {link['change']} ({how}){_merged(merges)}", signals=merges)
        for row in shipped:
            if row["change"] == link["change"]:
                how = "live in" if item["shipped_at"] else "first live in"
                piece.below.append(
                    _live(how, row["service"], row["shipped_at"], deploys, heard)
                )
        yield piece
    if len(links) > MOST:
        yield Piece(f"and {len(links) - MOST} more changes")
    for subject in item["subjects"]:
        shipped_at = item["shipped_at"]
        yield adoption(store, subject) if shipped_at else Piece(f"Delivers {subject}")


def _tracker(heard: list[Signal]) -> Iterable[Piece]:
    """The signals of the tracker that changed the status, and how many there are."""
    turns = [s for s in heard if s.data.get("status") or s.type.endswith("deleted.v1")]
    piece = Piece(f"Tracker: {plural(len(heard), 'signal')}")
    before = None
    for signal in sorted(turns, key=lambda s: s.time):
        status = signal.data.get("status") or {"category": "deleted", "name": "deleted"}
        if status["category"] != before:
            before = status["category"]
            name = "" if status["name"] == before else f" ({status['name']})"
            piece.below.append(
                Piece(f"{before}{name} at {when(signal.time)}", signals=[signal])
            )
    if heard:
        yield piece


def _merged(merges: list[Signal]) -> str:
    return f", merged {when(merges[0].time)}" if merges else ", not merged so far"


Deploys = dict[tuple[str, dt.datetime], tuple[str, str]]
"""By service and instant: which deploy it was, as people call it, and its id."""


def _deploys(store: Store, at: Iterable[tuple[str, dt.datetime | None]]) -> Deploys:
    wanted = {(service, moment) for service, moment in at if moment is not None}
    rows = store.rows(
        "SELECT service, finished_at, deploy, version FROM signals.deploys"
        " WHERE service IN {services:Array(String)} AND finished_at IN"
        " (SELECT fromUnixTimestamp64Milli(arrayJoin({at:Array(Int64)})))",
        {
            "services": sorted({service for service, _ in wanted}),
            "at": sorted({round(moment.timestamp() * 1000) for _, moment in wanted}),
        },
    )
    return {
        (r["service"], r["finished_at"]): (
            " ".join(filter(None, (r["deploy"], r["version"]))),
            r["deploy"],
        )
        for r in rows
    }


def _live(
    how: str, service: str, at: dt.datetime | None, deploys: Deploys, heard: list[Signal]
) -> Piece:
    if at is None:
        return Piece(f"not live in {service}")
    name, id = deploys.get((service, at), ("", ""))
    by = f", by deploy {name}" if name else ""
    signals = about(heard, "deploy.finished", "deploy", id) if id else []
    return Piece(f"{how} {service} since {when(at)}{by}", signals=signals)


def findings(store: Store, about_: str) -> Iterable[Piece]:
    rows = store.rows(
        "SELECT * FROM signals.findings WHERE about = {about:String}"
        " ORDER BY isNull(cleared_at) DESC, raised_at DESC",
        {"about": about_},
    )
    if rows:
        yield Piece(
            plural(len(rows), "finding") + " (signals explain FINDING)",
            below=[
                Piece(f"{spell(row)}{_because(row)} ({row['finding_id']})")
                for row in rows[:MOST]
            ],
        )


# -- a finding ---------------------------------------------------------------------------------


def finding(store: Store, id: str) -> Piece:
    row = store.rows(
        "SELECT * FROM signals.findings WHERE finding_id = {id:String}", {"id": id}
    )[0]
    items = store.rows(
        "SELECT * FROM signals.work_items_now WHERE work_item = {id:String}",
        {"id": row["about"]},
    )
    item = items[0] if row["about_kind"] == "work_item" and items else None
    name = called(item) if item else f"{row['about_kind'].replace('_', ' ')} {row['about']}"
    found = Piece(f"{name}: {spell(row)}", item["url"] if item else "")
    if row["explanation"]:
        found.below.append(Piece(f"Because: {row['explanation']}"))
    says, ends = RULES.get(row["rule"], ("", ""))
    if says:
        found.below.append(Piece(f"Rule: {says}"))
    concerns = [f"severity {row['severity']}"]
    concerns += [f"team {row['team']}"] if row["team"] else []
    concerns += [f"goals {', '.join(row['goals'])}"] if row["goals"] else []
    found.below.append(Piece(f"Concerns: {', '.join(concerns)}"))
    found.below.append(
        Piece("Rests on, as known when it was raised", below=_evidence(store, row))
    )
    found.below += decisions(store, id)
    if row["cleared_at"] is None and ends:
        state = next((e.split()[1] for e in row["evidence"] if e.startswith("state: ")), "")
        ends = LEAVES.get(state, ends) if row["rule"] == "basically_done" else ends
        step = f"; next: {row['next_step']}" if row["next_step"] else ""
        found.below.append(Piece(f"Cleared when {ends}{step}"))
    return found


def _because(row: Row) -> str:
    return f": {row['explanation']}" if row["explanation"] else ""


def spell(row: Row) -> str:
    until = "open" if row["cleared_at"] is None else f"cleared {when(row['cleared_at'])}"
    return f"{row['rule']} since {when(row['raised_at'])}, {until}"


LIVE = {"live": "live in", "taken back": "no longer live in"}
"""Words of evidence about a service."""


def _evidence(store: Store, row: Row) -> list[Piece]:
    """Each piece of evidence (see core/evidence.py), with the signals that it refers to."""
    pairs = [piece.partition(": ")[::2] for piece in row["evidence"]]
    named = referred(store, [ref for _, ref in pairs])
    changes = [ref.split(" ")[0] for what, ref in pairs if what == "linked"]
    lives = [(ref.rpartition(" ")[0], moment(ref)) for what, ref in pairs if what in LIVE]
    deploys = _deploys(store, lives)
    heard = archive(
        store,
        Wanted("change.merged", "change", changes),
        Wanted("deploy.finished", "deploy", [deploy for _, deploy in deploys.values()]),
    )

    def piece(what: str, ref: str) -> Piece:
        match what:
            case _ if ref in named:
                return Piece(f"{what} at {when(named[ref].time)}", signals=[named[ref]])
            case "state":
                state, at = ref.split(" ")
                return Piece(f"{state} since {when(moment(at))}")
            case "grace":
                return Piece(f"a grace of {ref.rpartition(' ')[0]} {when(moment(ref))}")
            case "linked":
                change, sure = ref.rsplit(" ", 1)
                merges = about(heard, "change.merged", "change", change)
                return Piece(f"linked to {change} ({sure}){_merged(merges)}", signals=merges)
            case "live" | "taken back":
                service = ref.rpartition(" ")[0]
                return _live(LIVE[what], service, moment(ref), deploys, heard)
            case "not live":
                return Piece(f"not live in {ref}")
            case "adopted" | "verified" | "released":
                return _facet(store, row, what, ref)
            case "last heard":
                at_ = moment(ref)
                return Piece(f"last heard at {when(at_)}", signals=_at(store, at_))
        return Piece(f"{what}: {ref}")

    return [piece(*pair) for pair in pairs] or [Piece("no evidence was recorded")]


def _facet(store: Store, row: Row, what: str, ref: str) -> Piece:
    """How far a subject was adopted when the finding was raised."""
    subject, _, value = ref.partition(" ")
    value, _, at = value.partition(" ")
    since = f" since {when(moment(at))}" if at else ""
    if what != "adopted":
        return Piece(f"{what}: {value} for {subject}{since}")
    met = {"met": "target met", "lost": "target lost"}.get(value, "target not met")
    return reach(store, subject, before=row["raised_at"], said=f"{met}{since}")


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.rpartition(" ")[2])


def _at(store: Store, at: dt.datetime) -> list[Signal]:
    """Signals of an instant; a source has one, mostly."""
    rows = store.rows(
        "SELECT source, id FROM signals.signals WHERE time = fromUnixTimestamp64Milli({at:Int64}) LIMIT 3",
        {"at": round(at.timestamp() * 1000)},
    )
    return list(referred(store, [f"{r['source']} {r['id']}" for r in rows]).values())


def decisions(store: Store, about_: str) -> Iterable[Piece]:
    """What people decided about it, the newest first."""
    rows = store.rows(
        "SELECT * FROM signals.decisions WHERE about = {about:String} ORDER BY at DESC",
        {"about": about_},
    )
    for row in rows[:MOST]:
        until = f", until {when(row['until'])}" if row["until"] else ""
        step = f"; next: {row['next_step']}" if row["next_step"] else ""
        yield Piece(
            f"Decided {when(row['at'])}: {row['decision']} by {row['by']}{until}: {row['reason']}{step}"
        )
