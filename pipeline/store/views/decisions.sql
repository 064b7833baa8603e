CREATE OR REPLACE VIEW signals.decisions
(
    about String COMMENT 'Id of the finding, goal or deploy',
    decision String
        COMMENT 'ack, snooze, accept, escalate, override, useful, not_useful or failed',
    by String COMMENT 'Role or team that decided, e.g. pm-payments',
    reason String COMMENT 'Why it was decided so',
    owner String COMMENT 'Who takes care of it, empty if not said',
    next_step String COMMENT 'What happens next, empty if not said',
    status String
        COMMENT 'Status that a human sets beside the computed one (override), else empty',
    until Nullable(DateTime64(3, 'UTC'))
        COMMENT 'How long the decision holds, UTC; NULL if not said',
    at DateTime64(3, 'UTC') COMMENT 'When it was decided, UTC',
    id String COMMENT 'Id of the signal'
)
COMMENT 'What people decided about a finding, goal or deploy'
AS
SELECT
    about,
    decision,
    by,
    reason,
    owner,
    next_step,
    status,
    until,
    at,
    id
FROM signals_store.decisions FINAL
