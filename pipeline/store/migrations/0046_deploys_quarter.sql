ALTER TABLE signals_store.deploys
    ADD COLUMN IF NOT EXISTS day Date
        COMMENT 'Day on which it finished, local to the team of the service'
        AFTER rolled_back_at,
    ADD COLUMN IF NOT EXISTS working_days_90 Array(UInt16)
        COMMENT 'Working days of the team in the 90 days that end with this week, then in those that end with each of the twelve weeks after'
        AFTER day
