CREATE TABLE IF NOT EXISTS signals_store.pipeline_lag
(
    stage LowCardinality(String) COMMENT 'parse, react or store',
    partition Int32 COMMENT 'Partition of the topic that the stage reads',
    at DateTime64(3, 'UTC') COMMENT 'When that was measured, UTC',
    lag_records UInt64 COMMENT 'Records that waited then',
    lag_seconds Nullable(Float64)
        COMMENT 'Seconds since the oldest of them arrived, 0 if none waited; NULL if it could not be read in time'
)
ENGINE = MergeTree
ORDER BY (stage, partition, at)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'How far each stage was behind, measured again and again; kept for 30 days'
