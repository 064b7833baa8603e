CREATE TABLE IF NOT EXISTS signals_store.decisions
(
    about String COMMENT 'Id of the finding, goal or deploy',
    at DateTime64(3, 'UTC') COMMENT 'When it was decided, UTC',
    id String COMMENT 'Id of the signal',
    decision LowCardinality(String)
        COMMENT 'ack, snooze, accept, escalate, override, useful, not_useful or failed',
    by LowCardinality(String) COMMENT 'Role or team that decided, e.g. pm-payments',
    reason String COMMENT 'Why',
    owner String COMMENT 'Who takes care of it, empty if not said',
    next_step String COMMENT 'What happens next, empty if not said',
    status LowCardinality(String)
        COMMENT 'Status that a human sets beside the computed one (override), else empty',
    until Nullable(DateTime64(3, 'UTC'))
        COMMENT 'How long the decision holds, UTC; NULL if not said',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (about, at, id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What people decided about a finding, goal or deploy'
