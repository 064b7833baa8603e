-- What people decided.
CREATE OR REPLACE VIEW signals.decisions
(
    `about` String COMMENT 'What the finding is about',
    `decision` String COMMENT 'Latest decision on it',
    `by` String COMMENT 'Who said so: a role or a source',
    `reason` String COMMENT 'Why',
    `owner` String COMMENT 'Team that owns the adopter; empty: unknown',
    `next_step` String COMMENT 'What is done next, by whom',
    `status` String COMMENT 'vision, incomplete, planned, warming_up, on_track, at_risk, off_track, hit, missed, withdrawn or unknown',
    `until` Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when the decision holds',
    `at` DateTime64(3, 'UTC') COMMENT 'When it happened'
)
AS
SELECT about, decision, `by`, reason, owner, next_step, status, until, at
FROM signals_store.decisions FINAL
