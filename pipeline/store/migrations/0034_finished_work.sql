CREATE TABLE IF NOT EXISTS signals_store.finished_work
(
    work_item String COMMENT 'Work item: source id and native id, e.g. jira:10042',
    team LowCardinality(String) COMMENT 'Id of the team that finished it, e.g. payments',
    kind LowCardinality(String) COMMENT 'feature, bug, chore, incident, support, epic or other',
    goals Array(String)
        COMMENT 'Ids of the goals that it was for when it was finished, also if known later',
    exempt Bool COMMENT 'True if no adoption is expected of it (adoption: none_expected)',
    started_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When work on it began, UTC; NULL if nobody said so',
    finished_at DateTime64(3, 'UTC')
        COMMENT 'When it was first said to be finished (closed, or all of it shipped), UTC',
    usual Nullable(Float64)
        COMMENT 'Days in which 85 % of what its team had finished by its start was done; NULL if fewer than 10',
    reopened_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was first reopened, UTC; NULL if never',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY work_item
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What teams finished'
