CREATE TABLE IF NOT EXISTS signals_store.source_days
(
    source LowCardinality(String)
        COMMENT 'Id of the configured source, else the CloudEvents source',
    day Date COMMENT 'Day on which the signals happened, UTC',
    signals UInt64 COMMENT 'Signals accepted, duplicates not counted',
    duplicates UInt64 COMMENT 'Signals that came again',
    late UInt64 COMMENT 'Signals that came later than their source is allowed to',
    skewed UInt64 COMMENT 'Signals dated after their receipt; the time of receipt was used',
    too_late UInt64 COMMENT 'Signals that came more than 35 days late: stored, not applied',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (source, day)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What arrived from a source, per day it happened'
