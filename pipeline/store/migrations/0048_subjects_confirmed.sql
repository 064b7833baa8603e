ALTER TABLE signals_store.subjects
    ADD COLUMN IF NOT EXISTS confirmed_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When the list of those it is meant for was last said, by a signal or by a version with a day, UTC; NULL without a list, or a day'
        AFTER timezone,
    ADD COLUMN IF NOT EXISTS package String
        COMMENT 'Package whose pinned versions measure it, e.g. acme/sdk; empty if it is measured by use'
        AFTER confirmed_at
