ALTER TABLE signals_store.goals
    ADD COLUMN IF NOT EXISTS hit_by_p50 Nullable(Date32)
        COMMENT 'Day by which it is hit with a chance of 50 %; NULL without a forecast',
    ADD COLUMN IF NOT EXISTS hit_by_p85 Nullable(Date32)
        COMMENT 'Day by which it is hit with a chance of 85 %; NULL without a forecast',
    ADD COLUMN IF NOT EXISTS p_hit Nullable(Float64)
        COMMENT 'Chance that it is hit by its due date, 0 to 1; NULL without a forecast'
