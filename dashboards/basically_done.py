"""Basically done: what was called finished and is not, why, since when, and what to do next."""

from dashboards import kit
from dashboards.kit import Column, Line, Row

MEANING = """
**Basically done** is work that somebody called finished (closed, or all of it shipped) and that
rests short of done for longer than its grace: not shipped, shipped and not adopted, or adopted and
not confirmed to help. **Done** is shipped, adopted and confirmed; where no adoption is expected,
shipped is enough. **Age** counts from the day it was first called finished, also through reopening.
What was done and fell back is counted apart, below.
Teams are measured, never persons. A zero is a zero; what is not known says so.
"""

VARIABLES = [
    kit.pick(
        "owner",
        "Team",
        """
        SELECT team AS owner, if(team = '', 'no team', team) AS title FROM signals.work_items_now
        GROUP BY team ORDER BY countIf(basically_done) DESC, team
        """,
        many=True,
    )
]
_OF_FINDING = kit.chosen("finding.team", "owner")
_OF_ITEM = kit.chosen("team", "owner")
_OPEN = f"rule = 'basically_done' AND cleared_at IS NULL AND {_OF_FINDING}"

HEADLINES = [
    kit.stat(
        1,
        "Basically done now",
        "Work items that were called finished and rest short of done for longer than their grace.",
        f"""
        SELECT if(count() = 0, NULL, countIf(basically_done)) AS items
        FROM signals.work_items_now WHERE {_OF_ITEM}
        """,
        unit="none",
        unknown="no work yet",
        steps=[(None, "text"), (1, kit.ORANGE)],
        empty="No work items were heard of yet",
    ),
    kit.stat(
        2,
        "Share of finished",
        "Basically done / (basically done + what became done in the picked time).",
        f"""
        SELECT countIf(basically_done)
            / nullIf(countIf(basically_done OR $__timeFilter(done_at)), 0) AS share
        FROM signals.work_items_now WHERE {_OF_ITEM}
        """,
        unit="percentunit",
        decimals=0,
        unknown="nothing finished",
        empty="No work items were heard of yet",
    ),
    kit.stat(
        3,
        "Oldest claim now",
        "Days since the oldest of it was first called finished.",
        f"SELECT maxIf(age, basically_done) AS age FROM signals.work_items_now WHERE {_OF_ITEM}",
        unit=kit.DAYS,
        decimals=0,
        unknown="none",
        empty="No work items were heard of yet",
    ),
    kit.stat(
        4,
        "Fell back now",
        "Work items that were done, shipped or adopted, and are not any more.",
        f"""
        SELECT uniqExact(about) AS items FROM signals.findings AS finding
        WHERE rule IN ('regressed', 'rolled_back') AND cleared_at IS NULL AND {_OF_FINDING}
        """,
        unit="none",
        steps=[(None, "text"), (1, kit.ORANGE)],
        empty="No work items were heard of yet",
    ),
    kit.stat(
        5,
        "Without a decision now",
        "Findings basically done about which nobody decided: fix it, accept it or snooze it.",
        f"""
        SELECT countIf(decision IS NULL) AS items
        FROM signals.findings AS finding WHERE {_OPEN}
        """,
        unit="none",
        steps=[(None, "text"), (1, kit.ORANGE)],
        empty="No work items were heard of yet",
    ),
    kit.stat(
        6,
        "Cannot be told now",
        "Work items that were called finished and of which it is unknown whether they shipped, as"
        " no change is surely linked to them. Name the work item in the change.",
        f"""
        SELECT if(count() = 0, NULL, countIf(state = 'unknown')) AS items
        FROM signals.work_items_now WHERE {_OF_ITEM}
        """,
        unit="none",
        unknown="no work yet",
        steps=[(None, "text"), (1, kit.PURPLE)],
        empty="No work items were heard of yet",
        url=kit.to("trust"),
    ),
]

FUNNEL = kit.bars(
    10,
    "How far did finished work get?",
    "Work items that were first called finished in the picked time, by the levels they have reached"
    " now. Where no adoption is expected, done counts as adopted and confirmed.",
    f"""
    SELECT level, items
    FROM (SELECT count() AS claimed, countIf(shipped_at IS NOT NULL OR state = 'done') AS shipped,
            countIf(adopted_at IS NOT NULL OR state = 'done') AS adopted,
            countIf(adopted_at IS NOT NULL AND verified_at IS NOT NULL OR state = 'done')
            AS confirmed
        FROM signals.work_items_now
        WHERE state NOT IN ('dropped', 'deleted') AND $__timeFilter(claimed_at) AND {_OF_ITEM})
    ARRAY JOIN ['Called finished', 'Shipped', 'Adopted', 'Confirmed'] AS level,
        [claimed, shipped, adopted, confirmed] AS items
    ORDER BY indexOf(['Called finished', 'Shipped', 'Adopted', 'Confirmed'], level)
    """,
    unit="none",
    empty="Nothing was called finished in this time",
    w=6,
)

REASONS = kit.bars(
    11,
    "What is missing most now?",
    "Open findings basically done by their first reason.",
    f"""
    SELECT replaceAll(reasons[1], '_', ' ') AS reason, count() AS items
    FROM signals.findings AS finding WHERE {_OPEN}
    GROUP BY reason ORDER BY items DESC, reason
    """,
    unit="none",
    color=kit.ORANGE,
    empty="Nothing is only basically done",
    w=6,
)

TEAMS = kit.table(
    12,
    "Which teams does it rest with?",
    "Basically done per team now, and its share of what was called finished: basically done /"
    " (basically done + what became done in the picked time). Of a few it says little.",
    f"""
    SELECT nullIf(team, '') AS team, countIf(basically_done) AS open,
        open / nullIf(countIf(basically_done OR $__timeFilter(done_at)), 0) AS share,
        countIf(basically_done AND state = 'closed_not_shipped') AS not_shipped,
        countIf(basically_done AND state = 'shipped_not_adopted') AS not_adopted,
        countIf(basically_done AND state = 'adopted_not_verified') AS not_confirmed,
        maxIf(age, basically_done) AS oldest
    FROM signals.work_items_now WHERE {_OF_ITEM}
    GROUP BY team ORDER BY open DESC, oldest DESC, team
    """,
    [
        Column("team", "Team", width=105, link=kit.to("team", team="team"), empty="no team"),
        Column("open", "Open", "none", 50),
        Column("share", "Share", "percentunit", 90, decimals=0, cell="gauge", empty="none"),
        Column("not_shipped", "Not shipped", "none", 90),
        Column("not_adopted", "Not adopted", "none", 92),
        Column("not_confirmed", "Not confirmed", "none", 103),
        Column("oldest", "Oldest", kit.DAYS, 75, decimals=0, empty="–"),
    ],
    empty="No work items were heard of yet",
    w=12,
)

# The days of the goals, and for each since when what was open at its close is claimed, latest first.
_AT_CLOSE = f"""
    FROM (SELECT day, arrayFilter((since, raised, cleared) -> raised < day + 1 AND cleared > day,
            all.1, all.2, all.3) AS open, length(open) AS n
        FROM (SELECT DISTINCT day FROM signals.goal_progress_daily
            WHERE $__dateFilter(day)) AS days
        CROSS JOIN (SELECT arrayReverseSort(groupArray((coalesce(claimed_at, raised_at), raised_at,
                coalesce(toDate(cleared_at), toDate($__toTime) + 1)))) AS all
            FROM signals.findings AS finding
            LEFT JOIN signals.work_items_now AS item ON item.work_item = finding.about
            WHERE rule = 'basically_done' AND {_OF_FINDING}
                AND (cleared_at IS NULL OR cleared_at > $__fromTime)) AS finding)
    ORDER BY day"""

GROWN = kit.trend(
    20,
    "Does it grow?",
    "Work items that are basically done at the close of each day (UTC).",
    f"SELECT day AS time, n AS items {_AT_CLOSE}",
    unit="none",
    decimals=0,
    lines=[Line("items", "Basically done", kit.ORANGE)],
    empty="Nothing was ever only basically done",
    h=7,
)

AGES = kit.trend(
    21,
    "Does it age?",
    "Days since it was first called finished, of what is basically done at the close of each day:"
    " half is younger than the median, 85 % is younger than the upper line.",
    f"""
    SELECT day AS time,
        if(n = 0, NULL, dateDiff('minute', open[intDiv(n + 1, 2)], toDateTime(day + 1)) / 1440) AS age_p50,
        if(n = 0, NULL, dateDiff('minute', open[intDiv(n * 85, 100) + 1], toDateTime(day + 1)) / 1440) AS age_p85
    {_AT_CLOSE}
    """,
    unit=kit.DAYS,
    decimals=0,
    lines=[
        Line("age_p50", "Median", kit.BLUE, width=3),
        Line("age_p85", "85 %", kit.ORANGE, dashed=True),
    ],
    empty="Nothing was only basically done in this time",
    h=7,
)

LIST = kit.table(
    30,
    "What is only basically done now, and what is next?",
    "Open findings basically done, the oldest claim first. Take the next step, or decide: accept it"
    " with a reason, snooze it until a day, or escalate it.",
    f"""
    SELECT key, item.url AS url, item.title AS title, nullIf(finding.team, '') AS team, state,
        age, explanation, next_step, nullIf(goal_id, '') AS goal,
        nullIf(finding.subject, '') AS subject, decision
    FROM signals.findings AS finding
    INNER JOIN signals.work_items_now AS item ON item.work_item = finding.about
    WHERE {_OPEN}
    ORDER BY age DESC, key LIMIT 300
    """,
    [
        *kit.TRACKED,
        Column("title", "Work item", width=170),
        Column("team", "Team", width=105, link=kit.to("team", team="team"), empty="no team"),
        Column("state", "State", width=160, words=kit.STATE, cell="color-text"),
        Column("age", "Age", kit.DAYS, 80, decimals=0, empty="unknown"),
        Column("explanation", "What is missing", wrap=True),
        Column("next_step", "Next step", width=240, wrap=True),
        Column("goal", "Goal", width=120, link=kit.to("goal", goal="goal"), empty="no goal"),
        Column(
            "subject",
            "Capability",
            width=110,
            link=kit.to("adoption", subject="subject"),
            empty="–",
        ),
        Column("decision", "Decision", width=85, empty="none"),
    ],
    empty="Nothing is only basically done",
    h=14,
)

FELL_BACK = kit.table(
    31,
    "What was further, and fell back?",
    "Work items that were done, or shipped, and are not any more: still open, or raised in the"
    " picked time. Rolled back is no longer live; regressed is no longer adopted or confirmed.",
    f"""
    SELECT key, item.url AS url, item.title AS title, nullIf(finding.team, '') AS team,
        rule, raised_at, cleared_at, nullIf(explanation, '') AS explanation, next_step,
        nullIf(goal_id, '') AS goal, decision
    FROM signals.findings AS finding
    INNER JOIN signals.work_items_now AS item ON item.work_item = finding.about
    WHERE rule IN ('regressed', 'rolled_back') AND {_OF_FINDING}
        AND (cleared_at IS NULL OR $__timeFilter(raised_at))
    ORDER BY cleared_at IS NOT NULL, raised_at DESC, key, rule = 'regressed' LIMIT 1 BY key, raised_at LIMIT 300
    """,
    [
        *kit.TRACKED,
        Column("title", "Work item", width=170),
        Column("team", "Team", width=105, link=kit.to("team", team="team"), empty="no team"),
        Column(
            "rule",
            "Finding",
            width=100,
            words={"regressed": ("Regressed", "text"), "rolled_back": ("Rolled back", "text")},
        ),
        Column("raised_at", "Since", "time: D MMM", 80),
        Column("cleared_at", "Until", "time: D MMM", 80, empty="open"),
        Column("explanation", "Why", empty="not recorded", wrap=True),
        Column("next_step", "Next step", width=240, wrap=True),
        Column("goal", "Goal", width=120, link=kit.to("goal", goal="goal"), empty="no goal"),
        Column("decision", "Decision", width=85, empty="none"),
    ],
    empty="Nothing fell back in this time",
    h=10,
)


def build() -> kit.Json:
    return kit.dashboard(
        "basically-done",
        "Basically done",
        "What was called finished and is not done, why, since when, and what is the next step?",
        [
            Row("How much it is", HEADLINES),
            Row("Where it rests", [FUNNEL, REASONS, TEAMS]),
            Row("How it went", [GROWN, AGES]),
            Row("What to do", [LIST, FELL_BACK]),
            Row("", [kit.text(40, "How to read this", MEANING)]),
        ],
        variables=VARIABLES,
    )
