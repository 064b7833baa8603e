ALTER TABLE signals_store.work_items
    ADD COLUMN IF NOT EXISTS source LowCardinality(String)
        COMMENT 'Id of the configured source that first told of it, else the CloudEvents source'
        AFTER exempt
