CREATE TABLE IF NOT EXISTS signals_store.gaps
(
    team LowCardinality(String)
        COMMENT 'Id of the team that had the work item when the gap ended, e.g. payments',
    stage LowCardinality(String) COMMENT 'close_to_ship, ship_to_adopt or adopt_to_verify',
    work_item String COMMENT 'Work item: source id and native id, e.g. jira:10042',
    began_at DateTime64(3, 'UTC')
        COMMENT 'When the stage before was first reached (its effective instant), UTC',
    ended_at DateTime64(3, 'UTC')
        COMMENT 'When the next one was first reached (its effective instant), UTC',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (team, stage, work_item)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'From when until when work items lay between finished, live, adopted and verified'
