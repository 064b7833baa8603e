"""Alert rules of Grafana, from the same views: what to look at, and when to hold still.

The product's own alerts are the normal way to learn of an outcome, so the rules on outcomes ship
paused; those on data and pipeline are active, for nobody else can say that the product is blind.
A rule's query gives a table with one number per row and texts beside it, which become labels: a
row is an alert of its own (see Grafana's documentation of table data in alert rules).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from dashboards.kit import PLUGIN

Json = dict[str, Any]

SOURCE_UID = "clickhouse"
FOLDER = "Delivery signals"
EXPRESSION = {"type": "__expr__", "uid": "__expr__"}
RECEIVER = "delivery-signals"
MUTED = "outside-working-hours"

# No rule fires on what rests on a silent source (D) or on too little (C), nor on roll-ups of it.
_POOR = """WITH RECURSIVE poor AS
        (
            SELECT goal_id, parents FROM signals.goals_now WHERE trust IN ('C', 'D')
            UNION ALL
            SELECT goal.goal_id, goal.parents FROM signals.goals_now AS goal
            INNER JOIN (SELECT arrayJoin(parents) AS goal_id FROM poor) AS part
                ON part.goal_id = goal.goal_id
            WHERE goal.metric_kind = 'rollup'
        )"""
_GOAL = """status NOT IN ('vision', 'hit', 'missed', 'planned', 'withdrawn', 'incomplete')
            AND goal_id NOT IN (SELECT goal_id FROM poor)"""

# That a goal was missed is said for five working days: it is too late to act, but not to know.
_GOAL_OR_MISSED = """status NOT IN ('vision', 'hit', 'planned', 'withdrawn', 'incomplete')
            AND (status != 'missed' OR days_left >= -5)
            AND goal_id NOT IN (SELECT goal_id FROM poor)"""

# What is missing may be just what a silent source has not told, whichever it is.
_ALL_HEARD = """NOT EXISTS (SELECT 1 FROM signals.findings
                WHERE rule = 'source_stale' AND cleared_at IS NULL)"""


def _open(*rules: str) -> str:
    """Whether a goal has an open finding of these rules that nobody has seen to for now."""
    return f"""goal_id IN (SELECT about FROM signals.findings
                WHERE rule IN ({", ".join(f"'{rule}'" for rule in rules)}) AND cleared_at IS NULL
                    AND NOT (coalesce(decision, '') IN ('ack', 'snooze', 'accept') AND coalesce(
                        until > (SELECT max(as_of) FROM signals.goals_now), true)))"""


@dataclass(frozen=True)
class Rule:
    """A condition on rows of the views: it fires for each row whose number is above `above`."""

    uid: str
    title: str
    sql: str
    above: float
    dashboard: str
    panel: int
    summary: str
    """A template of Grafana: `.Labels.<column>` and `.Values.B.Value`, never a `$`."""
    description: str
    paused: bool
    severity: str = "warning"
    wait: str = "0s"
    nothing: str = "OK"
    """What it means when there are no rows: OK or Alerting."""
    during_work: bool = True

    def provisioned(self) -> Json:
        """The rule as file provisioning reads it."""
        panel = str(self.panel)
        return {
            "uid": self.uid,
            "title": self.title,
            "condition": "C",
            "dashboardUid": self.dashboard,
            "panelId": self.panel,
            "noDataState": self.nothing,
            "execErrState": "Error",
            "for": self.wait,
            "isPaused": self.paused,
            "labels": {"severity": self.severity, "kind": self.uid},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"/d/{self.dashboard}?viewPanel={panel}",
                "__dashboardUid__": self.dashboard,
                "__panelId__": panel,
            },
            "notification_settings": {
                "receiver": RECEIVER,
                "group_by": ["grafana_folder", "alertname", "team"],
                "group_wait": "1m",
                "group_interval": "10m",
                "repeat_interval": "23h",
            }
            | ({"mute_time_intervals": [MUTED]} if self.during_work else {}),
            "data": [
                {
                    "refId": "A",
                    "datasourceUid": SOURCE_UID,
                    "relativeTimeRange": {"from": 600, "to": 0},
                    "model": {
                        "refId": "A",
                        "editorType": "sql",
                        "queryType": "table",
                        "format": 1,
                        "pluginVersion": PLUGIN,
                        "rawSql": dedent(self.sql).strip(),
                    },
                },
                _expression("B", {"type": "math", "expression": "$A"}),
                _expression(
                    "C",
                    {
                        "type": "threshold",
                        "expression": "B",
                        "conditions": [{"evaluator": {"type": "gt", "params": [self.above]}}],
                    },
                ),
            ],
        }


def _expression(ref: str, model: Json) -> Json:
    return {
        "refId": ref,
        "datasourceUid": "__expr__",
        "model": {"refId": ref, "datasource": EXPRESSION, **model},
    }


RULES = (
    Rule(
        "goal-stalled",
        "Goal stalled",
        f"""
        {_POOR}
        SELECT goal_id, title AS goal, arrayStringConcat(owners, ', ') AS team,
            toFloat64({_open("goal_stalled", "busy_not_moving")}) AS stalled
        FROM signals.goals_now
        WHERE {_GOAL}
        ORDER BY goal_id
        """,
        above=0,
        dashboard="wake-up",
        panel=11,
        summary="{{ .Labels.goal }} ({{ .Labels.team }}) gains nothing any more",
        description="No gain for longer than the goal's own plan explains. Find out what blocks"
        " it, or accept it with a reason: a decision on the finding ends the alert.",
        paused=True,
    ),
    Rule(
        "goal-off-track",
        "Goal off track",
        f"""
        {_POOR}
        SELECT goal_id, title AS goal, arrayStringConcat(owners, ', ') AS team,
            toFloat64({_open("goal_off_track")}) AS off_track
        FROM signals.goals_now
        WHERE {_GOAL_OR_MISSED}
        ORDER BY goal_id
        """,
        above=0,
        dashboard="wake-up",
        panel=11,
        summary="{{ .Labels.goal }} ({{ .Labels.team }}) is off track",
        description="The gain is so far below the plan that chance does not explain it, or the"
        " due date passed unmet. Change the plan, the scope or the people, or accept it with a"
        " reason: a decision on the finding ends the alert.",
        paused=True,
        severity="critical",
    ),
    Rule(
        "basically-done-at-risk",
        "Work only basically done, of a goal at risk",
        f"""
        {_POOR}
        SELECT goal_id, title AS goal, arrayStringConcat(owners, ', ') AS team,
            toFloat64(if(status IN ('at_risk', 'off_track'), basically_done, 0)) AS items
        FROM signals.goals_now
        WHERE {_GOAL}
            AND {_ALL_HEARD}
        ORDER BY goal_id
        """,
        above=0,
        dashboard="basically-done",
        panel=1,
        summary="{{ .Labels.goal }} ({{ .Labels.team }}) is behind, and"
        ' {{ printf "%.0f" .Values.B.Value }} of its work items are only basically done',
        description="Work that was called finished rests short of done: not shipped, not"
        " adopted or not confirmed to help. It is the nearest gain there is. Nothing is said"
        " while any source is silent: it may have what is missing.",
        paused=True,
    ),
    Rule(
        "source-stale",
        "Source silent",
        """
        SELECT about AS source, 'platform' AS team, toFloat64(countIf(cleared_at IS NULL)) AS silent
        FROM signals.findings
        WHERE rule = 'source_stale'
        GROUP BY source ORDER BY source
        """,
        above=0,
        dashboard="trust",
        panel=14,
        summary="{{ .Labels.source }} sends nothing any more",
        description="A source is silent for longer than it usually is. What rests on it is"
        " unknown until it sends again.",
        paused=False,
        during_work=False,
    ),
    Rule(
        "nothing-arrives",
        "No source sends anything",
        # By the wall clock: when all stands still, so does the clock of the store.
        """
        SELECT 'platform' AS team, toFloat64(min(freshness_seconds)) AS seconds
        FROM signals.data_quality_daily
        WHERE freshness_seconds IS NOT NULL
        HAVING count() > 0
        """,
        above=6 * 3600,
        dashboard="trust",
        panel=10,
        summary="No signal has arrived for six hours",
        description="The pipeline is blind: look whether the gateway, Kafka and the workers"
        " run. All outcomes are unknown until then. Quiet nights need a source with heartbeats.",
        paused=False,
        severity="critical",
        nothing="Alerting",
        during_work=False,
    ),
    Rule(
        "pipeline-lag",
        "Pipeline behind",
        # What nobody measured any more, or could not read, is not known to be in time.
        """
        SELECT stage, 'platform' AS team, toFloat64(countIf(
            dateDiff('millisecond', at, now64(3)) / 1000 + coalesce(lag_seconds, 300) >= 300
        )) AS partitions
        FROM signals.pipeline_lag
        GROUP BY stage ORDER BY stage
        """,
        above=0,
        dashboard="trust",
        panel=15,
        summary="{{ .Labels.stage }} is five minutes behind or more, in"
        ' {{ printf "%.0f" .Values.B.Value }} partitions',
        description="What arrives is shown late, or nobody measures how late: add workers, or"
        " look at what holds them.",
        paused=False,
        wait="5m",
        during_work=False,
    ),
)


@dataclass(frozen=True)
class Hours:
    """When people work: alerts about outcomes wait until then."""

    timezone: str = "UTC"
    days: Sequence[int] = (0, 1, 2, 3, 4)
    """Working days of the week, Monday is 0."""
    holidays: Sequence[str] = ()
    """Dates, YYYY-MM-DD."""
    first: str = "07:30"
    last: str = "18:00"


_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def rules() -> Json:
    groups = (
        ("outcomes", "10m", [rule for rule in RULES if rule.paused]),
        ("data and pipeline", "1m", [rule for rule in RULES if not rule.paused]),
    )
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": name,
                "folder": FOLDER,
                "interval": interval,
                "rules": [rule.provisioned() for rule in found],
            }
            for name, interval, found in groups
        ],
    }


def contact_points() -> Json:
    """Where alerts go: the address comes from the environment of Grafana."""
    receiver = {
        "uid": "delivery_signals_mail",
        "type": "email",
        "settings": {"addresses": "$ALERT_EMAIL", "singleEmail": False},
    }
    return {
        "apiVersion": 1,
        "contactPoints": [{"orgId": 1, "name": RECEIVER, "receivers": [receiver]}],
    }


def mute_times(hours: Hours) -> Json:
    """Outside working hours, on days off and holidays nothing is sent; it is sent afterwards."""
    off = [name for day, name in enumerate(_WEEK) if day not in hours.days]
    place = {"location": hours.timezone}
    intervals: list[Json] = [
        {
            "times": [
                {"start_time": "00:00", "end_time": hours.first},
                {"start_time": hours.last, "end_time": "24:00"},
            ],
            **place,
        }
    ]
    if off:
        intervals.append({"weekdays": off, **place})
    for date in hours.holidays:
        year, month, day = date.split("-")
        on = {"years": [year], "months": [str(int(month))], "days_of_month": [str(int(day))]}
        intervals.append({**on, **place})
    return {
        "apiVersion": 1,
        "muteTimes": [{"orgId": 1, "name": MUTED, "time_intervals": intervals}],
    }


def policies() -> Json:
    """A whole tree of notification policies, for who has none: it replaces the one of the server."""
    return {
        "apiVersion": 1,
        "policies": [
            {
                "orgId": 1,
                "receiver": RECEIVER,
                "group_by": ["grafana_folder", "alertname", "team"],
                "routes": [
                    {
                        "receiver": RECEIVER,
                        "object_matchers": [["severity", "=", "critical"]],
                        "group_wait": "1m",
                        "repeat_interval": "4h",
                    },
                    {
                        "receiver": RECEIVER,
                        "object_matchers": [["kind", "=~", "goal-.*|basically-done.*"]],
                        "mute_time_intervals": [MUTED],
                        "repeat_interval": "23h",
                    },
                ],
            }
        ],
    }
