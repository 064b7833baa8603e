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

GOALS = 12
"""Goals that are not hit, each on a line; the others are counted."""

SUBJECTS = 6
NAMES = 3
"""Subjects, and adopters named for each, under the heading "Adoption"."""

NAMED = ("team", "service", "repo")
"""Units that are no persons: only these adopters are called by name (semantics 3.10)."""


def number(value: float | None) -> str:
    """A value for people: `–` where there is no reading, no digits that mean nothing."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value - round(value)) < 0.005 else f"{value:.2f}"


def short(text: str, width: int) -> str:
    """A text in its column, with a sign where something is left out."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def day(when: dt.date, today: dt.date) -> str:
    """A date, with its year where that is another one."""
    return f"{when.day} {when:%b}" if when.year == today.year else f"{when.day} {when:%b %Y}"


def measured(goal: Row, value: float | None) -> str:
    """A value in the unit of its goal."""
    if goal["unit"] != "share" or value is None:
        return number(value)
    return f"{100 * value:.0f} %"


def plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def headline(goal: Row) -> str:
    """The first sentence: the number, the day of the plan, what the plan expected by now."""
    value, target = measured(goal, goal["value"]), measured(goal, goal["target"])
    if goal["unit"] == "share" and goal["eligible"]:
        who = f"{goal['adopters']} of {plural(goal['eligible'], goal['adopts'])}"
        said = f"{who} ({value}, target {target})"
    else:
        said = f"{value} of {target}" + (" adopters" if goal["unit"] == "adopters" else "")
    if goal["hit_on"] is not None:
        when = f", hit on {day(goal['hit_on'], goal['as_of'].date())}"
    elif goal["days"] and goal["day"] <= goal["days"]:
        when = f", day {goal['day']} of {goal['days']}"
    elif goal["due_on"] is not None:
        when = f", due {day(goal['due_on'], goal['as_of'].date())}"
    else:
        when = ""
    plan = ""
    if goal["planned"] is not None and goal["hit_on"] is None:
        plan = f" The plan expected {measured(goal, goal['planned'])} by now."
    return f"{said}{when}. {_moved(goal)}{plan}"


def _moved(goal: Row) -> str:
    delta = goal["delta_1d"]
    if delta is None:
        return "No reading of change."
    if delta == 0:
        return f"No change for {plural(goal['still'], 'day')}."
    sign = "+" if delta > 0 else "-"
    if goal["unit"] == "share":
        return f"{sign}{number(abs(100 * delta))} points since the day before."
    return f"{sign}{number(abs(delta))} since the day before."


def goals(store: Store) -> list[dict[str, Any]]:
    """Measurable goals: those not hit, worst status and pace first; then the hit ones, newest first."""
    rows = store.rows(
        "SELECT goal_id, goals_now.title AS title, value, goals_now.target AS target, delta_1d,"
        " pace, status, days_left, planned, goals_now.unit AS unit, starts_on, due_on, hit_on,"
        " as_of, adopters, eligible, adoption.unit AS adopts, still"
        " FROM signals.goals_now AS goals_now"
        " LEFT JOIN signals.adoption_now AS adoption ON adoption.subject = goals_now.subject"
        " LEFT JOIN (SELECT goal_id, toUInt32(max(day)"
        " - coalesce(maxOrNullIf(day, delta_1d != 0), min(day))) AS still"
        " FROM signals.goal_progress_daily GROUP BY goal_id) AS moves USING (goal_id)"
        " WHERE level != 'vision' AND status NOT IN ('incomplete', 'planned', 'withdrawn')"
        " ORDER BY status = 'hit', status = 'missed', hit_on DESC,"
        " indexOf(['off_track', 'at_risk'], status) = 0, status = 'at_risk', isNull(pace), pace, goal_id"
    )
    for row in rows:
        row["day"], row["days"] = _working_days(row)
    return rows


def _working_days(row: Row) -> tuple[int, int]:
    """Day of the plan and its length, in weekdays (the chart has the working calendar)."""
    if row["starts_on"] is None or row["due_on"] is None:
        return 0, 0
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
    yield from _goals(found)
    today = _today(store)
    yield from _basically_done(store, today)
    yield from _went_back(store, today)
    yield from _subjects(store)
    yield from _trust(store)


def _today(store: Store) -> dt.date:
    """The day that the store has reached; a replayed history ends in the past."""
    sql = """
        SELECT max(at) AS newest FROM (
            SELECT max(time) AS at FROM signals.signals
            UNION ALL SELECT max(as_of) AS at FROM signals.goals_now)
    """
    said = store.rows(sql)[0]["newest"]
    assert isinstance(said, dt.datetime)
    return said.date()


def _goals(found: list[dict[str, Any]]) -> Iterator[str]:
    if len(found) < 2:
        return
    hit = [goal for goal in found if goal["status"] == "hit"]
    rest = found[: len(found) - len(hit)]
    if rest:
        yield "Goals not hit, the worst first"
    for goal in rest[:GOALS]:
        pace = "–" if goal["pace"] is None else f"{goal['pace']:.0%}"
        left = goal["days_left"]
        due = (
            ""
            if left is None or goal["status"] == "missed"
            else f", {plural(left, 'day')} left"
        )
        yield (
            f"  {short(goal['title'], 34):<34} {measured(goal, goal['value']):>8} of"
            f" {measured(goal, goal['target']):<7} pace {pace:>5}  {goal['status']}{due}"
        )
    if len(rest) > GOALS:
        yield f"  and {len(rest) - GOALS} more: `signals goals`"
    if hit:
        newest = hit[0]
        when = day(newest["hit_on"], newest["as_of"].date()) if newest["hit_on"] else "–"
        yield f"Goals hit: {len(hit)} of {len(found)}, the last on {when} ({newest['title']})"
    yield ""


def _basically_done(store: Store, today: dt.date) -> Iterator[str]:
    rows = store.rows(
        "SELECT item.key AS key, title, item.team AS team, f.next_step AS next_step,"
        " f.explanation AS explanation, coalesce(claimed_at, f.raised_at) AS since"
        " FROM signals.findings AS f"
        " INNER JOIN signals.work_items_now AS item ON item.work_item = f.about"
        " WHERE f.rule = 'basically_done' AND isNull(f.cleared_at)"
        " ORDER BY since, key"
    )
    done = store.rows("SELECT countIf(state = 'done') AS done FROM signals.work_items_now")
    yield f"Basically done: {plural(len(rows), 'work item')} (done: {done[0]['done']})"
    for row in rows[:OLDEST]:
        yield from _item(row, f"{row['explanation']}; claimed {day(row['since'], today)}")
    if len(rows) > OLDEST:
        yield f"  and {len(rows) - OLDEST} younger: `signals findings`"
    yield ""


def _item(row: Row, said: str) -> Iterator[str]:
    """A work item on two lines: which it is, and why and what comes next."""
    key = row["key"].rpartition("/")[2]
    title = short(row["title"], 60) if row["title"] != row["key"] else ""
    team = f"({row['team']})" if row["team"] else ""
    yield "  " + "  ".join(part for part in (key, title, team) if part)
    yield f"      {said}: {row['next_step']}"


def _went_back(store: Store, today: dt.date) -> Iterator[str]:
    """What was done and is not any more; the newest first."""
    rows = store.rows(
        "SELECT item.key AS key, title, item.team AS team, f.rule AS rule,"
        " f.next_step AS next_step, f.explanation AS explanation, f.raised_at AS since"
        " FROM signals.findings AS f"
        " INNER JOIN signals.work_items_now AS item ON item.work_item = f.about"
        " WHERE f.rule IN ('regressed', 'rolled_back') AND isNull(f.cleared_at)"
        " ORDER BY f.rule = 'rolled_back' DESC, since DESC, key LIMIT 1 BY f.about"
    )
    if not rows:
        return
    yield f"Was done, is not any more: {plural(len(rows), 'work item')}"
    for row in rows[:NAMES]:
        yield from _item(
            row, f"{row['explanation'] or row['rule']} since {day(row['since'], today)}"
        )
    yield ""


def _subjects(store: Store) -> Iterator[str]:
    """The newest subjects that somebody still lacks, and who that is."""
    rows = store.rows(
        "SELECT subject, adoption.title AS title, unit, adopters, eligible, released_at,"
        " time_to_first, coalesce(toDate(released_at), begins) AS newest"
        " FROM signals.adoption_now AS adoption LEFT JOIN"
        " (SELECT subject, maxOrNull(starts_on) AS begins FROM signals.goals_now GROUP BY subject)"
        " AS goal USING (subject)"
        " WHERE isNotNull(adopters) ORDER BY newest DESC, adopters DESC, subject"
    )
    if not rows:
        return
    open_ = [
        row for row in rows if row["eligible"] is None or row["adopters"] < row["eligible"]
    ]
    lacking = _lacking(store)
    yield "Adoption, newest first"
    for row in open_[:SUBJECTS]:
        yield f"  {short(row['title'], 34):<34} {_adopters(row)}"
        names = lacking.get(row["subject"], [])
        if names and row["eligible"] is not None:
            more = row["eligible"] - row["adopters"] - len(names)
            others = f" and {more} more" if more > 0 else ""
            yield f"      not yet: {', '.join(names)}{others}"
    counts = []
    if len(open_) > SUBJECTS:
        counts.append(f"{len(open_) - SUBJECTS} more")
    if len(open_) < len(rows):
        counts.append(f"{len(rows) - len(open_)} that all have adopted")
    if counts:
        yield f"  and {', '.join(counts)}: `signals query 'SELECT * FROM signals.adoption_now'`"
    yield ""


def _adopters(row: Row) -> str:
    if row["eligible"] is None:
        said = plural(row["adopters"], row["unit"])
    else:
        said = f"{row['adopters']} of {plural(row['eligible'], row['unit'])}"
    if row["released_at"] is None:
        return said
    first = row["time_to_first"]
    half = "half not reached" if first is None else f"half after {plural(round(first), 'day')}"
    return f"{said}, {half}"


def _lacking(store: Store) -> dict[str, list[str]]:
    """Per subject some who could have adopted and have not, with the version they are on."""
    found: dict[str, list[str]] = {}
    named = ", ".join(f"'{unit}'" for unit in NAMED)
    for row in store.rows(
        "SELECT subject, adopter, version FROM signals.adopters"
        " WHERE eligible AND (isNull(adopted_at) OR isNotNull(left_at)) AND subject IN"
        f" (SELECT subject FROM signals.adoption_now WHERE unit IN ({named}))"
        f" ORDER BY subject, adopter LIMIT {NAMES} BY subject"
    ):
        version = f" ({row['version']})" if row["version"] else ""
        found.setdefault(row["subject"], []).append(f"{row['adopter']}{version}")
    return found


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
        f"Trust: {unknown['unknown']} of {plural(unknown['n'], 'work item')} unknown,"
        f" {plural(rejected, 'line')} rejected, silent sources: {quiet}."
    )
    for row in store.rows(
        "SELECT title, g.unit AS unit, d.value - d.delta_1d AS now, now - restatement AS said"
        " FROM signals.goal_progress_daily AS d"
        " INNER JOIN signals.goals_now AS g ON g.goal_id = d.goal_id"
        " WHERE d.restatement != 0 AND d.day = toDate(g.as_of) - 1 ORDER BY title"
    ):
        yield f"Restated: {row['title']} {measured(row, row['said'])} → {measured(row, row['now'])}"


def digest(store: Store) -> str:
    return "\n".join(lines(store))
