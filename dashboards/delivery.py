"""Delivery: how often and how well changes reach production, by the five figures of DORA."""

from dashboards import kit
from dashboards.kit import Column, Line, Row
from dashboards.shared import Shared

MEANING = """
Five figures of DORA, per service, for production only, over the 28 days that end with a week.
**Deploys**: those that succeeded, rollbacks included, configuration not. **Lead time**: from the
first commit of a change to production. **Change fail rate**: share of the deploys that needed
immediate intervention, by a rollback, a linked incident, a revert within 7 days or a mark.
**Recovery time**: from the harm of a failed deploy to its end. **Rework rate**: share of the
deploys that were unplanned. Several services together are shown by the one in the *middle*, and
the band between a quarter and three quarters of them; rates are of all their deploys. A week is
*provisional* while one of its deploys is younger than 72 hours. There are no badges.
"""

VARIABLES = [
    kit.pick(
        "owner",
        "Team",
        "SELECT DISTINCT team FROM signals.deploys WHERE team != '' ORDER BY team",
        many=True,
    ),
    kit.pick(
        "service",
        "Service",
        "SELECT DISTINCT service FROM signals.changes_shipped WHERE service != ''"
        " UNION DISTINCT SELECT service FROM signals.deploys WHERE service != '' ORDER BY service",
        many=True,
    ),
]
_CHOSEN = f"{kit.chosen('team', 'owner')} AND {kit.chosen('service', 'service')}"
# The newest week of a service is still running. The last five columns are of all that are picked.
LAST_WEEK = Shared(
    14,
    f"""
    WITH nullIf(sum(deployments_28) OVER (), 0) AS deploys
    SELECT service, team, deployments_28, deployments_per_working_day, lead_time_p50,
        change_fail_rate, failed_28, recovery_time_p50, unrecovered_28, rework_rate,
        if(provisional, 'provisional', 'final') AS said,
        sum(deployments_per_working_day) OVER () AS per_day,
        quantileExactInclusive(0.5)(lead_time_p50) OVER () AS lead,
        sum(failed_28) OVER () / deploys AS failing,
        quantileExactInclusive(0.5)(recovery_time_p50) OVER () AS recovery,
        sum(rework_rate * deployments_28) OVER () / deploys AS rework
    FROM (SELECT * FROM signals.dora_weekly WHERE {_CHOSEN} ORDER BY week DESC
        LIMIT 1, 1 BY service)
    ORDER BY team, service
    """,
)
# Of all services that are picked; a quarter, half and three quarters of them lie below.
WEEKS = Shared(
    10,
    f"""
    SELECT week AS time, sum(deployments) AS per_week,
        quantileExactInclusive(0.75)(lead_time_p50) AS lead_high,
        quantileExactInclusive(0.5)(lead_time_p50) AS lead_middle,
        quantileExactInclusive(0.25)(lead_time_p50) AS lead_low,
        quantileExactInclusive(0.75)(recovery_time_p50) AS recovery_high,
        quantileExactInclusive(0.5)(recovery_time_p50) AS recovery_middle,
        quantileExactInclusive(0.25)(recovery_time_p50) AS recovery_low,
        sum(failed_28) / nullIf(sum(deployments_28), 0) AS failing,
        sum(rework_rate * deployments_28) / nullIf(sum(deployments_28), 0) AS rework
    FROM signals.dora_weekly
    WHERE $__dateFilter(week) AND {_CHOSEN}
        AND week + 6 <= (SELECT max(day) FROM signals.goal_progress_daily)
    GROUP BY week ORDER BY week
    """,
)
# A change names its service; whose that is, its deploys say.
_SERVED = (
    f"{kit.chosen('service', 'service')} AND $__conditionalAll(service IN (SELECT service"
    " FROM signals.deploys WHERE team IN (${owner:singlequote})), $owner)"
)
_NO_WEEK = "No deploy to production was heard of in a full week of the picked time"
_NO_DEPLOY = "No deploy to production was heard of yet"

OUTCOME: kit.Words = {
    "success": ("Success", kit.GREEN),
    "failure": ("Failure", kit.RED),
    "error": ("Error", kit.RED),
    "timeout": ("Timeout", kit.ORANGE),
    "cancellation": ("Cancelled", kit.GREY),
    "skip": ("Skipped", kit.GREY),
}

HEADLINES = [
    kit.stat(
        1,
        "Deploys per day now",
        "Production deploys of the picked services per working day, over the 28 days that end"
        " with the last full week.",
        LAST_WEEK,
        shows="per_day",
        unit="none",
        decimals=1,
        empty=_NO_DEPLOY,
        unknown="too early",
    ),
    kit.stat(
        2,
        "Lead time now",
        "Days from the first commit of a change to production, the median of 28 days; of several"
        " services that of the one in the middle.",
        LAST_WEEK,
        shows="lead",
        unit=kit.DAYS,
        decimals=1,
        empty=_NO_DEPLOY,
        unknown="no changes",
    ),
    kit.stat(
        3,
        "Change fail rate now",
        "Production deploys that needed immediate intervention / all, of 28 days, of all picked"
        " services together.",
        LAST_WEEK,
        shows="failing",
        unit="percentunit",
        decimals=0,
        empty=_NO_DEPLOY,
        unknown="no deploys",
    ),
    kit.stat(
        4,
        "Recovery time now",
        "Days from the harm of a failed deploy to its end, the median of 28 days; of several"
        " services that of the one in the middle of those that had a failure.",
        LAST_WEEK,
        shows="recovery",
        unit=kit.DAYS,
        decimals=1,
        empty=_NO_DEPLOY,
        unknown="none failed",
    ),
    kit.stat(
        5,
        "Rework rate now",
        "Production deploys that were unplanned (a rollback, or the cause was an incident or a"
        " hotfix) / all, of 28 days, of all picked services together.",
        LAST_WEEK,
        shows="rework",
        unit="percentunit",
        decimals=0,
        empty=_NO_DEPLOY,
        unknown="no deploys",
    ),
    kit.stat(
        6,
        "Changes that wait now",
        "Changes that were merged and have not reached production of the service they are for.",
        f"""
        SELECT count() AS changes FROM signals.changes_shipped
        WHERE shipped_at IS NULL AND {_SERVED}
        """,
        unit="none",
        empty="No change was heard of yet",
    ),
]


def _band(of: str) -> list[Line]:
    """The service in the middle, and where half of the services lie."""
    return [
        Line(f"{of}_high", "Three quarters below", kit.SKY, width=1, down_to="A quarter below"),
        Line(f"{of}_middle", "Middle service", kit.BLUE, width=3),
        Line(f"{of}_low", "A quarter below", kit.SKY, width=1),
    ]


DEPLOYS = kit.trend(
    10,
    "How often is it deployed?",
    "Successful deploys to production in each full week, rollbacks included, configuration not,"
    " of all picked services.",
    WEEKS,
    unit="none",
    decimals=0,
    bars=True,
    lines=[Line("per_week", "Deploys in the week", kit.BLUE)],
    empty=_NO_WEEK,
    w=8,
)

LEAD = kit.trend(
    11,
    "How long does a change take to production?",
    "Days from first commit to production, the median of the 28 days of each service: the"
    " service in the middle, and where half of the services lie.",
    WEEKS,
    unit=kit.DAYS,
    decimals=1,
    lines=_band("lead"),
    empty=_NO_WEEK,
    w=8,
)

RECOVERY = kit.trend(
    12,
    "How long until a failed deploy is recovered?",
    "Days from the harm of a failed deploy to its end, the median of the 28 days of each service"
    " that had one: the service in the middle, and where half of them lie.",
    WEEKS,
    unit=kit.DAYS,
    decimals=1,
    lines=_band("recovery"),
    empty="No deploy failed, or none was heard of",
    w=8,
)

STABLE = kit.trend(
    13,
    "How many deploys fail, how many are unplanned?",
    "Change fail rate = deploys that needed immediate intervention / all. Rework rate = unplanned"
    " deploys / all. Of 28 days, of all picked services; the last days may still rise.",
    WEEKS,
    unit="percentunit",
    lines=[
        Line("failing", "Change fail rate", kit.RED, width=3),
        Line("rework", "Rework rate", kit.ORANGE, dashed=True),
    ],
    empty=_NO_WEEK,
    w=8,
    h=9,
)

SERVICES = kit.table(
    14,
    "How does each service do, as of now?",
    "The 28 days that end with the last full week, by team and service. Provisional: a deploy is"
    " younger than 72 hours and may still turn out to have failed. Not over: failed, and its end"
    " is not known. Compare a service with its own"
    " past, not with others.",
    LAST_WEEK,
    [
        Column("service", "Service", width=115),
        Column("team", "Team", width=100, link=kit.to("team", team="team")),
        Column("deployments_28", "Deploys", "none", 70),
        Column(
            "deployments_per_working_day",
            "Per day",
            "none",
            70,
            decimals=2,
            empty="too early",
        ),
        Column("lead_time_p50", "Lead time", kit.DAYS, 80, decimals=1, empty="no changes"),
        Column("change_fail_rate", "Fail rate", "percentunit", 70, decimals=0, empty="–"),
        Column("failed_28", "Failed", "none", 58),
        Column("recovery_time_p50", "Recovery", kit.DAYS, 90, decimals=1, empty="none known"),
        Column("unrecovered_28", "Not over", "none", 70),
        Column("rework_rate", "Rework", "percentunit", 65, decimals=0, empty="–"),
        Column("said", "Is", width=85, words={"provisional": ("provisional", kit.ORANGE)}),
    ],
    empty=_NO_DEPLOY,
    w=16,
    h=9,
)

WAITING = kit.table(
    20,
    "Which changes wait for production now?",
    "Merged changes that have not reached production of the service they are for, the oldest"
    " first, and the work items they belong to. Deploy them, or take them back.",
    f"""
    SELECT change, service, merged_at, keys,
        dateDiff('hour', merged_at, (SELECT max(as_of) FROM signals.goals_now)) / 24 AS days
    FROM (SELECT change, service, merged_at FROM signals.changes_shipped
        WHERE shipped_at IS NULL AND {_SERVED}) AS waiting
    LEFT JOIN (SELECT `from` AS of_change,
            arrayStringConcat(arraySort(groupUniqArray(key)), ', ') AS keys
        FROM signals.links INNER JOIN signals.work_items_now ON work_item = `to`
        WHERE drives_state AND `from` IN (SELECT change FROM signals.changes_shipped
            WHERE shipped_at IS NULL) GROUP BY of_change) AS known ON of_change = change
    ORDER BY merged_at, change LIMIT 50
    """,
    [
        Column("change", "Change"),
        Column("service", "Service", width=120),
        Column("merged_at", "Merged", "time: D MMM", 75),
        Column("keys", "Work items", width=110, words={"": ("no link", "text")}),
        Column("days", "Waits", kit.DAYS, 80, decimals=0, empty="unknown"),
    ],
    empty="No merged change waits for production",
    w=10,
    h=10,
)

FAILED = kit.table(
    21,
    "Which deploys failed, and when was it over?",
    "Deploys of the picked time that placed a version in production and needed immediate"
    " intervention, the newest first, and what says so. Incidents that are linked to them are"
    " what they harmed.",
    f"""
    SELECT finished_at, service, team, if(version = '', substring(sha, 1, 8), version) AS what,
        arrayStringConcat(failed_by, ', ') AS said_by, impaired_at, recovered_at,
        dateDiff('second', impaired_at, recovered_at) / 86400 AS took
    FROM signals.deploys
    WHERE failed AND $__timeFilter(finished_at) AND {_CHOSEN}
    ORDER BY recovered_at IS NOT NULL, finished_at DESC, deploy LIMIT 50
    """,
    [
        Column("finished_at", "Deployed", "time: D MMM HH:mm", 105),
        Column("service", "Service", width=95),
        Column("team", "Team", width=105, link=kit.to("team", team="team")),
        Column("what", "Version", width=80, words={"": ("unknown", "text")}),
        Column("said_by", "Failed by", width=95),
        Column("impaired_at", "Harm since", "time: D MMM HH:mm", 105),
        Column("recovered_at", "Over", "time: D MMM HH:mm", 105, empty="not known"),
        Column("took", "Took", kit.DAYS, 80, decimals=1, empty="not over"),
    ],
    empty="No deploy of the picked time failed in production",
    w=14,
    h=10,
)

LATEST = kit.table(
    22,
    "What was deployed last?",
    "Deploys of the picked time, of any environment and outcome, the newest first. Brought:"
    " changes that it was the first to bring to production.",
    f"""
    SELECT finished_at, service, team, environment, kind, outcome,
        if(version = '', substring(sha, 1, 8), version) AS what, brought,
        multiIf(failed, arrayStringConcat(failed_by, ', '), counted, 'no', '–') AS failed_why,
        multiIf(cause != '', cause, unplanned, kind, '') AS unplanned_why, deploy
    FROM signals.deploys
    WHERE $__timeFilter(finished_at) AND {_CHOSEN}
    ORDER BY finished_at DESC, deploy LIMIT 100
    """,
    [
        Column("finished_at", "Finished", "time: D MMM HH:mm", 115),
        Column("service", "Service", width=130),
        Column("team", "Team", width=110, link=kit.to("team", team="team")),
        Column("environment", "Environment", width=110),
        Column("kind", "Kind", width=80),
        Column("outcome", "Outcome", width=90, words=OUTCOME, cell="color-text"),
        Column("what", "Version", width=100, words={"": ("unknown", "text")}),
        Column("brought", "Brought", "none", 75),
        Column("failed_why", "Failed in production", width=150),
        Column("unplanned_why", "Unplanned", width=110, words={"": ("no", "text")}),
        Column("deploy", "Deploy"),
    ],
    empty="No deploy was heard of in the picked time",
    w=24,
    h=10,
)


def build() -> kit.Json:
    return kit.dashboard(
        "delivery",
        "Delivery",
        "How often and how well do changes reach production, and what waits?",
        [
            Row("The last four weeks", HEADLINES),
            Row("How it went", [DEPLOYS, LEAD, RECOVERY, STABLE, SERVICES]),
            Row("Behind it", [WAITING, FAILED, LATEST]),
            Row("", [kit.text(40, "How to read this", MEANING, h=5)]),
        ],
        variables=VARIABLES,
    )
