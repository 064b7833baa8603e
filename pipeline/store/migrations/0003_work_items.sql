CREATE TABLE IF NOT EXISTS signals_store.work_items
(
    work_item String COMMENT 'Work item: source id and native id, e.g. jira:10042',
    key String COMMENT 'Key as people write it, e.g. PAY-42; empty if it has none',
    title String COMMENT 'Title in its tracker',
    url String COMMENT 'Address in its tracker',
    kind LowCardinality(String) COMMENT 'feature, bug, chore, incident, support, epic or other',
    team LowCardinality(String)
        COMMENT 'Id of the team that works on it, e.g. payments; empty if unknown',
    goals Array(String) COMMENT 'Ids of the goals it works for',
    subjects Array(String) COMMENT 'Ids of the capabilities it delivers',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was created, UTC',
    state LowCardinality(String)
        COMMENT 'open, unknown, closed_not_shipped, shipped_not_adopted, adopted_not_verified, done, dropped or deleted',
    reasons Array(String)
        COMMENT 'Why it is in this state, the headline first, e.g. needs_deploy',
    state_since DateTime64(3, 'UTC')
        COMMENT 'When the state became true (its effective instant), UTC',
    started_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When work on it began, UTC; NULL if not started',
    closed_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When its tracker closed it as done, UTC; NULL while open',
    shipped_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Since when all of it is live in production, UTC; NULL if it is not',
    adopted_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Since when its capabilities reach their adoption target, UTC; NULL if they do not',
    verified_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Since when adopters confirm that it solves their problem, UTC; NULL if they do not',
    claimed_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it was first said to be finished (closed, or all of it shipped), UTC; kept through reopening',
    done_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Since when it is done: used and verified, or exempt and shipped, UTC; NULL if it is not',
    basically_done Bool COMMENT 'True while the finding basically_done is open',
    parent String COMMENT 'Work item above it (an epic), empty if none',
    exempt Bool COMMENT 'True if no adoption is expected of it (adoption: none_expected)',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY work_item
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Where every work item stands now'
