"""Adoption: who really uses a capability, who does not, and whether it helps them."""

from typing import Any

from dashboards import kit
from dashboards.kit import Column, Line, Row

MEANING = """
**An adopter** is one of those it is meant for that uses it often enough, or has pinned a version
that is new enough, and still does; trying it once is not adopting it. **Breadth** is adopters
divided by those it is meant for. **Confirmed** are adopters whose valid answer is yes, it solves
their problem. Adopters are teams, services or repositories, or pseudonyms of users and accounts.
A zero is a zero; what is not known says so.
"""

VARIABLES = [
    kit.pick(
        "subject",
        "Capability",
        """
        SELECT subject, title FROM signals.adoption_now
        ORDER BY coalesce(adopters, 0) = 0,
            if(target_kind = 'share', breadth, adopters) / target NULLS LAST, subject
        """,
    )
]
_SUBJECT = "subject = ${subject:singlequote}"
_GONE = "There is no such capability"

VERDICT: kit.Words = {
    "yes": ("Yes", kit.GREEN),
    "partly": ("Partly", kit.ORANGE),
    "no": ("No", kit.RED),
}


def _now(id: int, title: str, meaning: str, column: str, **how: Any) -> kit.Panel:
    """A column of the capability as it is now."""
    sql = f"SELECT {column} FROM signals.adoption_now WHERE {_SUBJECT}"
    return kit.stat(id, title, meaning, sql, empty=_GONE, **how)


HEADLINES = [
    _now(
        1,
        "Adopters now",
        "Those it is meant for that have adopted it, at the close of the last full day.",
        "adopters",
        unit="locale",
        unknown="nothing heard of it",
    ),
    _now(
        2,
        "Target now",
        "Adopters that make it adopted. A target that is a share is multiplied by how many it is"
        " meant for, and rounded up.",
        "if(target_kind = 'share', ceil(target * eligible - 1e-9), target) AS target",
        unit="locale",
        unknown="unknown",
    ),
    _now(
        3,
        "Breadth now",
        "Adopters / those it is meant for.",
        "breadth",
        unit="percentunit",
        decimals=0,
        unknown="unknown",
    ),
    _now(
        4,
        "Confirmed now",
        "Adopters whose valid answer is yes, it solves their problem / adopters.",
        "verified_share",
        unit="percentunit",
        decimals=0,
        unknown="nobody adopted it",
    ),
    _now(
        5,
        "Half had it so far",
        "Days from release, or from becoming eligible if that was later, until half had adopted;"
        " those that have not yet are included (Kaplan-Meier median).",
        "multiIf(released_at IS NULL, 'no release', time_to_first IS NULL, 'not half yet',"
        " concat(toString(round(time_to_first)), ' days')) AS half",
        unit="string",
        word=True,
    ),
    _now(
        6,
        "Released so far",
        "Days since it was first available: as stated, by its flags, else by its first deploy.",
        "days_since_release",
        unit=kit.DAYS,
        decimals=0,
        unknown="not released",
    ),
]

ADOPTERS = kit.trend(
    10,
    "How many have adopted it?",
    "Adopters per day against the target; active are those that used it in the last 28 days, whether"
    " often enough or not; confirmed are those whose valid answer is yes.",
    f"""
    WITH (SELECT (target, target_kind = 'share') FROM signals.adoption_now WHERE {_SUBJECT}) AS goal
    SELECT day AS time, adopters, active_28, verified_yes,
        if(goal.2, ceil(goal.1 * eligible - 1e-9), goal.1) AS target
    FROM signals.adoption_daily WHERE {_SUBJECT} AND $__dateFilter(day) ORDER BY day
    """,
    unit="locale",
    decimals=0,
    lines=[
        Line("adopters", "Adopters", kit.BLUE, width=3),
        Line("active_28", "Active", kit.SKY),
        Line("verified_yes", "Confirmed", kit.PURPLE, dashed=True),
        Line("target", "Target", kit.GREEN),
    ],
    empty="Nothing was heard of it yet",
)

BREADTH = kit.trend(
    11,
    "How broad is it, and does it hold?",
    "Breadth = adopters / those it is meant for. Kept = adopters of 28 days ago that are still"
    " active / adopters of 28 days ago. Confirmed = adopters whose answer is yes / adopters.",
    f"""
    SELECT day AS time, breadth, retained_28, verified_yes / nullIf(adopters, 0) AS confirmed
    FROM signals.adoption_daily WHERE {_SUBJECT} AND $__dateFilter(day) ORDER BY day
    """,
    unit="percentunit",
    decimals=0,
    most=1,
    lines=[
        Line("breadth", "Breadth", kit.BLUE, width=3),
        Line("retained_28", "Kept", kit.ORANGE),
        Line("confirmed", "Confirmed", kit.PURPLE, dashed=True),
    ],
    empty="Nothing was heard of it yet",
)

CAME_AND_WENT = kit.trend(
    12,
    "Who came, and who went?",
    "Adopters of each day: new, back after they had stopped; below zero those that stopped using it"
    " and those it is no longer meant for.",
    f"""
    SELECT day AS time, new, resurrected, -toInt64(churned) AS churned, -toInt64(left) AS left
    FROM signals.adoption_daily WHERE {_SUBJECT} AND $__dateFilter(day) ORDER BY day
    """,
    unit="none",
    decimals=0,
    lines=[
        Line("new", "New", kit.BLUE, width=1),
        Line("resurrected", "Back", kit.SKY, width=1),
        Line("churned", "Stopped", kit.RED, width=1),
        Line("left", "No longer meant for", kit.GREY, width=1),
    ],
    least=None,
    bars=True,
    stacked=True,
    empty="Nothing was heard of it yet",
)

SPREAD = kit.table(
    13,
    "How fast did it spread, so far?",
    "Adopters within so many days of its release, or of its first adopter where no release was"
    " heard of, and their share of those it is meant for; only days that are over are counted.",
    f"""
    SELECT concat('within ', toString(days), ' days') AS within,
        countIf(adopter.eligible AND adopted_at < coalesce(released_at, first_at) + days * 86400)
            AS had,
        had / any(subject.eligible) AS share
    FROM (SELECT subject, eligible, adopted_at, min(adopted_at) OVER () AS first_at
        FROM signals.adopters WHERE {_SUBJECT}) AS adopter
    INNER JOIN signals.adoption_now AS subject ON subject.subject = adopter.subject
    ARRAY JOIN [7, 14, 28, 56, 84, 182] AS days
    WHERE coalesce(released_at, first_at) + days * 86400 < subject.day + 1
    GROUP BY days ORDER BY days
    """,
    [
        Column("within", "Days", width=130),
        Column("had", "Adopters", "none", 90),
        Column(
            "share",
            "Share",
            "percentunit",
            decimals=0,
            cell="gauge",
            empty="unknown",
        ),
    ],
    empty="No week has passed since its release or its first adopter",
    w=12,
)

WHO = kit.table(
    20,
    "Who has adopted it now, and who has not?",
    "Everybody who uses it or could: those that stopped first, then those that have not adopted it,"
    " then adopters. Whoever is known by number only has no row.",
    f"""
    SELECT adopter, nullIf(owner, '') AS owner,
        multiIf(NOT eligible, 'not meant for it', left_at IS NOT NULL, 'stopped',
            adopted_at IS NOT NULL, 'adopted', first_used_at IS NULL, 'never used',
            'not enough yet') AS state,
        first_used_at, adopted_at, left_at, nullIf(version, '') AS version
    FROM signals.adopters WHERE {_SUBJECT}
    ORDER BY indexOf(['stopped', 'not enough yet', 'never used', 'adopted'], state) = 0,
        indexOf(['stopped', 'not enough yet', 'never used', 'adopted'], state), owner, adopter
    LIMIT 500
    """,
    [
        Column("adopter", "Who", width=260),
        Column("owner", "Owner", width=170, empty="none known"),
        Column(
            "state",
            "State",
            width=160,
            words={
                "stopped": ("Stopped", kit.RED),
                "not enough yet": ("Not enough yet", kit.ORANGE),
                "never used": ("Never used", kit.ORANGE),
                "adopted": ("Adopted", kit.GREEN),
                "not meant for it": ("Not meant for it", kit.GREY),
            },
            cell="color-text",
        ),
        Column("first_used_at", "First used", "time: D MMM YYYY", 140, empty="never"),
        Column("adopted_at", "Adopted", "time: D MMM YYYY", 140, empty="never"),
        Column("left_at", "Stopped", "time: D MMM YYYY", 140, empty="–"),
        Column("version", "Version", width=100, empty="–"),
    ],
    empty="Nobody is known to use it, and nobody by name to whom it is meant",
    h=11,
)

VERSIONS = kit.bars(
    21,
    "Which versions are in use now?",
    "Those it is meant for by the version that they have pinned, the most used first.",
    f"""
    SELECT version, count() AS adopters FROM signals.adopters
    WHERE {_SUBJECT} AND eligible AND version != ''
    GROUP BY version ORDER BY adopters DESC, version LIMIT 15
    """,
    unit="none",
    empty="Nothing is pinned: it is not adopted by version",
    w=9,
)

LAGGARDS = kit.table(
    22,
    "Who lags behind in versions now?",
    "Those that have pinned a version which is too old to count as adopted, or that cannot be read;"
    " the oldest pin first.",
    f"""
    SELECT adopter, nullIf(owner, '') AS owner, version, first_used_at
    FROM signals.adopters
    WHERE {_SUBJECT} AND eligible AND version != '' AND (adopted_at IS NULL OR left_at IS NOT NULL)
    ORDER BY first_used_at, adopter LIMIT 200
    """,
    [
        Column("adopter", "Who", width=200),
        Column("owner", "Owner", width=140, empty="none known"),
        Column("version", "Version", width=140),
        Column("first_used_at", "First pinned", "time: D MMM YYYY", 120, empty="unknown"),
    ],
    empty="Nobody lags behind, or it is not adopted by version",
    w=15,
)

ANSWERS = kit.bars(
    30,
    "Does it solve their problem, as of now?",
    "Adopters by their valid answer. Ask those that have not answered before you call it done.",
    f"""
    SELECT answer AS verdict, number AS adopters
    FROM (SELECT verified_yes, verified_no, responded, greatest(adopters, responded) AS asked
        FROM signals.adoption_daily WHERE {_SUBJECT} ORDER BY day DESC LIMIT 1)
    ARRAY JOIN ['Yes', 'Partly', 'No', 'No answer'] AS answer,
        [verified_yes, toUInt64(responded - verified_yes - verified_no), verified_no,
            toUInt64(asked - responded)] AS number
    ORDER BY indexOf(['Yes', 'Partly', 'No', 'No answer'], verdict)
    """,
    unit="none",
    color=kit.PURPLE,
    empty="Nothing was heard of it yet",
    w=8,
)

COMMENTS = kit.table(
    31,
    "What do they say?",
    "Answers of the picked time: no and partly first, those with words before those without.",
    f"""
    SELECT at, nullIf(adopter, '') AS adopter, verdict, nullIf(method, '') AS method,
        nullIf(comment, '') AS comment, nullIf(evidence_url, '') AS evidence
    FROM signals.verifications WHERE {_SUBJECT} AND $__timeFilter(at)
    ORDER BY indexOf(['no', 'partly', 'yes'], verdict), comment IS NULL, at DESC LIMIT 200
    """,
    [
        Column("at", "On", "time: D MMM", 80),
        Column("adopter", "Who", width=130, empty="holds for all"),
        Column("verdict", "Helps", width=80, words=VERDICT, cell="color-text"),
        Column("method", "Asked by", width=90, empty="not said"),
        Column("comment", "Their words", empty="none", wrap=True),
        Column(
            "evidence",
            "Evidence",
            width=140,
            link="${__data.fields.evidence}",
            empty="none",
        ),
    ],
    empty="Nobody was asked in this time",
    w=16,
)

WORK = kit.table(
    40,
    "Which work delivers it, and where does it stand now?",
    "Work items that deliver it, the least done first. A work item is done when it is shipped, its"
    " capabilities are adopted and adopters confirm that it helps.",
    """
    SELECT key, url, title, nullIf(team, '') AS team, state, state_since, age,
        nullIf(replaceAll(arrayStringConcat(reasons, ', '), '_', ' '), '') AS why
    FROM signals.work_items_now
    WHERE has(subjects, ${subject:singlequote}) AND state NOT IN ('dropped', 'deleted')
    ORDER BY indexOf(['unknown', 'closed_not_shipped', 'shipped_not_adopted',
        'adopted_not_verified', 'open', 'done'], state), age DESC, key LIMIT 200
    """,
    [
        *kit.TRACKED,
        Column("title", "Work item", width=150),
        Column(
            "team",
            "Team",
            width=110,
            link=kit.to("basically-done", owner="team"),
            empty="no team",
        ),
        Column("state", "State", width=170, words=kit.STATE, cell="color-text"),
        Column("state_since", "Since", "time: D MMM", 70),
        Column("age", "Age", kit.DAYS, 80, decimals=0, empty="–"),
        Column("why", "Why", wrap=True),
    ],
    empty="No work item is known to deliver it",
    w=15,
    h=9,
)

GOALS = kit.table(
    41,
    "Which goals are measured on it now?",
    "Goals whose value is the adoption of it.",
    f"""
    SELECT goal_id, title, nullIf(arrayStringConcat(owners, ', '), '') AS team, status, value, target
    FROM signals.goals_now WHERE {_SUBJECT} ORDER BY pace, goal_id
    """,
    [
        kit.hidden("goal_id"),
        Column("title", "Goal", link=kit.to("goal", goal="goal_id")),
        Column("team", "Team", width=100),
        Column("status", "Status", width=90, words=kit.STATUS, cell="color-background"),
        Column("value", "Value", "locale", 75, decimals=2, empty="unknown"),
        Column("target", "Target", "locale", 75, decimals=2, empty="none set"),
    ],
    empty="No goal is measured on it",
    w=9,
    h=9,
)

ALL = kit.table(
    50,
    "How far is every capability adopted now?",
    "Every capability, the furthest from its target first. Of target = adopters, or their share of"
    " those it is meant for, divided by the target.",
    """
    SELECT subject, title, nullIf(team, '') AS team, unit, adopters, eligible, breadth,
        if(target_kind = 'share', breadth, adopters) / target AS reached, verified_share,
        time_to_first, released_at
    FROM signals.adoption_now ORDER BY reached NULLS LAST, subject
    """,
    [
        kit.hidden("subject"),
        Column("title", "Capability", width=170, link=kit.to("adoption", subject="subject")),
        Column("team", "Team", width=120, link=kit.to("team", team="team"), empty="no team"),
        Column("unit", "Adopted by", width=100),
        Column("adopters", "Adopters", "locale", 90, empty="nothing heard"),
        Column("eligible", "Meant for", "locale", 90, empty="unknown"),
        Column(
            "breadth", "Breadth", "percentunit", 140, decimals=0, cell="gauge", empty="unknown"
        ),
        Column("reached", "Of target", "percentunit", 100, decimals=0, empty="unknown"),
        Column(
            "verified_share", "Confirmed", "percentunit", 110, decimals=0, empty="no adopters"
        ),
        Column(
            "time_to_first", "Half had it after", kit.DAYS, 125, decimals=0, empty="unknown"
        ),
        Column("released_at", "Released", "time: D MMM YYYY", 120, empty="not released"),
    ],
    empty="No capability is defined yet",
    h=10,
)


def build() -> kit.Json:
    return kit.dashboard(
        "adoption",
        "Adoption",
        "Who really uses a capability, who does not, and does it help them?",
        [
            Row("How far it is", HEADLINES),
            Row("How it spreads", [ADOPTERS, BREADTH, CAME_AND_WENT, SPREAD]),
            Row("Who", [WHO]),
            Row("Versions", [VERSIONS, LAGGARDS]),
            Row("Does it help?", [ANSWERS, COMMENTS]),
            Row("What it belongs to", [WORK, GOALS]),
            Row("All capabilities", [ALL, kit.text(60, "How to read this", MEANING)]),
        ],
        variables=VARIABLES,
    )
