CREATE TABLE IF NOT EXISTS signals_store.commitments
(
    team LowCardinality(String) COMMENT 'Id of the team, e.g. payments',
    period String COMMENT 'Name of the period, e.g. 2026-Q1',
    work_item String
        COMMENT 'Work item, e.g. jira:10042; as it was named in the commitment if nobody has the name',
    committed Bool COMMENT 'True if it was in the period when the commitment was frozen',
    added Bool COMMENT 'True if it came later and was in the period at its end (or is now)',
    removed LowCardinality(String)
        COMMENT 'How a committed one left the period before its end: moved, dropped or deleted; else empty',
    carried Bool COMMENT 'True if the period before had left it unfinished',
    closed Bool COMMENT 'True if it was closed by the end of the period (or is now, before it)',
    shipped Bool COMMENT 'True if it was shipped by the end of the period (or is now, before it)',
    adopted Bool COMMENT 'True if it was adopted by the end of the period (or is now, before it)',
    verified Bool COMMENT 'True if it was verified by the end of the period (or is now, before it)',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (team, period, work_item)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Work items of the periods of teams'
