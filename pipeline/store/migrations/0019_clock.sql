CREATE TABLE IF NOT EXISTS signals_store.clock
(
    name String COMMENT 'Whose clock: an engine, e.g. local, or a partition',
    at DateTime64(3, 'UTC') COMMENT 'Newest tick taken in, UTC: the as-of instant of all rows',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY name
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'How far the store has got in event time'
