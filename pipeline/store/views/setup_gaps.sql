CREATE OR REPLACE VIEW signals.setup_gaps
(
    team String COMMENT 'Id of the team, e.g. payments',
    gap String
        COMMENT 'What is lacking: workstreams (too many goals at once), support_load, or stop_the_line (more incidents in a quarter than usual)',
    consequence String COMMENT 'What follows from it, in words with its numbers',
    raised_at DateTime64(3, 'UTC') COMMENT 'When it was noticed, UTC',
    decision Nullable(String) COMMENT 'accept or escalate, NULL if undecided',
    decided_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When that was decided, UTC',
    finding_id String COMMENT 'Id of the finding, which a decision is about',
    cleared_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the gap was closed, UTC; NULL while it is open'
)
COMMENT 'What a team lacks or lacked to succeed, and whether that is accepted'
AS
WITH
    latest AS
    (
        SELECT
            about,
            CAST(decision AS Nullable(String)) AS decision,
            CAST(at AS Nullable(DateTime64(3, 'UTC'))) AS decided_at
        FROM signals_store.decisions FINAL
        WHERE decision IN ('accept', 'escalate')
        ORDER BY at DESC, id DESC
        LIMIT 1 BY about
    )
SELECT
    team,
    rule AS gap,
    explanation AS consequence,
    raised_at,
    latest.decision AS decision,
    latest.decided_at AS decided_at,
    finding_id,
    cleared_at
FROM (SELECT * FROM signals_store.findings FINAL) AS finding
LEFT JOIN latest ON latest.about = finding.finding_id
WHERE rule IN ('workstreams', 'support_load', 'stop_the_line') AND about_kind = 'team'
