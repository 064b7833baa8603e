"""One goal: whether it is really moving, what carries it, and what stands in its way."""

from typing import Any

from dashboards import kit
from dashboards.kit import Column, Line, Row

MEANING = """
**Pace** is the gain divided by what the plan expects by now: 100 % is on plan. **Days** are working
days. The **band** holds the value with a chance of 85 %, as the newest forecast says; there is none
before enough is known. **Its work** is every work item that names the goal, or that delivers the
capability it is measured on. **Basically done** is work that somebody called finished and that is
not yet shipped, adopted or confirmed to help. A zero is a zero; what is not known says so.
"""

VARIABLES = [
    kit.pick(
        "goal",
        "Goal",
        """
        SELECT goal_id, title FROM signals.goals_now
        ORDER BY indexOf(['vision', 'withdrawn', 'missed', 'hit', 'incomplete', 'planned',
            'warming_up', 'on_track', 'unknown', 'at_risk', 'off_track'], status) DESC,
            pace, goal_id
        """,
    )
]
_GOAL = "${goal:singlequote}"
_OF_GOAL = f"goal_id = {_GOAL}"
_SUBJECT = f"(SELECT subject FROM signals.goals_now WHERE {_OF_GOAL})"
_ITS_WORK = f"(has(goals, {_GOAL}) OR has(subjects, {_SUBJECT}))"


_GONE = "There is no such goal"


def _now(id: int, title: str, meaning: str, column: str, **how: Any) -> kit.Panel:
    """A column of the goal as it is now."""
    sql = f"SELECT {column} FROM signals.goals_now WHERE {_OF_GOAL}"
    return kit.stat(id, title, meaning, sql, empty=_GONE, **how)


ABOUT = kit.table(
    1,
    "Which goal is this now?",
    "The goal as it is defined now, and why it has its status. A status that a human set stands"
    " beside the computed one, for 7 days at most.",
    f"""
    SELECT title, concat(class, ' ', level) AS kind, nullIf(arrayStringConcat(owners, ', '), '') AS team,
        owners[1] AS first_owner, nullIf(pm, '') AS pm,
        concat(nullIf(metric_kind, ''), if(unit = '', '', concat(' in ', unit))) AS measure,
        nullIf(subject, '') AS subject, starts_on, due_on, override_status, nullIf(why, '') AS why
    FROM signals.goals_now WHERE {_OF_GOAL}
    """,
    [
        kit.hidden("first_owner"),
        Column("title", "Goal", width=150),
        Column("kind", "Kind", width=150),
        Column("team", "Team", width=110, link=kit.to("team", team="first_owner")),
        Column("pm", "Product manager", width=125, empty="none named"),
        Column("measure", "Measured by", width=155, empty="nothing"),
        Column(
            "subject",
            "Capability",
            width=110,
            link=kit.to("adoption", subject="subject"),
            empty="none",
        ),
        Column("starts_on", "Starts", "time: D MMM YYYY", 100, empty="not set"),
        Column("due_on", "Due", "time: D MMM YYYY", 100, empty="not set"),
        Column("override_status", "Set by a human", width=115, words=kit.STATUS, empty="none"),
        Column("why", "Why it has its status", wrap=True),
    ],
    empty=_GONE,
    h=5,
)

HEADLINES = [
    _now(
        2,
        "Status now",
        "On track, at risk, off track: is the gain what the plan expects, and does chance explain"
        " the difference? Unknown: what it rests on is silent.",
        "status",
        unit="string",
        words=kit.STATUS,
    ),
    _now(
        3,
        "Value now",
        "The value at the close of the last full day, in the unit of the goal.",
        "value",
        unit="locale",
        unknown="no reading",
    ),
    _now(
        4,
        "Target now",
        "The value to reach, by the definition in force now.",
        "target",
        unit="locale",
        unknown="none set",
    ),
    _now(
        5,
        "Pace now",
        "Gain / planned gain. 100 % is on plan, 50 % is half of what the plan expects by now.",
        "pace",
        unit="percentunit",
        decimals=0,
        unknown="not yet",
    ),
    _now(
        6,
        "Days ahead now",
        "Working days between today and the day for which the plan expects this value; below zero"
        " it is behind.",
        "days_ahead",
        unit="none",
        decimals=0,
        unknown="not yet",
    ),
    _now(
        7,
        "Days left now",
        "Working days until it is due; below zero when that day is past.",
        "days_left",
        unit="none",
        unknown="no due date",
    ),
    _now(
        8,
        "Chance to hit now",
        "The share of simulated futures that reach the target by the due date.",
        "p_hit",
        unit="percentunit",
        decimals=0,
        unknown="no forecast",
    ),
    _now(
        9,
        "Likely hit day now",
        "85 % of the simulated futures reach the target by this day. Promise this day, not the"
        " median.",
        "formatDateTime(hit_by_p85, '%e %b %Y') AS likely_by",
        unit="string",
        word=True,
        unknown="no such day",
    ),
    _now(
        10,
        "Hit so far",
        "The first day of those on which the full target held.",
        "formatDateTime(hit_on, '%e %b %Y') AS hit_on",
        unit="string",
        word=True,
        unknown="not yet",
    ),
    _now(
        11,
        "Stalled now",
        "Since when it is known to stand still: it gained nothing for longer than its own history"
        " explains. The last gain was before that.",
        "(SELECT concat('since ', formatDateTime(maxOrNull(raised_at), '%e %b %Y'))"
        " FROM signals.findings WHERE rule = 'goal_stalled' AND cleared_at IS NULL"
        f" AND about = {_GOAL}) AS stalled",
        unit="string",
        word=True,
        unknown="no",
    ),
    _now(
        12,
        "Edits so far",
        "How often baseline, target, date or weight were changed after the goal was committed.",
        "edits_after_commitment",
        unit="none",
        steps=[(None, "text"), (1, kit.ORANGE)],
    ),
    _now(
        13,
        "Trust now",
        "How far the value can be trusted, the worst of what it rests on: A good, B fair, C poor,"
        " D stale.",
        "trust",
        unit="string",
        words=kit.GRADE,
        unknown="unknown",
        url=kit.to("trust"),
    ),
]

WAY = kit.trend(
    20,
    "Is it where the plan expects it?",
    "The value of each day against plan and target as they were in force that day; ahead, the"
    " newest forecast with a band that holds the value with a chance of 85 %. A dot is a change of"
    " baseline, target or due date.",
    f"""
    SELECT time, any(value) AS value, any(planned) AS planned, any(target) AS target,
        any(low) AS low, any(likely) AS likely, any(high) AS high, any(changed) AS changed
    FROM (SELECT day AS time, value, planned, target, NULL AS changed,
            if(day = max(day) OVER (), value, NULL) AS low, low AS likely, low AS high
        FROM signals.goal_progress_daily WHERE {_OF_GOAL} AND $__dateFilter(day)
        UNION ALL SELECT made_on + horizon, NULL, NULL, NULL, NULL, low, p50, high
        FROM (SELECT * FROM signals.forecasts WHERE about_kind = 'goal' AND about = {_GOAL}
            AND quantity = 'value' AND scenario = '' ORDER BY made_on DESC LIMIT 1 BY horizon)
        WHERE made_on > (SELECT max(day) FROM signals.goal_progress_daily WHERE {_OF_GOAL}) - 8
        UNION ALL SELECT toDate(from_at), NULL, NULL, NULL, target, NULL, NULL, NULL
        FROM signals.goal_versions WHERE {_OF_GOAL} AND $__timeFilter(from_at)
            AND from_at > (SELECT min(from_at) FROM signals.goal_versions WHERE {_OF_GOAL}))
    GROUP BY time ORDER BY time
    """,
    unit="locale",
    lines=[
        Line("value", "Value", kit.BLUE, width=3),
        Line("planned", "Plan", kit.GREY, dashed=True),
        Line("target", "Target", kit.GREEN, joined=True),
        Line("high", "Forecast, high", kit.SKY, width=1, down_to="low", joined=True),
        Line("likely", "Forecast, middle", kit.PURPLE, dashed=True, joined=True),
        Line("low", "Forecast, low", kit.SKY, width=1, joined=True),
        Line("changed", "Definition changed", kit.ORANGE, points=True),
    ],
    least=None,
    empty="The goal has no full day yet",
    w=16,
    h=10,
)

MOVEMENT = kit.trend(
    21,
    "What did each day bring?",
    "What the day itself brought, and how far the day before was corrected after it had been"
    " published, by signals that came late.",
    f"""
    SELECT day AS time, movement, restatement
    FROM signals.goal_progress_daily WHERE {_OF_GOAL} AND $__dateFilter(day) ORDER BY day
    """,
    unit="locale",
    lines=[
        Line("movement", "Movement", kit.BLUE),
        Line("restatement", "Correction", kit.ORANGE),
    ],
    least=None,
    bars=True,
    stacked=True,
    empty="The goal has no full day yet",
    w=8,
    h=10,
)

STATES = kit.table(
    22,
    "Where does its work stand now?",
    "Work items that name the goal or deliver its capability, by state. Finished is only what is"
    " done: shipped, adopted and confirmed to help.",
    f"""
    SELECT state, count() AS items, items / sum(items) OVER () AS share, max(age) AS oldest
    FROM signals.work_items_now WHERE {_ITS_WORK} AND state NOT IN ('dropped', 'deleted')
    GROUP BY state
    ORDER BY indexOf(['open', 'unknown', 'closed_not_shipped', 'shipped_not_adopted',
        'adopted_not_verified', 'done'], state)
    """,
    [
        Column("state", "State", width=180, words=kit.STATE, cell="color-text"),
        Column("items", "Items", "none", 70),
        Column("share", "Share", "percentunit", decimals=0, cell="gauge"),
        Column("oldest", "Oldest", kit.DAYS, 90, decimals=0, empty="–"),
    ],
    empty="No work item is known to work for this goal",
    w=11,
    h=7,
)

TEAMS = kit.table(
    30,
    "What does each team contribute now?",
    "Work items for the goal per team that reached each level; those of which no adoption is"
    " expected count as adopted and confirmed when they are done.",
    f"""
    SELECT nullIf(team, '') AS team, count() AS items, countIf(claimed_at IS NOT NULL) AS finished,
        countIf(shipped_at IS NOT NULL) AS shipped,
        countIf(adopted_at IS NOT NULL OR state = 'done') AS adopted,
        countIf(verified_at IS NOT NULL OR state = 'done') AS verified
    FROM signals.work_items_now WHERE {_ITS_WORK} AND state NOT IN ('dropped', 'deleted')
    GROUP BY team ORDER BY items DESC, team
    """,
    [
        Column(
            "team",
            "Team",
            empty="no team",
            link=kit.to("team", team="team"),
        ),
        Column("items", "Items", "none", 60),
        Column("finished", "Called finished", "none", 110),
        Column("shipped", "Shipped", "none", 75),
        Column("adopted", "Adopted", "none", 75),
        Column("verified", "Confirmed", "none", 80),
    ],
    empty="No work item is known to work for this goal",
    w=13,
    h=7,
)

_FINDING: kit.Words = {
    "basically_done": ("Basically done", "text"),
    "regressed": ("Fell back", "text"),
}

BASICALLY_DONE = kit.table(
    31,
    "Which of its work is not really done now?",
    "Work items for the goal that are only basically done, or that were done and fell back; the"
    " oldest claim first, with what is missing and what to do next.",
    f"""
    SELECT key, item.url AS url, item.title AS title, item.team AS team, item.state AS state,
        rule, age, nullIf(explanation, '') AS explanation, next_step
    FROM signals.findings AS finding
    INNER JOIN signals.work_items_now AS item ON item.work_item = finding.about
    WHERE rule IN ('basically_done', 'regressed') AND cleared_at IS NULL
        AND (has(item.goals, {_GOAL}) OR has(item.subjects, {_SUBJECT}))
    ORDER BY age DESC, key LIMIT 100
    """,
    [
        *kit.TRACKED,
        Column("title", "Work item", width=150),
        Column("team", "Team", width=100, link=kit.to("basically-done", owner="team")),
        Column("state", "State", width=160, words=kit.STATE, cell="color-text"),
        Column("rule", "Finding", width=110, words=_FINDING),
        Column("age", "Age", kit.DAYS, 80, decimals=0, empty="unknown"),
        Column("explanation", "What is missing", wrap=True),
        Column("next_step", "Next step", wrap=True),
    ],
    empty="All that was called finished is done, or within its grace",
    h=9,
)

_OTHER_GOAL = [
    kit.hidden("goal_id"),
    Column("title", "Goal", link=kit.to("goal", goal="goal_id")),
    Column("level", "Level", width=75),
    Column("team", "Team", width=105, empty="none"),
    Column("status", "Status", width=95, words=kit.STATUS, cell="color-background"),
    Column("value", "Value", "locale", 70, decimals=2, empty="unknown"),
    Column("pace", "Pace", "percentunit", 65, decimals=0, empty="not yet"),
]

WHY = kit.table(
    40,
    "Why: what does it work towards now?",
    "The goals above it, up to the vision, by how many steps up they are (six at most).",
    f"""
    WITH (SELECT mapFromArrays(groupArray(goal_id), groupArray(parents)) FROM signals.goals_now)
            AS above,
        arrayFold((chain, n) -> arrayPushBack(chain, arrayDistinct(arrayFlatten(
            arrayMap(id -> above[id], chain[-1])))), range(6), [[{_GOAL}]]) AS levels
    SELECT goal_id, arrayFirstIndex(ids -> has(ids, goal_id), levels) - 1 AS steps, title, level,
        nullIf(arrayStringConcat(owners, ', '), '') AS team, status, value, pace
    FROM signals.goals_now
    WHERE steps > 0 ORDER BY steps, goal_id
    """,
    [Column("steps", "Steps", "none", 60), *_OTHER_GOAL],
    empty="It works towards no other goal",
    w=12,
    h=7,
)

PARTS = kit.table(
    41,
    "How: which goals work towards it now?",
    "The goals that name this one as a parent, the worst first.",
    f"""
    SELECT goal_id, title, level, nullIf(arrayStringConcat(owners, ', '), '') AS team, status, value, pace
    FROM signals.goals_now WHERE has(parents, {_GOAL})
    ORDER BY status IN ('hit', 'withdrawn', 'planned', 'incomplete'), pace, goal_id
    """,
    _OTHER_GOAL,
    empty="No goal works towards it",
    w=12,
    h=7,
)

FINDINGS = kit.table(
    50,
    "What was found about it?",
    "Findings about the goal itself that are open, or were raised in the picked time; open ones"
    " first. Findings about its work items stand above.",
    f"""
    SELECT severity, replaceAll(rule, '_', ' ') AS what, raised_at, cleared_at,
        nullIf(explanation, '') AS explanation, next_step, decision, until
    FROM signals.findings
    WHERE about_kind != 'work_item' AND has(goals, {_GOAL})
        AND (cleared_at IS NULL OR $__timeFilter(raised_at))
    ORDER BY cleared_at IS NOT NULL,
        indexOf(['critical', 'warning', 'info'], toString(severity)), raised_at DESC
    LIMIT 100
    """,
    [
        Column("severity", "Severity", width=80, words=kit.SEVERITY, cell="color-text"),
        Column("what", "Finding", width=140),
        Column("raised_at", "Since", "time: D MMM", 80),
        Column("cleared_at", "Until", "time: D MMM", 80, empty="open"),
        Column("explanation", "Why, when it was found", wrap=True),
        Column("next_step", "Next step", wrap=True),
        Column("decision", "Decision", width=90, empty="none"),
        Column("until", "Holds until", "time: D MMM", 90, empty="–"),
    ],
    empty="Nothing was found about it",
    h=7,
)

MISSING = kit.table(
    60,
    "Who has not adopted it now?",
    "Those it is meant for that have not adopted its capability, or no longer do; of a migration,"
    " those that still use the old. Whoever is known by number only has no row.",
    f"""
    SELECT adopter, nullIf(owner, '') AS owner,
        multiIf(left_at IS NOT NULL, 'stopped', adopted_at IS NOT NULL, 'still on the old',
            first_used_at IS NULL, 'never used it', 'tried it, not enough yet') AS what,
        first_used_at, left_at
    FROM signals.adopters AS adopter
    INNER JOIN (SELECT subject, metric_kind FROM signals.goals_now WHERE {_OF_GOAL}) AS goal
        ON goal.subject = adopter.subject
    WHERE eligible AND (adopted_at IS NULL OR left_at IS NOT NULL) = (metric_kind != 'migrate')
    ORDER BY left_at IS NULL, left_at, first_used_at IS NULL, owner, adopter LIMIT 200
    """,
    [
        Column("adopter", "Who", width=160),
        Column("owner", "Owner", width=110, empty="none known"),
        Column("what", "What is known", width=170),
        Column("first_used_at", "First used", "time: D MMM", 90, empty="never"),
        Column("left_at", "Stopped", "time: D MMM", 90, empty="–"),
    ],
    empty="Nobody: all that are known have adopted it, or the goal is not about adoption",
    w=12,
    h=9,
)

DECISIONS = kit.table(
    61,
    "What was decided about it?",
    "Decisions about the goal and the findings about it, recorded in the picked time; the newest"
    " first.",
    f"""
    SELECT at, if(about = {_GOAL}, 'the goal', replaceAll(splitByChar(':', about)[1], '_', ' '))
            AS what, decision, nullIf(by, '') AS by, nullIf(reason, '') AS reason,
        nullIf(next_step, '') AS next_step, nullIf(owner, '') AS owner, until
    FROM signals.decisions
    WHERE (about = {_GOAL} OR position(about, concat(':goal:', {_GOAL}, ':')) > 0)
        AND $__timeFilter(at)
    ORDER BY at DESC, what LIMIT 100
    """,
    [
        Column("at", "On", "time: D MMM", 75),
        Column("what", "About", width=120),
        Column("decision", "Decision", width=85),
        Column("by", "By", width=110, empty="unknown"),
        Column("reason", "Reason", empty="none given", wrap=True),
        Column("next_step", "Next step", empty="–", wrap=True),
        Column("owner", "Who does it", width=125, empty="nobody named"),
        Column("until", "Holds until", "time: D MMM", 90, empty="–"),
    ],
    empty="Nothing was decided about it in this time",
    h=5,
)

VERSIONS = kit.table(
    62,
    "How was it defined, so far?",
    "Every version of its definition, the newest first. A target that moves after the commitment"
    " is a different promise.",
    f"""
    SELECT from_at, baseline, target, due_on, class, nullIf(by, '') AS by
    FROM signals.goal_versions WHERE {_OF_GOAL} ORDER BY from_at DESC LIMIT 50
    """,
    [
        Column("from_at", "From", "time: D MMM YYYY", 110),
        Column("baseline", "Baseline", "locale", 90, empty="none set"),
        Column("target", "Target", "locale", 90, empty="none set"),
        Column("due_on", "Due", "time: D MMM YYYY", 110, empty="none set"),
        Column("class", "Class", width=100),
        Column("by", "Said by", empty="unknown"),
    ],
    empty=_GONE,
    w=12,
    h=9,
)

CALIBRATION = kit.table(
    70,
    "How right were forecasts of goals so far?",
    "Forecasts of all goals against what then happened. Within the band: 85 % is right, less is too"
    " sure. Brier score: mean squared error of the chance, 0 is best. Better by: 1 - score / score of"
    " the simpler forecast; below zero it is worse.",
    """
    SELECT if(quantity = 'days', 'day of the hit', concat('value in ', toString(horizon), ' days'))
        AS what, n, coverage, brier, skill, against
    FROM signals.forecast_calibration WHERE about_kind = 'goal' ORDER BY quantity, horizon
    """,
    [
        Column("what", "Forecast of", width=115),
        Column("n", "Judged", "none", 60),
        Column("coverage", "Within the band", "percentunit", 115, decimals=0, empty="unknown"),
        Column("brier", "Brier score", "none", 100, decimals=2, empty="–"),
        Column("skill", "Better by", "percentunit", 80, decimals=0, empty="unknown"),
        Column("against", "Than"),
    ],
    empty="No forecast was judged yet: run signals backtest",
    w=12,
    h=6,
)


def build() -> kit.Json:
    return kit.dashboard(
        "goal",
        "Goal",
        "Is this goal really moving, what carries it, and what stands in its way?",
        [
            Row("Where it stands", [ABOUT, *HEADLINES]),
            Row("Its way", [WAY, MOVEMENT]),
            Row("Findings and decisions", [FINDINGS, DECISIONS]),
            Row("Its work", [STATES, TEAMS, BASICALLY_DONE]),
            Row("Why, how and for whom", [WHY, PARTS, MISSING, VERSIONS]),
            Row(
                "How sure this is",
                [CALIBRATION, kit.text(80, "How to read this", MEANING, w=12, h=6)],
            ),
        ],
        variables=VARIABLES,
        ahead=60,
    )
