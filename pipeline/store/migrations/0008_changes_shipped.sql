CREATE TABLE IF NOT EXISTS signals_store.changes_shipped
(
    change String COMMENT 'Change: repository!number or repository@sha, e.g. acme/checkout!17',
    service LowCardinality(String) COMMENT 'Id of the service it has to reach, e.g. checkout',
    repository LowCardinality(String) COMMENT 'Repository: owner/name, e.g. acme/checkout',
    merged_at DateTime64(3, 'UTC') COMMENT 'When it was merged, UTC',
    shipped_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it first was live in production, UTC; NULL until then',
    first_commit_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When its first commit was made, UTC; NULL if unknown',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (change, service)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'When a merged change reached production of a service'
