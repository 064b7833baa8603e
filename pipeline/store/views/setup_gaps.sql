CREATE OR REPLACE VIEW signals.setup_gaps
(
    team String COMMENT 'Id of the team, e.g. payments',
    gap String COMMENT 'What is lacking',
    consequence String COMMENT 'What follows from it',
    raised_at DateTime64(3, 'UTC') COMMENT 'When it was noticed, UTC',
    decision Nullable(String) COMMENT 'accept or escalate, NULL if undecided',
    decided_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When that was decided, UTC'
)
COMMENT 'What a team lacks to succeed'
AS
-- The rule behind it is not there yet: no rows.
SELECT
    '' AS team,
    '' AS gap,
    '' AS consequence,
    toDateTime64(0, 3, 'UTC') AS raised_at,
    NULL AS decision,
    NULL AS decided_at
WHERE 0
