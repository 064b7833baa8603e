"""Team: how work flows through one team, for its weekly and one-to-one talks; never about persons."""

from dashboards import kit
from dashboards.kit import Column, Line, Row
from dashboards.shared import Shared

MEANING = """
**In work** is started and not finished. **Usual time**: 85 % of what the team finished in the
last 90 days took no longer from start to finish; work that is older asks for a talk, whoever
does it. **Unplanned** is incidents, support and what was added after the commitment;
**unaligned** is finished work without a goal; **exempt** is work of which no adoption is
expected. A week of few work items swings widely: look at several. The numbers are about the team
and its set-up. They say nothing about persons, and are not to be compared with other teams'.
"""

VARIABLES = [
    kit.pick(
        "team",
        "Team",
        # Every team has its current week; all its weeks would take four times as long.
        """
        SELECT team FROM signals.team_flow_weekly
        LEFT JOIN (SELECT team, uniq(rule) AS found,
                countIf(about_kind = 'team' AND rule != 'starved') AS lacking
            FROM signals.findings
            WHERE cleared_at IS NULL AND rule != 'goal_hit' GROUP BY team) AS open USING team
        WHERE week + 14 > (SELECT max(day) FROM signals.goal_progress_daily)
        GROUP BY team ORDER BY max(lacking) DESC, max(found) DESC, team
        """,
    )
]
_TEAM = "team = ${team:singlequote}"
_OF_FINDING = "finding.team = ${team:singlequote}"
_THIS_WEEK = f"FROM signals.team_flow_weekly WHERE {_TEAM} ORDER BY week DESC LIMIT 1"
NOW = Shared(1, f"SELECT wip, cycle_time_p85_90, sle_attainment, support_share {_THIS_WEEK}")
# The last column is of all full weeks.
WEEKS = Shared(
    21,
    f"""
    SELECT week AS time, finished, wip, cycle_time_p50, cycle_time_p85, cycle_time_p95,
        cycle_time_p85_90, age_p85, support_share, unplanned_share, unaligned_share,
        exempt_share, sle_attainment, reopened_share, workstreams, incidents,
        quantileExactInclusiveIf(0.5)(
            toNullable(finished),
            week + 6 <= (SELECT max(day) FROM signals.goal_progress_daily)
        ) OVER () AS per_week
    FROM signals.team_flow_weekly
    WHERE $__dateFilter(week) AND {_TEAM}
    ORDER BY week
    """,
)
_NO_WEEK = "The team has no week in the picked time"
_DECIDED = {"": ("none yet", "text")}

HEADLINES = [
    kit.stat(
        1,
        "In work now",
        "Work items that are started and not finished.",
        NOW,
        shows="wip",
        unit="none",
        empty="No work of the team was heard of yet",
    ),
    kit.stat(
        2,
        "Finished per week",
        "Median of the work items finished in a week, over the full weeks of the picked time,"
        " weeks without any included.",
        WEEKS,
        shows="per_week",
        unit="none",
        decimals=1,
        empty=_NO_WEEK,
        unknown="no full week",
    ),
    kit.stat(
        3,
        "Usual time in work now",
        "85 % of what the team finished in the last 90 days took no longer from start to finish.",
        NOW,
        shows="cycle_time_p85_90",
        unit=kit.DAYS,
        decimals=1,
        empty="No work of the team was heard of yet",
        unknown="below 10",
    ),
    kit.stat(
        4,
        "In usual time now",
        "Of the work finished in the last 90 days, the share that took no longer than was usual"
        " when it was started. 85 % is as expected; less means that work takes longer than it did.",
        NOW,
        shows="sle_attainment",
        unit="percentunit",
        decimals=0,
        empty="No work of the team was heard of yet",
        unknown="too early",
    ),
    kit.stat(
        5,
        "Support load now",
        "Share of the work items finished in the last 4 weeks that were incidents or support.",
        NOW,
        shows="support_share",
        unit="percentunit",
        decimals=0,
        empty="No work of the team was heard of yet",
        unknown="none finished",
    ),
    kit.stat(
        6,
        "Basically done now",
        "Work items of the team that somebody called finished and that rest short of done for"
        " longer than their grace.",
        f"""
        SELECT count() AS items FROM signals.findings
        WHERE rule = 'basically_done' AND cleared_at IS NULL AND {_TEAM}
        """,
        unit="none",
        steps=[(None, "text"), (1, kit.ORANGE)],
        empty="No work of the team was heard of yet",
        url=kit.to("basically-done") + "&var-owner=${team}",
    ),
]

GAPS = kit.table(
    10,
    "What does the team lack now to succeed?",
    "Open gaps in its set-up: too many goals at once, or too much support. A gap is closed,"
    " accepted or escalated; the decision names the id of the finding.",
    f"""
    SELECT replaceAll(gap, '_', ' ') AS lacks, consequence, raised_at,
        coalesce(decision, '') AS decided, decided_at, finding_id
    FROM signals.setup_gaps
    WHERE cleared_at IS NULL AND {_TEAM}
    ORDER BY raised_at, gap
    """,
    [
        Column("lacks", "Gap", width=110),
        Column("consequence", "What follows from it"),
        Column("raised_at", "Since", "time: D MMM", 80),
        Column("decided", "Decision", width=90, words=_DECIDED),
        Column("decided_at", "Decided", "time: D MMM", 90, empty="not yet"),
        Column("finding_id", "Id of the finding", width=260),
    ],
    empty="No gap in the set-up of the team is open",
    h=5,
)

GOALS = kit.table(
    11,
    "Where do the goals of the team stand now?",
    "Goals that the team owns, alone or shared, least pace first. Pace = gain / planned gain."
    " Likely by: 85 % of the forecasts hit the target by that day.",
    """
    SELECT goal_id, title, status, pace, days_ahead, due_on, hit_by_p85, stalled_since, trust
    FROM signals.goals_now
    WHERE status NOT IN ('vision', 'withdrawn') AND has(owners, ${team:singlequote})
    ORDER BY status IN ('planned', 'incomplete'), status IN ('hit', 'missed'), pace, goal_id
    """,
    [
        kit.hidden("goal_id"),
        Column("title", "Goal", link=kit.to("goal", goal="goal_id")),
        Column("status", "Status", width=110, words=kit.STATUS, cell="color-background"),
        Column("pace", "Pace", "percentunit", 140, decimals=0, cell="gauge", empty="not yet"),
        Column("days_ahead", "Days ahead", "none", 95, decimals=0, empty="not yet"),
        Column("due_on", "Due", "time: D MMM", 70, empty="no date"),
        Column("hit_by_p85", "Likely by", "time: D MMM", 90, empty="no forecast"),
        Column("stalled_since", "Last gain", "time: D MMM", 100, empty="not stalled"),
        Column("trust", "Trust", width=60, words=kit.GRADE, cell="color-text", empty="–"),
    ],
    empty="The team owns no goal: its work cannot be aligned",
    h=7,
)

FINDINGS = kit.table(
    12,
    "What should be talked about now?",
    "Open findings about the team, its goals and its work, the gravest first; what is basically"
    " done and what is old in work have tables of their own.",
    f"""
    SELECT severity, replaceAll(rule, '_', ' ') AS what, multiIf(
            key != '', concat(key, ' ', item.title), goal.title != '', goal.title,
            finding.about) AS about_what, raised_at,
        nullIf(explanation, '') AS why, nullIf(next_step, '') AS next,
        coalesce(decision, '') AS decided
    FROM signals.findings AS finding
    LEFT JOIN (SELECT work_item, key, title FROM signals.work_items_now WHERE {_TEAM})
        AS item ON item.work_item = finding.about
    LEFT JOIN (SELECT goal_id, title FROM signals.goals_now) AS goal
        ON goal.goal_id = finding.goal_id
    WHERE rule NOT IN ('goal_hit', 'basically_done', 'wip_age') AND cleared_at IS NULL
        AND {_OF_FINDING}
    ORDER BY indexOf(['critical', 'warning', 'info'], toString(severity)), raised_at, what
    LIMIT 50
    """,
    [
        Column("severity", "Severity", width=85, words=kit.SEVERITY, cell="color-text"),
        Column("what", "Finding", width=150),
        Column("about_what", "About", width=210),
        Column("raised_at", "Since", "time: D MMM", 80),
        Column("why", "Why"),
        Column("next", "Next step", width=330),
        Column("decided", "Decision", width=90, words=_DECIDED),
    ],
    empty="Nothing is found that needs a talk",
    h=7,
)

AGES = kit.table(
    20,
    "What is in work now, and for how long?",
    "Started and not finished work items, the oldest first, against the usual time of the team:"
    " 85 % of what it finished in 90 days took no longer. What is older is finished, split or"
    " dropped.",
    f"""
    WITH (SELECT cycle_time_p85_90 {_THIS_WEEK}) AS usual
    SELECT key, title, url, kind, arrayStringConcat(item.goals, ', ') AS works_for, started_at,
        item.age AS days, usual AS usual_days, item.age / usual AS times, old.since
            AS old_since
    FROM (SELECT * FROM signals.work_items_now WHERE {_TEAM}) AS item
    LEFT JOIN (SELECT about, toNullable(raised_at) AS since FROM signals.findings
        WHERE rule = 'wip_age' AND cleared_at IS NULL AND {_TEAM}) AS old
        ON old.about = item.work_item
    WHERE state = 'open' AND started_at IS NOT NULL
        AND (claimed_at IS NULL OR old_since IS NOT NULL)
    ORDER BY days DESC, key LIMIT 50
    """,
    [
        *kit.TRACKED,
        Column("title", "Work item"),
        Column("kind", "Kind", width=80),
        Column("works_for", "Goals", width=150, words={"": ("no goal", "text")}),
        Column("started_at", "Started", "time: D MMM", 80),
        Column("days", "Age", kit.DAYS, 90, decimals=1, empty="unknown"),
        Column("usual_days", "Usual", kit.DAYS, 90, decimals=1, empty="below 10"),
        Column(
            "times",
            "Age / usual",
            "percentunit",
            100,
            decimals=0,
            empty="unknown",
            steps=[(None, "text"), (1, kit.ORANGE)],
            cell="color-text",
        ),
        Column("old_since", "Too old since", "time: D MMM", 110, empty="within usual"),
    ],
    empty="Nothing is in work",
    h=8,
)

FINISHED = kit.trend(
    21,
    "How much is finished, how much is in work?",
    "Work items said to be finished in each week, and those in work at its end. More in work"
    " than is finished in two weeks makes everything wait.",
    WEEKS,
    unit="none",
    decimals=0,
    lines=[
        Line("finished", "Finished in the week", kit.GREEN),
        Line("wip", "In work at its end", kit.ORANGE, dashed=True),
    ],
    empty=_NO_WEEK,
)

CYCLE = kit.trend(
    22,
    "How long does work take?",
    "Days from start to finish of what was finished in each week: half (P50), 85 % and 95 % took"
    " no longer; never a mean. The usual time is P85 of 90 days.",
    WEEKS,
    unit=kit.DAYS,
    decimals=1,
    lines=[
        Line("cycle_time_p50", "Half (P50)", kit.BLUE),
        Line("cycle_time_p85", "P85", kit.SKY),
        Line("cycle_time_p95", "P95", kit.GREY, dashed=True),
        Line("cycle_time_p85_90", "Usual time", kit.GREEN, width=3),
    ],
    empty=_NO_WEEK,
)

AGED = kit.trend(
    27,
    "Does what is in work grow old?",
    "Age at the end of each week that 85 % of what is in work does not exceed, against the usual"
    " time: 85 % of what was finished in 90 days took no longer. Well above it, work is stuck.",
    WEEKS,
    unit=kit.DAYS,
    decimals=1,
    lines=[
        Line("age_p85", "Age in work (P85)", kit.ORANGE, dashed=True),
        Line("cycle_time_p85_90", "Usual time", kit.GREEN, width=3),
    ],
    empty=_NO_WEEK,
)

SPENT = kit.trend(
    23,
    "What is the work spent on?",
    "Shares of the work items finished in a week that were unplanned, without a goal, or of a"
    " kind of which no adoption is expected; support is of 4 weeks. They overlap.",
    WEEKS,
    unit="percentunit",
    most=1,
    lines=[
        Line("support_share", "Support (4 weeks)", kit.RED, width=3),
        Line("unplanned_share", "Unplanned", kit.ORANGE),
        Line("unaligned_share", "Unaligned", kit.PURPLE, dashed=True),
        Line("exempt_share", "Exempt", kit.GREY, dashed=True),
    ],
    empty=_NO_WEEK,
)

LASTS = kit.trend(
    24,
    "Does work keep its time, and does it last?",
    "Kept: share of the work finished in 90 days that took no longer than was usual when it was"
    " started, 85 % is as expected. Reopened: share of what was finished in the week that was"
    " reopened within 28 days; the last 4 weeks may still rise.",
    WEEKS,
    unit="percentunit",
    most=1,
    lines=[
        Line("sle_attainment", "Kept the usual time", kit.GREEN, width=3),
        Line("reopened_share", "Reopened", kit.RED, dashed=True),
    ],
    empty=_NO_WEEK,
)

STREAMS = kit.trend(
    25,
    "How many goals at once, how many incidents?",
    "Workstreams: different goals in work at the end of the week; from 3 on, or more than half"
    " as many as people, the team is spread thin. Incidents are those opened in the week.",
    WEEKS,
    unit="none",
    decimals=0,
    lines=[
        Line("workstreams", "Goals at once", kit.BLUE),
        Line("incidents", "Incidents", kit.RED, dashed=True),
    ],
    empty=_NO_WEEK,
)

PROMISES = kit.table(
    26,
    "What did the team promise, and what became of it?",
    "Periods of the picked time, the newest first: of the committed work items, how many were"
    " closed, shipped, adopted and verified by the end of the period.",
    f"""
    SELECT period, ends_on, committed, closed, shipped, adopted, verified, added, removed, carried
    FROM signals.commitments_kept
    WHERE ends_on >= toDate($__fromTime) AND starts_on <= toDate($__toTime) AND {_TEAM}
    ORDER BY starts_on DESC
    """,
    [
        Column(
            "period", "Period", width=75, link=kit.to("predictability") + "&var-owner=${team}"
        ),
        Column("ends_on", "Ends", "time: D MMM", 65),
        Column("committed", "Promised", "none", 72),
        Column("closed", "Closed", "none", 58),
        Column("shipped", "Shipped", "none", 65),
        Column("adopted", "Adopted", "none", 67),
        Column("verified", "Verified", "none", 65),
        Column("added", "Added", "none", 56),
        Column("removed", "Removed", "none", 70),
        Column("carried", "Carried", "none", 62),
    ],
    empty="The team has no period in the picked time",
    w=12,
)

BASICALLY_DONE = kit.table(
    30,
    "Which work of the team is only basically done now?",
    "Open findings basically done, the oldest claim first: what is missing, and what to do next.",
    f"""
    SELECT key, item.title AS title, item.url AS url, state, claimed_at, explanation,
        nullIf(next_step, '') AS next,
        item.age AS days, coalesce(decision, '') AS decided
    FROM signals.findings AS finding
    INNER JOIN (SELECT * FROM signals.work_items_now WHERE {_TEAM}) AS item
        ON item.work_item = finding.about
    WHERE rule = 'basically_done' AND cleared_at IS NULL AND {_OF_FINDING}
    ORDER BY days DESC, key LIMIT 50
    """,
    [
        *kit.TRACKED,
        Column("title", "Work item", width=150),
        Column("state", "State", width=170, words=kit.STATE, cell="color-text"),
        Column("claimed_at", "Called finished", "time: D MMM", 110, empty="never"),
        Column("explanation", "What is missing"),
        Column("next", "Next step", width=330),
        Column("days", "Age", kit.DAYS, 80, decimals=0, empty="unknown"),
        Column("decided", "Decision", width=90, words=_DECIDED),
    ],
    empty="Nothing of the team is only basically done",
    h=9,
)


def build() -> kit.Json:
    return kit.dashboard(
        "team",
        "Team",
        "How does work flow through this team, what does it lack, and what needs a talk?",
        [
            Row("This week", [*HEADLINES, GAPS, GOALS, FINDINGS]),
            Row("Flow", [AGES, FINISHED, CYCLE, AGED, SPENT, LASTS, STREAMS]),
            Row(
                "Promised and not done",
                [
                    BASICALLY_DONE,
                    PROMISES,
                    kit.text(40, "How to read this", MEANING, w=12, h=8),
                ],
            ),
        ],
        variables=VARIABLES,
    )
