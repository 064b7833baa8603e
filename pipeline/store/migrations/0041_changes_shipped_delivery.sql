ALTER TABLE signals_store.changes_shipped
    ADD COLUMN IF NOT EXISTS source LowCardinality(String)
        COMMENT 'Id of the configured source that reported the merge, else the CloudEvents source'
        AFTER first_commit_at,
    ADD COLUMN IF NOT EXISTS deploy String
        COMMENT 'Deploy that brought it to production first; empty until then'
        AFTER source,
    ADD COLUMN IF NOT EXISTS reverted_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When a revert of it was merged within 7 days after it was live, UTC; NULL if none was'
        AFTER deploy,
    ADD COLUMN IF NOT EXISTS removed_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it first left production again, by a rollback or a live revert, UTC; NULL if it did not'
        AFTER reverted_at
