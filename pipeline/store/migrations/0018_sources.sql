CREATE TABLE IF NOT EXISTS signals_store.sources
(
    source LowCardinality(String)
        COMMENT 'Id of the configured source, else the CloudEvents source',
    last_at DateTime64(3, 'UTC') COMMENT 'Time of its last signal or heartbeat, UTC',
    stale_after Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it counts as stale if nothing comes, UTC; NULL if its usual gap is not known yet',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY source
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every source and when it was last heard'
