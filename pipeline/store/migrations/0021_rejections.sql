CREATE TABLE IF NOT EXISTS signals_store.rejections
(
    rejection_id String COMMENT 'Id, derived from the input',
    source LowCardinality(String) COMMENT 'Source it came from, empty if unknown',
    received_at DateTime64(3, 'UTC') COMMENT 'When it was received, UTC',
    reason LowCardinality(String) COMMENT 'Why it was rejected, one word, e.g. in_future',
    detail String COMMENT 'Why it was rejected, for people',
    file String COMMENT 'File it stood in, empty if it came another way',
    line UInt64 COMMENT 'Line in the file, from 1; 0 if there is none',
    bytes String COMMENT 'The input, byte by byte' CODEC(ZSTD(3)),
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY rejection_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Input that could not be used, with its bytes'
