-- Judgements as intervals, with the latest decision on each.
CREATE OR REPLACE VIEW signals.findings
(
    `finding_id` String COMMENT 'rule:kind:about:raised, stable for good',
    `rule` String COMMENT 'Rule that judged',
    `about_kind` String COMMENT 'work_item, goal, team or source',
    `about` String COMMENT 'What the finding is about',
    `goal_id` String COMMENT 'Goal, the id of its definition',
    `goals` Array(String) COMMENT 'Goals that it serves',
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `reasons` Array(String) COMMENT 'Why it stands where it stands, headline first',
    `severity` String COMMENT 'info, warning or critical',
    `raised_at` DateTime64(3, 'UTC') COMMENT 'When it opened, computed from facts',
    `cleared_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it closed; NULL: open',
    `decision` Nullable(String) COMMENT 'Latest decision on it',
    `decided_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When that was decided',
    `until` Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when the decision holds',
    `evidence` Array(String) COMMENT 'Ids of what it rests on',
    `explanation` String COMMENT 'The reasons in words'
)
AS
SELECT f.finding_id AS finding_id, f.rule AS rule, f.about_kind AS about_kind, f.about AS about, f.goal_id AS goal_id, f.goals AS goals, f.team AS team, f.reasons AS reasons,
    f.severity AS severity, f.raised_at AS raised_at, f.cleared_at AS cleared_at, d.decision AS decision, d.decided_at AS decided_at, d.until AS until, f.evidence AS evidence,
    if(has(f.reasons, 'below_target') AND a.subject != '',
        concat(f.explanation, ' (', toString(a.adopters), '/', toString(ifNull(s.target, 0)), ')'),
        f.explanation) AS explanation
FROM signals_store.findings AS f FINAL
LEFT JOIN
(
    SELECT about, argMax(toNullable(decision), (at, id)) AS decision,
        max(toNullable(at)) AS decided_at, argMax(until, (at, id)) AS until
    FROM signals_store.decisions FINAL
    GROUP BY about
) AS d ON d.about = f.finding_id
LEFT JOIN (SELECT subject, target, timezone FROM signals_store.subjects FINAL) AS s
    ON s.subject = f.subject
LEFT JOIN (SELECT subject, day, adopters FROM signals_store.adoption_days FINAL) AS a
    ON a.subject = f.subject AND a.day = toDate32(f.raised_at)
