CREATE TABLE IF NOT EXISTS signals_store.work_in_progress
(
    work_item String COMMENT 'Work item: source id and native id, e.g. jira:10042',
    position UInt32 COMMENT 'Place of this stretch in the history of the work item, from 0',
    team LowCardinality(String) COMMENT 'Id of the team that had it in work, e.g. payments',
    goals Array(String) COMMENT 'Ids of the goals that it was for, as known then',
    started_at DateTime64(3, 'UTC') COMMENT 'When work on the work item began, UTC',
    since DateTime64(3, 'UTC') COMMENT 'When the stretch began, UTC',
    until Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it ended: finished, dropped, deleted, or another team or goal; NULL if it goes on',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (work_item, position)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Stretches in which a team had a work item in work'
