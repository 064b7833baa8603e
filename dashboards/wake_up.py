"""Wake-up: which goals are really moving this morning, and what is only basically done."""

from dashboards import kit
from dashboards.kit import Column, Line, Row

MEANING = """
**A goal** moves from its *baseline* to its *target*; **pace** is what it gained, divided by what
its plan expects by now: 100 % is on plan. **Stalled** is no gain for longer than the goal's own
history explains. **Basically done** is work that somebody called finished and that is not yet
shipped, adopted or confirmed to help. A zero is a zero; what is not known says so. Every name
leads on to what is behind it.
"""

VARIABLES = [
    kit.pick(
        "owner",
        "Team",
        """
        SELECT DISTINCT arrayJoin(owners) AS owner, owner AS title
        FROM signals.goals_now ORDER BY owner
        """,
        many=True,
    )
]
_OWNED = "$__conditionalAll(hasAny(owners, [${owner:singlequote}]), $owner)"

_OF_FINDING = kit.chosen("finding.team", "owner")

HEADLINES = [
    kit.stat(
        1,
        "Goals off track now",
        "Goals whose gain is so far below their plan that chance does not explain it.",
        f"SELECT countIf(status = 'off_track') AS goals FROM signals.goals_now WHERE {_OWNED}",
        unit="none",
        steps=[(None, "text"), (1, kit.RED)],
        empty="No goals are defined yet",
    ),
    kit.stat(
        2,
        "Goals at risk now",
        "Goals below their plan, or unlikely to be hit in time, but not off track yet.",
        f"SELECT countIf(status = 'at_risk') AS goals FROM signals.goals_now WHERE {_OWNED}",
        unit="none",
        steps=[(None, "text"), (1, kit.ORANGE)],
        empty="No goals are defined yet",
    ),
    kit.stat(
        3,
        "Goals stalled now",
        "Goals in work that gained nothing for longer than their own history explains.",
        f"""
        SELECT countIf(stalled_since IS NOT NULL) AS goals
        FROM signals.goals_now WHERE {_OWNED}
        """,
        unit="none",
        steps=[(None, "text"), (1, kit.ORANGE)],
        empty="No goals are defined yet",
    ),
    kit.stat(
        4,
        "Goals hit so far",
        "Goals that reached their full target, out of those that have one.",
        f"""
        SELECT concat(toString(countIf(status = 'hit')), ' of ',
            toString(countIf(target IS NOT NULL AND status != 'withdrawn'))) AS hit
        FROM signals.goals_now WHERE {_OWNED}
        """,
        unit="string",
        word=True,
        empty="No goals are defined yet",
    ),
    kit.stat(
        5,
        "Basically done now",
        "Work items that somebody called finished and that rest short of done for longer than"
        " their grace: not shipped, not adopted or not confirmed to help.",
        f"""
        SELECT count() AS items FROM signals.findings AS finding
        WHERE rule = 'basically_done' AND cleared_at IS NULL AND {_OF_FINDING}
        """,
        unit="none",
        steps=[(None, "text"), (1, kit.ORANGE)],
        empty="No work items were heard of yet",
        url=kit.to("basically-done"),
    ),
    kit.stat(
        6,
        "Silent sources now",
        "Sources that sent nothing for longer than they usually do. What rests on them is shown"
        " as unknown, and is not alerted on.",
        """
        SELECT count() AS sources FROM signals.findings
        WHERE rule = 'source_stale' AND cleared_at IS NULL
        """,
        unit="none",
        steps=[(None, "text"), (1, kit.RED)],
        empty="No sources were heard of yet",
        url=kit.to("trust"),
    ),
]

GOALS = kit.table(
    10,
    "Which goals move now?",
    "Every goal that is not over, the worst first. Pace = gain / planned gain. Days are working"
    " days. Likely by: 85 % of the forecasts hit the target by that day.",
    f"""
    SELECT goal_id, title, arrayStringConcat(owners, ', ') AS team, status, value, target,
        delta_1d, pace, days_ahead, days_left, stalled_at, hit_by_p85, basically_done, trust
    FROM signals.goals_now AS goal
    LEFT JOIN (SELECT about, toNullable(max(raised_at)) AS stalled_at FROM signals.findings
        WHERE rule = 'goal_stalled' AND cleared_at IS NULL GROUP BY about) AS stall
        ON stall.about = goal.goal_id
    WHERE status NOT IN ('vision', 'hit', 'missed', 'withdrawn') AND {_OWNED}
    ORDER BY indexOf(['off_track', 'at_risk', 'unknown', 'warming_up', 'on_track', 'incomplete',
        'planned'], toString(status)), pace, goal_id
    """,
    [
        kit.hidden("goal_id"),
        Column("title", "Goal", width=185, link=kit.to("goal", goal="goal_id")),
        Column("team", "Team", width=115),
        Column("status", "Status", width=105, words=kit.STATUS, cell="color-background"),
        Column("value", "Value", "locale", 80, decimals=2, empty="unknown"),
        Column("target", "Target", "locale", 80, decimals=2, empty="none set"),
        Column("delta_1d", "In a day", "locale", 90, decimals=2, empty="unknown"),
        Column("pace", "Pace", "percentunit", 120, decimals=0, cell="gauge", empty="not yet"),
        Column("days_ahead", "Days ahead", "none", 100, decimals=0, empty="not yet"),
        Column("days_left", "Days left", "none", 90, empty="no due date"),
        Column("stalled_at", "Stalled since", "time: D MMM", 115),
        Column("hit_by_p85", "Likely by", "time: D MMM YYYY", 110, empty="no forecast"),
        Column("basically_done", "Basically done", "none", 125),
        Column("trust", "Trust", width=60, words=kit.GRADE, cell="color-text", empty="–"),
    ],
    empty="No goal is open: all are hit, or none is defined yet",
    h=9,
)

# What people said last about a goal, and who does what next.
_DECIDED = """
            SELECT about AS decided_about, toNullable(argMax(concat(decision, if(next_step = '', '', ': '),
                next_step, if(owner = '', '', concat(' (', owner, ')'))), at)) AS decided
            FROM signals.decisions GROUP BY about"""

STALLED = kit.table(
    11,
    "What stands still now, and why?",
    "Goals with open findings, the gravest first: stalled (nothing gained), busy and not moving"
    " (work is finished, the number stays), off track, at risk. Why is said as it was when each was"
    " found; decided is what people last decided about the goal.",
    f"""
    SELECT about, any(title) AS title, any(team) AS team, groupArray(severity)[1] AS worst,
        arrayStringConcat(groupArray(concat(what, ' ', day)), ', ') AS found,
        arrayStringConcat(groupArray(explanation), '; ') AS why,
        groupArray(next_step)[1] AS next_step, any(decided) AS decided
    FROM
    (
        SELECT finding.about AS about, title, finding.team AS team, severity, explanation, next_step, raised_at,
            replaceAll(replaceOne(rule, 'goal_', ''), '_', ' ') AS what,
            formatDateTime(raised_at, '%e %b') AS day, coalesce(said.decided, decision) AS decided
        FROM signals.findings AS finding
        INNER JOIN signals.goals_now AS goal ON goal.goal_id = finding.about
        LEFT JOIN ({_DECIDED}) AS said ON said.decided_about = finding.about
        WHERE about_kind = 'goal' AND rule != 'goal_hit' AND cleared_at IS NULL AND {_OWNED}
        ORDER BY indexOf(['critical', 'warning', 'info'], toString(severity)), raised_at
    )
    GROUP BY about ORDER BY count() DESC, min(raised_at), about
    """,
    [
        kit.hidden("about"),
        Column("title", "Goal", width=165, link=kit.to("goal", goal="about")),
        Column("team", "Team", width=110),
        Column("worst", "Severity", width=85, words=kit.SEVERITY, cell="color-text"),
        Column("found", "Found, and since when", width=220, wrap=True),
        Column("why", "Why", wrap=True),
        Column("next_step", "Next step", width=250, wrap=True),
        Column("decided", "Decided", width=220, wrap=True, empty="nothing yet"),
    ],
    empty="No goal stands still",
    h=9,
)

BASICALLY_DONE = kit.table(
    12,
    "Which work is only basically done now?",
    "Open findings basically done, the oldest claim first: what is missing, and what to do next.",
    f"""
    SELECT work_item, key, item.title AS title, item.url AS url, finding.team AS team,
        explanation, next_step, age
    FROM signals.findings AS finding
    INNER JOIN signals.work_items_now AS item ON item.work_item = finding.about
    WHERE rule = 'basically_done' AND cleared_at IS NULL AND {_OF_FINDING}
    ORDER BY severity != 'warning', age DESC, work_item
    LIMIT 50
    """,
    [
        kit.hidden("work_item"),
        kit.hidden("url"),
        Column(
            "key",
            "Key",
            width=80,
            link="${__data.fields.url}",
            link_title="Open in the tracker",
        ),
        Column("title", "Work item", width=220),
        Column("team", "Team", width=130, link=kit.to("basically-done", owner="team")),
        Column("explanation", "What is missing"),
        Column("next_step", "Next step", width=400),
        Column("age", "Age", kit.DAYS, 90, decimals=0, empty="unknown"),
    ],
    empty="Nothing is only basically done",
    h=9,
)

MOVED = kit.trend(
    13,
    "How many goals are on track?",
    "Goals by status at the close of each day, as known now.",
    """
    SELECT day AS time, countIf(status = 'on_track') AS on_track,
        countIf(status = 'at_risk') AS at_risk, countIf(status = 'off_track') AS off_track,
        countIf(status = 'hit') AS hit
    FROM signals.goal_progress_daily WHERE $__dateFilter(day)
    GROUP BY day ORDER BY day
    """,
    unit="none",
    decimals=0,
    lines=[
        Line("on_track", "On track", kit.BLUE),
        Line("at_risk", "At risk", kit.ORANGE, dashed=True),
        Line("off_track", "Off track", kit.RED, width=3),
        Line("hit", "Hit", kit.GREEN),
    ],
    empty="No goal has a day yet",
    h=7,
)

GROWN = kit.trend(
    14,
    "How much is basically done?",
    "Work items with an open finding basically done, at the close of each day.",
    f"""
    SELECT day AS time, arrayCount(at -> at < day + 1, raised)
        - arrayCount(at -> at < day + 1, cleared) AS items
    FROM (SELECT DISTINCT day FROM signals.goal_progress_daily WHERE $__dateFilter(day)) AS days
    CROSS JOIN (SELECT groupArray(raised_at) AS raised, groupArray(cleared_at) AS cleared
        FROM signals.findings AS finding
        WHERE rule = 'basically_done' AND {_OF_FINDING}) AS finding
    ORDER BY day
    """,
    unit="none",
    decimals=0,
    lines=[Line("items", "Basically done", kit.ORANGE)],
    empty="No work item was called finished yet",
    h=7,
)

TRUST = kit.table(
    15,
    "Can these numbers be trusted now?",
    "The grade of each source on its last day: A good, B fair, C poor (alerts that rest on it"
    " are held back), D stale (its numbers are unknown).",
    """
    SELECT source, grade, stale, signals, unlinked_share, restated_share
    FROM signals.data_quality_daily WHERE source != ''
    ORDER BY day DESC LIMIT 1 BY source
    """,
    [
        Column("source", "Source", width=260, link=kit.to("trust")),
        Column("grade", "Grade", width=90, words=kit.GRADE, cell="color-text", empty="quiet"),
        Column(
            "stale",
            "Silent",
            width=90,
            words={"true": ("yes", kit.RED), "false": ("no", "text")},
        ),
        Column("signals", "Signals of the day", "locale", 150),
        Column(
            "unlinked_share",
            "Closed without a link",
            "percentunit",
            170,
            empty="nothing closed",
        ),
        Column(
            "restated_share", "Values changed later", "percentunit", 170, empty="none published"
        ),
    ],
    empty="No source was heard of yet",
    h=8,
)


def build() -> kit.Json:
    return kit.dashboard(
        "wake-up",
        "Wake-up",
        "Which goals really move this morning, and which work is only basically done?",
        [
            Row("This morning", HEADLINES),
            Row("Goals", [GOALS, STALLED, BASICALLY_DONE]),
            Row("How it went", [MOVED, GROWN]),
            Row("Trust", [TRUST, kit.text(20, "How to read this", MEANING)]),
        ],
        variables=VARIABLES,
    )
