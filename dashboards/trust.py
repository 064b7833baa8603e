"""Trust: how far the numbers can be trusted, from what each source sends to what rests on it."""

from dashboards import kit
from dashboards.kit import Column, Line, Row
from dashboards.shared import Shared

MEANING = """
The **grade** of a source is the worst of its shares and its freshness: *A* all good, *B* none
poor, *C* any poor (alerts that rest on it are held back), *D* silent (what rests on it is shown
as unknown). Good and poor: closed without a link up to 10 and over 30 %, orphans 10 and 30 %,
unsure links 5 and 15 %, values changed later 2 and 10 %. Shares are of 28 days; days are UTC. A
source is **silent** when it sent nothing for three times its usual longest gap. Nothing is thrown
away: what could not be used is kept, and taken again with `signals rejected replay`.
"""

# The newest day of each source; the last two columns are of all sources together.
NEWEST = Shared(
    10,
    """
    SELECT source, grade, if(stale, 'silent', 'heard') AS heard,
        freshness_seconds - min(freshness_seconds) OVER () AS behind, signals,
        duplicates, late, too_late, skewed, rejected, unlinked_share, orphan_share,
        ambiguous_share, restated_share,
        concat(toString(countIf(grade IN ('C', 'D')) OVER ()), ' of ',
            toString(count() OVER ())) AS poor,
        1 - sum(unlinked_28) OVER () / nullIf(sum(closed_28) OVER (), 0) AS covered
    FROM (SELECT * FROM signals.data_quality_daily WHERE source != ''
        ORDER BY day DESC LIMIT 1 BY source)
    ORDER BY grade DESC NULLS LAST, source
    """,
)
# All sources together, by day; the last column is of all days.
DAYS = Shared(
    11,
    """
    WITH greatest(sum(data_quality_daily.signals), 1) / 1000 AS thousands
    SELECT day AS time, countIf(grade = 'A') AS a, countIf(grade = 'B') AS b,
        countIf(grade = 'C') AS c, countIf(grade = 'D') AS d,
        sum(late) / thousands AS late_rate, sum(duplicates) / thousands AS twice_rate,
        sum(skewed) / thousands AS skewed_rate, sum(rejected) / thousands AS rejected_rate,
        1 - sum(unlinked_28) / nullIf(sum(closed_28), 0) AS covered,
        max(unlinked_share) AS unlinked, max(orphan_share) AS orphans,
        max(ambiguous_share) AS unsure, max(restated_share) AS restated,
        sum(sum(signals)) OVER () AS accepted
    FROM signals.data_quality_daily
    WHERE $__dateFilter(day)
    GROUP BY day ORDER BY day
    """,
)
_NO_SOURCE = "No source was heard of yet"
_NO_DAY = "No signal was heard of in the picked time"

HEADLINES = [
    kit.stat(
        1,
        "Poor sources now",
        "Sources of grade C or D, out of all that were ever heard of.",
        NEWEST,
        shows="poor",
        unit="string",
        word=True,
        empty=_NO_SOURCE,
    ),
    kit.stat(
        2,
        "Silent sources now",
        "Sources that sent nothing for three times their usual longest gap.",
        """
        SELECT count() AS sources FROM signals.findings
        WHERE rule = 'source_stale' AND cleared_at IS NULL
        """,
        unit="none",
        steps=[(None, "text"), (1, kit.RED)],
        empty=_NO_SOURCE,
    ),
    kit.stat(
        3,
        "Link coverage now",
        "Of the work items closed in the last 28 days, the share with a sure link to a change, or"
        " declared to need none. 90 % is good, below 70 % is poor.",
        NEWEST,
        shows="covered",
        unit="percentunit",
        decimals=0,
        empty=_NO_SOURCE,
        unknown="none closed",
    ),
    kit.stat(
        4,
        "Signals",
        "Signals that happened in the picked time and were accepted, duplicates not counted.",
        DAYS,
        shows="accepted",
        unit="locale",
        empty=_NO_DAY,
    ),
    kit.stat(
        5,
        "Rejected",
        "Input that was received in the picked time and could not be used. It is kept.",
        "SELECT count() AS rejected FROM signals.rejections WHERE $__timeFilter(received_at)",
        unit="locale",
        steps=[(None, "text"), (1, kit.ORANGE)],
        empty="Nothing was rejected",
    ),
    kit.stat(
        6,
        "Incomplete goals now",
        "Goals that cannot be measured because something is not said of them, such as a target.",
        "SELECT countIf(status = 'incomplete') AS goals FROM signals.goals_now",
        unit="none",
        steps=[(None, "text"), (1, kit.PURPLE)],
        empty="No goals are defined yet",
    ),
]

SOURCES = kit.table(
    10,
    "How good is each source now?",
    "The newest day of every source, the worst grade first. Counts are of that day, shares of 28"
    " days. Orphans: changes in production without a work item, or deploys of which nobody knows"
    " what they brought. Behind newest: how much longer it is silent than the"
    " source that sent last. Unsure: links that wait for a person to confirm them.",
    NEWEST,
    [
        Column("source", "Source"),
        Column("grade", "Grade", width=65, words=kit.GRADE, cell="color-text", empty="quiet"),
        Column("heard", "Is", width=65, words={"silent": ("silent", kit.RED)}),
        Column("behind", "Behind newest", "s", 115, decimals=0, empty="not lately"),
        Column("signals", "Signals", "locale", 75),
        Column("duplicates", "Twice", "locale", 65),
        Column("late", "A day late", "locale", 85),
        Column("too_late", "35 days late", "locale", 95),
        Column("skewed", "In future", "locale", 80),
        Column("rejected", "Rejected", "locale", 80),
        Column("unlinked_share", "No link", "percentunit", 75, decimals=0, empty="no work"),
        Column("orphan_share", "Orphans", "percentunit", 95, decimals=0, empty="no deploys"),
        Column("ambiguous_share", "Unsure", "percentunit", 80, decimals=0, empty="no links"),
        Column(
            "restated_share", "Changed later", "percentunit", 110, decimals=0, empty="no goals"
        ),
    ],
    empty=_NO_SOURCE,
    h=9,
)

GRADES = kit.trend(
    11,
    "How many sources could be trusted?",
    "Sources by grade on each day. A source that was quiet, and of which nothing was due, has"
    " none.",
    DAYS,
    unit="none",
    decimals=0,
    bars=True,
    stacked=True,
    lines=[
        Line("a", "A: good", kit.GREEN),
        Line("b", "B: fair", kit.BLUE),
        Line("c", "C: poor", kit.ORANGE),
        Line("d", "D: silent", kit.RED),
    ],
    empty=_NO_DAY,
    w=8,
)

ARRIVED = kit.trend(
    12,
    "How much did each source send?",
    "Signals by the day on which they happened, duplicates not counted.",
    """
    SELECT day AS time, source, signals
    FROM signals.data_quality_daily
    WHERE $__dateFilter(day) AND source != ''
    ORDER BY day, source
    """,
    unit="locale",
    bars=True,
    stacked=True,
    by="source",
    empty=_NO_DAY,
    w=8,
)

UNCLEAN = kit.trend(
    13,
    "How much came late, twice or was no good?",
    "Per 1 000 signals of the day: received more than a day late, received again, dated after"
    " their receipt, or rejected.",
    DAYS,
    unit="none",
    decimals=0,
    lines=[
        Line("late_rate", "Late", kit.ORANGE),
        Line("twice_rate", "Twice", kit.GREY, dashed=True),
        Line("skewed_rate", "In the future", kit.PURPLE, dashed=True),
        Line("rejected_rate", "Rejected", kit.RED, width=3),
    ],
    empty=_NO_DAY,
    w=8,
)

SILENT = kit.table(
    14,
    "Which sources are silent now, and which were?",
    "Silences of every source, open ones first. What rests on a silent source is unknown and is"
    " not alerted on. Look whether the source still sends.",
    """
    SELECT about, raised_at, cleared_at, arrayStringConcat(evidence, '; ') AS known
    FROM signals.findings
    WHERE rule = 'source_stale'
    ORDER BY cleared_at IS NOT NULL, raised_at DESC, about LIMIT 30
    """,
    [
        Column("about", "Source", width=150),
        Column("raised_at", "Silent since", "time: D MMM HH:mm", 115),
        Column("cleared_at", "Heard again", "time: D MMM HH:mm", 115, empty="still silent"),
        Column("known", "Rests on"),
    ],
    empty="No source was ever silent for too long",
    w=14,
)

LAG = kit.table(
    15,
    "How far is the pipeline behind now?",
    "Per stage of a deployment with Kafka the records that wait and since when the oldest does,"
    " over its partitions, as of the last measurement. `signals status` says the same. The local"
    " engine has no queue in which they could wait: there nothing is measured, which is not 0.",
    """
    SELECT stage, partitions, waiting, oldest, measured_at
    FROM (SELECT arrayJoin(['parse', 'react', 'store']) AS stage) AS stages
    LEFT JOIN (
        SELECT stage, toNullable(count()) AS partitions, toNullable(sum(lag_records)) AS waiting,
            max(lag_seconds) AS oldest, toNullable(min(at)) AS measured_at
        FROM signals.pipeline_lag
        GROUP BY stage
    ) AS measured USING (stage)
    ORDER BY indexOf(['parse', 'react', 'store'], stage)
    """,
    [
        Column("stage", "Stage", width=70),
        Column("partitions", "Partitions", "none", 80, empty="–"),
        Column("waiting", "Records", "locale", 105, empty="not measured"),
        Column("oldest", "Oldest waits", "s", 105, decimals=0, empty="unknown"),
        Column("measured_at", "Measured", "dateTimeFromNow", empty="never"),
    ],
    empty="No stage is known",
    w=10,
)

LINKED = kit.trend(
    20,
    "How much of the closed work is linked?",
    "Link coverage of all sources together: of the work items closed in 28 days, the share with a"
    " sure link or declared to need none. 90 % is good, below 70 % is poor.",
    DAYS,
    unit="percentunit",
    most=1,
    lines=[Line("covered", "Link coverage", kit.GREEN, width=3)],
    empty=_NO_DAY,
    w=8,
)

SHARES = kit.trend(
    21,
    "What pulls the grades down?",
    "Of each share the worst source of the day, of 28 days: closed without a link, orphans,"
    " unsure links, and published daily values of goals that changed later.",
    DAYS,
    unit="percentunit",
    most=1,
    lines=[
        Line("unlinked", "Closed without a link", kit.RED),
        Line("orphans", "Orphans", kit.ORANGE),
        Line("unsure", "Unsure links", kit.PURPLE, dashed=True),
        Line("restated", "Changed later", kit.BLUE, dashed=True),
    ],
    empty=_NO_DAY,
    w=8,
)

REASONS = kit.bars(
    22,
    "Why was input rejected?",
    "Input received in the picked time that could not be used, by reason. `signals rejected"
    " explain` with an id says what to do.",
    """
    SELECT replaceAll(reason, '_', ' ') AS reason, count() AS rejected
    FROM signals.rejections WHERE $__timeFilter(received_at)
    GROUP BY reason ORDER BY rejected DESC, reason LIMIT 20
    """,
    unit="locale",
    color=kit.ORANGE,
    empty="Nothing was rejected",
    w=8,
)

REJECTED = kit.table(
    23,
    "What was rejected last?",
    "Input of the picked time that could not be used, the newest first. The command says why, and"
    " what to do about it; `signals rejected replay` tries all of it again.",
    """
    SELECT received_at, if(source = '', 'names none', source) AS source,
        replaceAll(reason, '_', ' ') AS reason, nullIf(detail, '') AS detail,
        if(line = 0, file, concat(file, ':', toString(line))) AS place,
        concat('signals rejected explain ', rejection_id) AS remedy
    FROM signals.rejections WHERE $__timeFilter(received_at)
    ORDER BY received_at DESC, rejection_id LIMIT 50
    """,
    [
        Column("received_at", "Received", "time: D MMM HH:mm", 115),
        Column("source", "Source", width=130),
        Column("reason", "Reason", width=120),
        Column("detail", "Detail"),
        Column("place", "Where", width=160, words={"": ("in no file", "text")}),
        Column("remedy", "What to do", width=330),
    ],
    empty="Nothing was rejected in the picked time",
)

GOALS = kit.table(
    30,
    "How far can each goal be trusted now?",
    "The grade of a goal is the worst of what its value rests on, the worst first. Not known:"
    " nothing of what it rests on is measured.",
    """
    SELECT goal_id, title, arrayStringConcat(owners, ', ') AS team, status, trust,
        arrayStringConcat(sources, ', ') AS rests_on
    FROM signals.goals_now
    WHERE status NOT IN ('vision', 'withdrawn', 'planned', 'incomplete')
    ORDER BY trust DESC NULLS LAST, status IN ('hit', 'missed'), goal_id LIMIT 100
    """,
    [
        kit.hidden("goal_id"),
        Column("title", "Goal", link=kit.to("goal", goal="goal_id")),
        Column("team", "Team", width=130),
        Column("status", "Status", width=95, words=kit.STATUS, cell="color-text"),
        Column(
            "trust", "Trust", width=75, words=kit.GRADE, cell="color-text", empty="not known"
        ),
        Column("rests_on", "Rests on", width=200, words={"": ("no source", "text")}),
    ],
    empty="No goal has begun",
    w=12,
    h=9,
)

INCOMPLETE = kit.table(
    31,
    "Which goals cannot be measured now?",
    "Goals of which something is not said that is needed to measure them. Whoever owns the goal"
    " says it in the configuration.",
    """
    SELECT goal_id, title, arrayStringConcat(owners, ', ') AS team, metric_kind, baseline,
        target, due_on, why
    FROM signals.goals_now WHERE status = 'incomplete'
    ORDER BY title, goal_id
    """,
    [
        kit.hidden("goal_id"),
        Column("title", "Goal", link=kit.to("goal", goal="goal_id")),
        Column("team", "Team", width=90, words={"": ("no owner", kit.PURPLE)}),
        Column("metric_kind", "Metric", width=75, words={"": ("no metric", kit.PURPLE)}),
        Column("baseline", "Baseline", "locale", 75, empty="not said"),
        Column("target", "Target", "locale", 75, empty="not said"),
        Column("due_on", "Due", "time: D MMM", 70, empty="not said"),
        Column("why", "Why", width=110, words={"": ("see the blanks", "text")}),
    ],
    empty="Every goal says what it needs to be measured",
    w=12,
    h=9,
)

RESTATED = kit.table(
    32,
    "Which values changed after they had been said?",
    "Days of the picked time on which a goal's value of the day before was corrected, because"
    " signals came late; the newest first. Movement is what the day itself brought.",
    """
    SELECT day, progress.goal_id AS goal_id, title, unit, restatement, movement,
        progress.value AS value
    FROM (SELECT goal_id, day, restatement, movement, value FROM signals.goal_progress_daily
        WHERE $__dateFilter(day) AND restatement != 0) AS progress
    INNER JOIN (SELECT goal_id, title, unit FROM signals.goals_now) AS goal
        ON goal.goal_id = progress.goal_id
    ORDER BY day DESC, goal_id LIMIT 100
    """,
    [
        Column("day", "Day", "time: D MMM", 70),
        kit.hidden("goal_id"),
        Column("title", "Goal", link=kit.to("goal", goal="goal_id")),
        Column("restatement", "Corrected by", "locale", 105, decimals=2),
        Column("movement", "Moved that day", "locale", 120, decimals=2, empty="unknown"),
        Column("value", "Value", "locale", 80, decimals=2, empty="unknown"),
        Column("unit", "Unit", width=90, words={"": ("not said", "text")}),
    ],
    empty="No value changed after it had been said",
    w=15,
)


def build() -> kit.Json:
    return kit.dashboard(
        "trust",
        "Trust",
        "How far can the numbers be trusted, and what would make them better?",
        [
            Row("Sources", [*HEADLINES, SOURCES, GRADES, ARRIVED, UNCLEAN]),
            Row("Silence and lag", [SILENT, LAG]),
            Row("Links and rejections", [LINKED, SHARES, REASONS, REJECTED]),
            Row(
                "Goals",
                [
                    GOALS,
                    INCOMPLETE,
                    RESTATED,
                    kit.text(40, "How to read this", MEANING, w=9, h=8),
                ],
            ),
        ],
    )
