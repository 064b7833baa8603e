"""Predictability: whether teams keep what they promise, and how sure their next promise is."""

from dashboards import kit
from dashboards.kit import Column, Line, Row

MEANING = """
**Say/do** = committed work items that reached the level by the end of the period / all that were
committed, frozen at the close of its second working day. What was removed later stays in the
denominator. The four levels are *closed* in the tracker, *shipped* to production, *adopted* by
its users and *verified* by them; the **basically-done gap** is closed less verified. Below 8
work items there are counts, no shares. Teams are in the order of their names: each is to be
compared with its own past, and with others only by the limits that chance leaves.
**P50** is an even chance, **P85** what may be promised.
"""

VARIABLES = [
    kit.pick(
        "owner",
        "Team",
        # Every team has its current week; all its weeks would take four times as long.
        """
        SELECT DISTINCT team FROM signals.team_flow_weekly
        WHERE week + 14 > (SELECT max(day) FROM signals.goal_progress_daily) ORDER BY team
        """,
        many=True,
    )
]
_TEAM = kit.chosen("team", "owner")
_OWNED = "$__conditionalAll(hasAny(owners, [${owner:singlequote}]), $owner)"
_OVER = "ends_on <= (SELECT max(day) FROM signals.goal_progress_daily)"
_NO_PERIOD = "No period of the picked time is over, or nothing was promised for one"
_OPEN = "status NOT IN ('vision', 'hit', 'missed', 'withdrawn', 'planned', 'incomplete')"


def _kept(id: int, level: str, meaning: str) -> kit.Panel:
    return kit.stat(
        id,
        f"Promised and {level}",
        f"Say/do of all periods that ended in the picked time: {meaning}, of those committed."
        " Removed work items stay in the denominator.",
        f"""
        WITH sum(committed) AS n, sum({level}) AS kept
        SELECT multiIf(n = 0, NULL, n < 8, concat(toString(kept), ' of ', toString(n)),
            concat(toString(round(100 * kept / n)), ' %')) AS kept_share
        FROM signals.commitments_kept
        WHERE {_OVER} AND $__dateFilter(ends_on) AND {_TEAM}
        """,
        unit="string",
        word=True,
        empty=_NO_PERIOD,
        unknown="no promises",
    )


HEADLINES = [
    _kept(1, "closed", "work items that their tracker closed by the end of their period"),
    _kept(2, "shipped", "work items that were live in production by the end of their period"),
    _kept(3, "adopted", "work items that reached their adoption target by the end"),
    _kept(4, "verified", "work items of which adopters confirmed by the end that they help"),
    kit.stat(
        5,
        "Basically-done gap",
        "Share of the promised work items that were closed by the end of their period and not"
        " verified, in percentage points: say/do closed - say/do verified, over all periods"
        " that ended in the picked time. Many points mean that closing is not finishing.",
        f"""
        WITH sum(committed) AS n, toInt64(sum(closed)) - toInt64(sum(verified)) AS gap
        SELECT multiIf(n = 0, NULL, n < 8, concat(toString(gap), ' of ', toString(n)),
            concat(toString(round(100 * gap / n)), ' points')) AS points
        FROM signals.commitments_kept
        WHERE {_OVER} AND $__dateFilter(ends_on) AND {_TEAM}
        """,
        unit="string",
        word=True,
        empty=_NO_PERIOD,
        unknown="no promises",
    ),
    kit.stat(
        6,
        "Promises at risk now",
        "Committed goals whose chance to be hit in time was below 50 % two weeks in a row, and still is.",
        f"""
        SELECT count() AS goals FROM signals.findings
        WHERE rule = 'commitment_at_risk' AND cleared_at IS NULL AND {_TEAM}
        """,
        unit="none",
        steps=[(None, "text"), (1, kit.ORANGE)],
        empty="No goal was forecast yet",
    ),
]

AT_RISK = kit.table(
    10,
    "Which commitments are at risk now?",
    "Committed goals that are more likely missed than hit, the least likely first. A promise is"
    " at risk after two weekly forecasts below an even chance, until one is not. Chance: of the simulated ways"
    " on from here, the share that hits the target by the due date.",
    f"""
    SELECT about, title, finding.team AS team, due_on, p_hit, raised_at, nullIf(next_step, '') AS next_step,
        coalesce(decision, '') AS decided
    FROM signals.findings AS finding
    INNER JOIN signals.goals_now AS goal ON goal.goal_id = finding.about
    WHERE rule = 'commitment_at_risk' AND cleared_at IS NULL
        AND {kit.chosen("finding.team", "owner")}
    ORDER BY p_hit, about
    """,
    [
        kit.hidden("about"),
        Column("title", "Goal", width=200, link=kit.to("goal", goal="about")),
        Column("team", "Team", width=120, link=kit.to("team", team="team")),
        Column("due_on", "Due", "time: D MMM YYYY", 110),
        Column(
            "p_hit",
            "Chance to hit it",
            "percentunit",
            140,
            decimals=0,
            cell="gauge",
            empty="unknown",
        ),
        Column("raised_at", "At risk since", "time: D MMM", 110),
        Column("next_step", "Next step"),
        Column("decided", "Decision", width=110, words={"": ("none yet", "text")}),
    ],
    empty="No commitment is at risk",
    h=6,
)

LEVELS = kit.trend(
    11,
    "Is more of what is promised kept?",
    "Say/do of the picked teams together at its four levels, for the periods that ended on a"
    " day: work items that reached the level / work items committed.",
    f"""
    SELECT ends_on AS time, sum(closed) / sum(committed) AS closed_share,
        sum(shipped) / sum(committed) AS shipped_share,
        sum(adopted) / sum(committed) AS adopted_share,
        sum(verified) / sum(committed) AS verified_share
    FROM signals.commitments_kept
    WHERE {_OVER} AND $__dateFilter(ends_on) AND {_TEAM}
    GROUP BY ends_on HAVING sum(committed) >= 8 ORDER BY ends_on
    """,
    unit="percentunit",
    most=1,
    lines=[
        Line("closed_share", "Closed", kit.GREY, dashed=True),
        Line("shipped_share", "Shipped", kit.ORANGE),
        Line("adopted_share", "Adopted", kit.SKY),
        Line("verified_share", "Verified", kit.GREEN, width=3),
    ],
    empty="No period with 8 promised work items is over",
)

CHANGES = kit.trend(
    12,
    "What became of the promises meanwhile?",
    "Shares of the committed work items, of the picked teams together. Scope change = (added +"
    " removed after the commitment) / committed. Carried = came in from the period before."
    " Gap = closed less verified.",
    f"""
    SELECT ends_on AS time, (sum(added) + sum(removed)) / sum(committed) AS scope_change,
        sum(carried) / sum(committed) AS carried_share,
        (toInt64(sum(closed)) - toInt64(sum(verified))) / sum(committed) AS gap
    FROM signals.commitments_kept
    WHERE {_OVER} AND $__dateFilter(ends_on) AND {_TEAM}
    GROUP BY ends_on HAVING sum(committed) >= 8 ORDER BY ends_on
    """,
    unit="percentunit",
    least=None,
    lines=[
        Line("gap", "Basically-done gap", kit.RED, width=3),
        Line("scope_change", "Scope change", kit.BLUE),
        Line("carried_share", "Carried in", kit.GREY, dashed=True),
    ],
    empty="No period with 8 promised work items is over",
)

KEPT = kit.table(
    13,
    "What did each team promise, and what became of it?",
    "Periods of the picked time by team, the newest first. Say/do is shown from 8 committed work"
    " items on; finished is all that the team finished in the period, promised or not.",
    f"""
    SELECT team, period, starts_on, ends_on, if({_OVER}, 'over', 'running') AS is_now,
        committed, closed, shipped, adopted, verified,
        if(committed < 8, NULL, say_do_closed) AS say_do_closed,
        if(committed < 8, NULL, say_do_verified) AS say_do_verified,
        if(committed < 8, NULL, basically_done_gap) AS gap,
        if(committed < 8, NULL, scope_change) AS scope, added, removed, carried, finished
    FROM signals.commitments_kept
    WHERE ends_on >= toDate($__fromTime) AND starts_on <= toDate($__toTime) AND {_TEAM}
    ORDER BY team, starts_on DESC LIMIT 200
    """,
    [
        Column("team", "Team", width=100, link=kit.to("team", team="team")),
        Column("period", "Period", width=85),
        kit.hidden("starts_on"),
        Column("ends_on", "Ends", "time: D MMM", 70),
        Column(
            "is_now",
            "Is",
            width=70,
            words={"running": ("running", kit.SKY)},
        ),
        Column("committed", "Promised", "none", 80),
        Column("closed", "Closed", "none", 65),
        Column("shipped", "Shipped", "none", 70),
        Column("adopted", "Adopted", "none", 70),
        Column("verified", "Verified", "none", 70),
        Column(
            "say_do_closed",
            "Say/do closed",
            "percentunit",
            115,
            decimals=0,
            cell="gauge",
            empty="below 8",
        ),
        Column(
            "say_do_verified",
            "Say/do verified",
            "percentunit",
            115,
            decimals=0,
            cell="gauge",
            empty="below 8",
        ),
        Column("gap", "Gap", "percentunit", 70, decimals=0, empty="below 8"),
        Column("scope", "Scope", "percentunit", 75, decimals=0, empty="below 8"),
        Column("added", "Added", "none", 60),
        Column("removed", "Removed", "none", 75),
        Column("carried", "Carried", "none", 70),
        Column("finished", "Finished", "none", 75),
    ],
    empty="No team has a period in the picked time",
    h=10,
)

LIMITS = kit.table(
    14,
    "Which periods so far are more than chance?",
    "Periods that are over, against the limits between which 95 % of teams that promised as much"
    " lie (from, to). Only what lies outside has a text; all else is chance. Below 8 there are"
    " no limits.",
    f"""
    SELECT team, period, level, concat(toString(reached), ' of ', toString(n)) AS kept,
        if(n < 8, NULL, share) AS kept_share, low, high, expected, explanation
    FROM signals.commitment_limits
    WHERE {_TEAM}
    ORDER BY explanation = '', team, period DESC,
        indexOf(['closed', 'shipped', 'adopted', 'verified'], level)
    LIMIT 200
    """,
    [
        Column("team", "Team", width=110, link=kit.to("team", team="team")),
        Column("period", "Period", width=80),
        Column("level", "Level", width=75),
        Column("kept", "Kept", width=65),
        Column("kept_share", "Say/do", "percentunit", 80, decimals=0, empty="below 8"),
        Column("low", "From", "percentunit", 70, decimals=0, empty="below 8"),
        Column("high", "To", "percentunit", 70, decimals=0, empty="below 8"),
        Column("expected", "All teams", "percentunit", 80, decimals=0),
        Column(
            "explanation",
            "What is unusual",
            words={"": ("within the limits of chance", "text")},
        ),
    ],
    empty="No period is over yet, or nothing was promised for one",
    w=15,
    h=9,
)

REMOVED = kit.table(
    15,
    "What was taken out of the promises?",
    "Work items that were committed and then removed, dropped or deleted, in periods of the"
    " picked time. They stay in the denominator of say/do.",
    f"""
    SELECT team, period, splitByChar(' ', item)[1] AS work_item, nullIf(key, '') AS key,
        nullIf(title, '') AS title, splitByChar(' ', item)[2] AS how, url
    FROM (SELECT team, period, starts_on, arrayJoin(removed_items) AS item
        FROM signals.commitments_kept
        WHERE $__dateFilter(ends_on) AND {_TEAM}) AS removed
    LEFT JOIN (SELECT work_item, key, title, url FROM signals.work_items_now) AS known
        ON known.work_item = splitByChar(' ', item)[1]
    ORDER BY team, starts_on DESC, work_item LIMIT 50
    """,
    [
        Column("team", "Team", width=85, link=kit.to("team", team="team")),
        Column("period", "Period", width=75),
        kit.hidden("work_item"),
        *kit.TRACKED,
        Column("title", "Work item"),
        Column("how", "Was", width=75),
    ],
    empty="Nothing that was promised was taken out",
    w=9,
    h=9,
)

FORECASTS = kit.table(
    20,
    "When will each goal be hit, as of now?",
    "The newest forecast of every open goal, by team. Even chance (P50): half of the simulated"
    " ways on hit the target by that day. Promise (P85): 85 % of them do. Rests on: what the"
    " forecast is made from, or why there is none.",
    f"""
    SELECT goal_id, title, arrayStringConcat(owners, ', ') AS team, class, due_on, hit_by_p50,
        hit_by_p85, goal.p_hit AS p_hit, made.newest AS made_on, basis
    FROM signals.goals_now AS goal
    LEFT JOIN (SELECT about, toNullable(made_on) AS newest, basis FROM signals.forecasts
        WHERE about_kind = 'goal' AND quantity = 'days' AND scenario = ''
        ORDER BY made_on DESC LIMIT 1 BY about) AS made ON made.about = goal.goal_id
    WHERE {_OPEN} AND {_OWNED}
    ORDER BY team, due_on, goal_id
    """,
    [
        kit.hidden("goal_id"),
        Column("title", "Goal", width=190, link=kit.to("goal", goal="goal_id")),
        Column("team", "Team", width=120),
        Column("class", "Class", width=90),
        Column("due_on", "Due", "time: D MMM YYYY", 110, empty="no date"),
        Column("hit_by_p50", "Even chance by", "time: D MMM YYYY", 120, empty="unknown"),
        Column("hit_by_p85", "Promise by", "time: D MMM YYYY", 120, empty="not to promise"),
        Column(
            "p_hit",
            "Chance by due",
            "percentunit",
            140,
            decimals=0,
            cell="gauge",
            empty="no forecast",
        ),
        Column("made_on", "Made on", "time: D MMM", 80, empty="never"),
        Column("basis", "Rests on", words={"": ("it is not forecast", "text")}),
    ],
    empty="No goal is open",
)

HORIZONS = kit.table(
    21,
    "Two horizons now: what does the gap cost?",
    "Realistic is the promise (P85) as things are. Optimistic is the even chance (P50) if the"
    " named scenario holds: other people, or less support. The cost of the gap is what it takes"
    " longer, at even chance, because things are as they are. Never promise the optimistic one.",
    f"""
    SELECT about, title, team, due_on, made_on + toInt32(ceil(as_is_p85)) AS realistic,
        made_on + toInt32(ceil(as_is_p50)) AS as_is, scenario,
        made_on + toInt32(ceil(p50)) AS optimistic, as_is_p50 - p50 AS cost, basis
    FROM (SELECT *, any(if(scenario = '', p50, NULL)) OVER same AS as_is_p50,
            any(if(scenario = '', p85, NULL)) OVER same AS as_is_p85,
            max(made_on) OVER (PARTITION BY about) AS newest
        FROM signals.forecasts WHERE about_kind = 'goal' AND quantity = 'days'
        WINDOW same AS (PARTITION BY about, made_on)) AS made
    INNER JOIN (SELECT goal_id, title, arrayStringConcat(owners, ', ') AS team
        FROM signals.goals_now WHERE {_OPEN} AND {_OWNED}) AS goal ON goal.goal_id = made.about
    WHERE scenario != '' AND made_on = newest
    ORDER BY team, about, scenario
    """,
    [
        kit.hidden("about"),
        Column("title", "Goal", width=190, link=kit.to("goal", goal="about")),
        Column("team", "Team", width=120),
        Column("due_on", "Due", "time: D MMM YYYY", 110, empty="no date"),
        Column("realistic", "Realistic", "time: D MMM YYYY", 120, empty="not to promise"),
        Column("as_is", "Even chance", "time: D MMM YYYY", 110, empty="may never be"),
        Column("scenario", "If", width=130),
        Column("optimistic", "Optimistic", "time: D MMM YYYY", 110, empty="unknown"),
        Column("cost", "Cost of the gap", kit.DAYS, 120, decimals=0, empty="unknown"),
        Column("basis", "Rests on"),
    ],
    empty="No open goal has a scenario: add one under scenarios in the configuration",
    h=5,
)

THROUGHPUT = kit.table(
    22,
    "How much will each team finish from now on?",
    "The newest forecast of the work items that a team finishes. Least: 90 % of the simulated"
    " futures finish that many; this may be planned with. Half: an even chance.",
    f"""
    SELECT about AS team, made_on, floor(maxIf(p10, horizon = 21)) AS least_21,
        maxIf(p50, horizon = 21) AS half_21, floor(maxIf(p10, horizon = 42)) AS least_42,
        maxIf(p50, horizon = 42) AS half_42, any(basis) AS basis
    FROM (SELECT * FROM signals.forecasts
        WHERE about_kind = 'team' AND quantity = 'value' AND scenario = ''
            AND {kit.chosen("about", "owner")}
        ORDER BY made_on DESC LIMIT 1 BY about, horizon)
    GROUP BY about, made_on ORDER BY team, made_on DESC LIMIT 1 BY team
    """,
    [
        Column("team", "Team", width=95, link=kit.to("team", team="team")),
        Column("least_21", "3 weeks, least", "none", 115, decimals=0, empty="too early"),
        Column("half_21", "3 weeks, half", "none", 108, decimals=0, empty="too early"),
        Column("least_42", "6 weeks, least", "none", 115, decimals=0, empty="too early"),
        Column("half_42", "6 weeks, half", "none", 108, decimals=0, empty="too early"),
        Column("made_on", "Made on", "time: D MMM", 70),
        Column("basis", "Rests on"),
    ],
    empty="No team was forecast yet: the first forecast is made at the close of a Sunday",
    w=14,
    h=9,
)

CALIBRATION = kit.table(
    23,
    "How right were the forecasts so far?",
    "What the last backtest found, from n forecasts. Held: share of outcomes within the interval that should hold"
    " 85 %; 80 to 90 % is right with 200 forecasts, 75 to 93 % with 60, 70 to 100 % with 20."
    " Score: mean interval score, smaller is better. Skill = 1 - score / score of the simpler"
    " forecast; below 0 the simpler one was better. Run it with `signals backtest`.",
    """
    SELECT concat(about_kind,
            if(quantity = 'days', ', date', concat(', in ', toString(horizon), ' days'))) AS what, n, coverage, interval_score, brier, skill, against
    FROM signals.forecast_calibration
    ORDER BY about_kind, quantity, horizon, against
    """,
    [
        Column("what", "Forecast of", width=125),
        Column("n", "n", "none", 45),
        Column("coverage", "Held", "percentunit", 55, decimals=0, empty="none"),
        Column("interval_score", "Score", "none", 60, decimals=2, empty="none"),
        Column("brier", "Brier", "none", 55, decimals=2, empty="none"),
        Column("skill", "Skill", "percentunit", 55, decimals=0, empty="none"),
        Column("against", "Against"),
    ],
    empty="Unknown: no backtest was run yet (`signals backtest`)",
    w=10,
    h=9,
)

CONTEXT = kit.table(
    30,
    "Under what conditions did each team work?",
    "Weeks of the picked time, for a fair look at the promises. Unplanned share = finished work"
    " items that were incidents, support or added after the commitment / all finished. Goals at"
    " once, in work at once: the most at the end of a week.",
    f"""
    SELECT team, sum(team_flow_weekly.finished) AS all_finished,
        sum(unplanned_share * finished) / sum(finished) AS unplanned,
        argMaxIf(support_share, week, support_share IS NOT NULL) AS support,
        max(workstreams) AS streams, max(wip) AS most_wip, sum(incidents) AS struck
    FROM signals.team_flow_weekly
    WHERE $__dateFilter(week) AND {_TEAM}
    GROUP BY team ORDER BY team
    """,
    [
        Column("team", "Team", width=110, link=kit.to("team", team="team")),
        Column("all_finished", "Finished", "none", 80),
        Column(
            "unplanned",
            "Unplanned",
            "percentunit",
            140,
            decimals=0,
            cell="gauge",
            empty="no work",
        ),
        Column(
            "support",
            "Support, last 4 weeks",
            "percentunit",
            160,
            decimals=0,
            cell="gauge",
            empty="no work",
        ),
        Column("streams", "Goals at once", "none", 110),
        Column("most_wip", "In work at once", "none", 120),
        Column("struck", "Incidents", "none", 85),
    ],
    empty="No team has a week in the picked time",
    w=15,
)


def build() -> kit.Json:
    return kit.dashboard(
        "predictability",
        "Predictability",
        "Do teams keep what they promise, and how sure is what they promise next?",
        [
            Row("Promises", [*HEADLINES, AT_RISK]),
            Row("Say and do", [LEVELS, CHANGES, KEPT, LIMITS, REMOVED]),
            Row("Forecasts", [FORECASTS, HORIZONS, THROUGHPUT, CALIBRATION]),
            Row("Context", [CONTEXT, kit.text(40, "How to read this", MEANING, w=9, h=8)]),
        ],
        variables=VARIABLES,
    )
