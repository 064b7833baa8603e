CREATE OR REPLACE VIEW signals.findings
(
    finding_id String
        COMMENT 'rule:about_kind:about:raised_at, e.g. basically_done:work_item:jira:10042:20260319T090000Z',
    rule String COMMENT 'The rule that judged, e.g. basically_done',
    about_kind String COMMENT 'What it is about: work_item, goal, team or source',
    about String COMMENT 'Id of what it is about, e.g. jira:10042',
    goal_id String COMMENT 'The goal that suffers most, empty if none',
    goals Array(String) COMMENT 'Ids of all goals concerned',
    team String COMMENT 'Id of the team concerned, empty if none',
    reasons Array(String) COMMENT 'Why, the headline first, e.g. below_target',
    severity String COMMENT 'info, warning or critical',
    raised_at DateTime64(3, 'UTC') COMMENT 'When it became true and known, UTC',
    cleared_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it ended, UTC; NULL while it is open',
    decision Nullable(String)
        COMMENT 'Latest decision about it: ack, snooze, accept, escalate or override; NULL if none',
    decided_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When that was decided, UTC; NULL if nothing was',
    until Nullable(DateTime64(3, 'UTC'))
        COMMENT 'How long the decision holds, UTC; NULL if not said',
    evidence Array(String)
        COMMENT 'What it rests on, as known when it was raised: "what: reference", e.g. closed: /jira 4711 (source and id of a signal), linked: acme/shop!7 0.92',
    explanation String
        COMMENT 'The reasons in words; below target with adopters and target when it was raised, e.g. used by fewer than the target (2/6)',
    subject String COMMENT 'Id of the capability whose adoption it is about, empty if none',
    next_step String
        COMMENT 'What a person does about it; empty for findings of an older version until `signals rebuild`'
)
COMMENT 'What a rule judged, from when to when'
AS
WITH
    latest AS
    (
        -- Whether a finding was useful is feedback: it does not undo a decision.
        SELECT
            about,
            CAST(decision AS Nullable(String)) AS decision,
            CAST(at AS Nullable(DateTime64(3, 'UTC'))) AS decided_at,
            until
        FROM signals_store.decisions FINAL
        WHERE decision NOT IN ('useful', 'not_useful')
        ORDER BY at DESC, id DESC
        LIMIT 1 BY about
    ),
    judged AS
    (
        SELECT
            finding.* EXCEPT (row_version, is_deleted),
            subjects.subject != '' AND has(reasons, 'below_target') AS short,
            coalesce(target, 1) AS aim,
            target_kind,
            -- Only formatDateTime takes a zone that differs from row to row.
            if(short, toDate(formatDateTime(raised_at, '%F', if(timezone = '', 'UTC', timezone))), toDate(0)) AS day
        FROM (SELECT * FROM signals_store.findings FINAL) AS finding
        LEFT JOIN
        (
            SELECT subject, target, target_kind, timezone FROM signals_store.subjects FINAL
        ) AS subjects ON subjects.subject = finding.subject
    ),
    if(target_kind = 'share', ceil(aim * eligible - 1e-9), aim) AS needed,
    if(short, concat(' (', toString(adopters), '/', toString(needed), ')'), NULL) AS ratio
SELECT
    finding.finding_id AS finding_id,
    rule,
    about_kind,
    finding.about AS about,
    goal_id,
    goals,
    team,
    reasons,
    severity,
    raised_at,
    cleared_at,
    latest.decision AS decision,
    latest.decided_at AS decided_at,
    latest.until AS until,
    evidence,
    if(
        length(splitByString('; ', finding.explanation)) != length(reasons),
        finding.explanation,
        arrayStringConcat(
            arrayMap(
                (text, reason) -> if(reason = 'below_target', concat(text, coalesce(ratio, '')), text),
                splitByString('; ', finding.explanation),
                reasons
            ),
            '; '
        )
    ) AS explanation,
    finding.subject AS subject,
    next_step
FROM judged AS finding
LEFT JOIN latest ON latest.about = finding.finding_id
-- The last full day before it was raised: what was known then.
ASOF LEFT JOIN
(
    SELECT subject, day, adopters, eligible FROM signals_store.adoption_days FINAL
) AS days ON days.subject = finding.subject AND finding.day > days.day
