CREATE TABLE IF NOT EXISTS signals_store.signals
(
    source LowCardinality(String)
        COMMENT 'Who sent the signal: the CloudEvents source, e.g. /github/acme',
    id String COMMENT 'Id of the signal, unique within its source, e.g. 7f3a-42',
    type LowCardinality(String) COMMENT 'Type of the signal, e.g. delivery.change.merged.v1',
    time DateTime64(3, 'UTC') COMMENT 'When it happened, as the signal says, UTC',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When we first received it, UTC',
    subject String COMMENT 'CloudEvents subject of the signal, empty if it had none',
    body String COMMENT 'The whole CloudEvent in JSON, the bytes as received' CODEC(ZSTD(1)),
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (source, id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every accepted signal as it was received: the archive that all other rows can be built from again'
