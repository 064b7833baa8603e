CREATE TABLE IF NOT EXISTS signals_store.subjects
(
    subject LowCardinality(String) COMMENT 'Id of the capability, e.g. one-click-pay',
    title String COMMENT 'Title for people, e.g. One-click payment',
    unit LowCardinality(String) COMMENT 'What adopts it: user, team, account, service or repo',
    team LowCardinality(String) COMMENT 'Id of the team that delivers it',
    target Nullable(Float64)
        COMMENT 'Adopters, or share of the eligible, that make it adopted; see target_kind',
    target_kind LowCardinality(String) COMMENT 'adopters or share',
    released_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it was first available, UTC; NULL if not released',
    timezone LowCardinality(String) COMMENT 'Zone of its days, e.g. Europe/Berlin',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY subject
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every capability whose adoption is measured'
