CREATE TABLE IF NOT EXISTS signals_store.published
(
    kind LowCardinality(String) COMMENT 'What was said: digest, goal or finding',
    about String COMMENT 'Id of what it was said about, or of the reader',
    day Date COMMENT 'Day it was said for',
    known_at DateTime64(3, 'UTC')
        COMMENT 'Newest time of receipt of the signals that were used, UTC',
    value String COMMENT 'What was said, in JSON',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (kind, about, day, known_at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What was said, kept for good: digests, daily goal values, findings'
