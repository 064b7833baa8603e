CREATE TABLE IF NOT EXISTS signals_store.goal_versions
(
    goal_id LowCardinality(String) COMMENT 'Id of the goal, e.g. checkout-faster',
    from_at DateTime64(3, 'UTC') COMMENT 'From when this version is in force, UTC',
    baseline Nullable(Float64) COMMENT 'Value at the start',
    target Nullable(Float64) COMMENT 'Value to reach',
    due_on Nullable(Date32) COMMENT 'Last day of the goal',
    class LowCardinality(String) COMMENT 'committed or stretch',
    weight Nullable(Float64) COMMENT 'Weight in its parents',
    by String COMMENT 'Who changed it, empty if unknown',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (goal_id, from_at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every version of a goal''s definition'
