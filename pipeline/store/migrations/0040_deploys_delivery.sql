ALTER TABLE signals_store.deploys
    ADD COLUMN IF NOT EXISTS source LowCardinality(String)
        COMMENT 'Id of the configured source that reported it, else the CloudEvents source'
        AFTER cause,
    ADD COLUMN IF NOT EXISTS week Date
        COMMENT 'Monday of the week in which it finished, local to the team of the service'
        AFTER source,
    ADD COLUMN IF NOT EXISTS working_days Array(UInt16)
        COMMENT 'Working days of the team in the 28 days that end with this week, then in those that end with each of the three weeks after'
        AFTER week,
    ADD COLUMN IF NOT EXISTS rolled_back_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When a rollback found it in production and took it back, UTC; NULL if none did'
        AFTER working_days
