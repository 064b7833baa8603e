CREATE TABLE IF NOT EXISTS signals_store.deploys
(
    deploy String COMMENT 'Deploy: source id and native id, e.g. github:deployment:123',
    service LowCardinality(String) COMMENT 'Id of the service, e.g. checkout',
    environment LowCardinality(String)
        COMMENT 'Environment as its source names it, e.g. production',
    tier LowCardinality(String)
        COMMENT 'Tier of the environment, e.g. production; empty if unknown',
    sha String COMMENT 'Commit that was deployed, empty if unknown',
    version String COMMENT 'Version that was deployed, e.g. 2.4.0; empty if unknown',
    outcome LowCardinality(String)
        COMMENT 'success, failure, error, timeout, cancellation or skip',
    kind LowCardinality(String) COMMENT 'deploy, rollback or config',
    finished_at DateTime64(3, 'UTC') COMMENT 'When it ended, UTC',
    changes Array(String) COMMENT 'Changes that this deploy brought or removed',
    work_items Array(String) COMMENT 'Keys of the work items that the deploy itself names',
    team LowCardinality(String)
        COMMENT 'Id of the team that owns the service, empty if unknown',
    changeset_unknown Bool COMMENT 'True while we have not seen the change of its commit',
    cause LowCardinality(String)
        COMMENT 'incident or hotfix if the deploy was unplanned, else empty',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY deploy
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every deploy, of any environment and outcome'
