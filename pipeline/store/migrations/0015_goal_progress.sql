CREATE TABLE IF NOT EXISTS signals_store.goal_progress
(
    goal_id LowCardinality(String) COMMENT 'Id of the goal, e.g. checkout-faster',
    day Date COMMENT 'Day in the zone of the goal',
    value Nullable(Float64)
        COMMENT 'Value at the close of the day; NULL if there was no reading, 0 is a measured zero',
    baseline Nullable(Float64)
        COMMENT 'Value at the start, by the definition in force that day',
    target Nullable(Float64) COMMENT 'Value to reach, by the definition in force that day',
    progress Nullable(Float64)
        COMMENT '(value - baseline) / (target - baseline); can be below 0 or above 1',
    planned Nullable(Float64) COMMENT 'Value that the plan expects at the close of the day',
    delta_1d Nullable(Float64) COMMENT 'Change of the value since the day before, as known now',
    movement Nullable(Float64) COMMENT 'Part of delta_1d that happened on this day',
    restatement Nullable(Float64)
        COMMENT 'Part of delta_1d that comes from signals that arrived late',
    status LowCardinality(String) COMMENT 'Status at the close of the day, e.g. on_track',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (goal_id, day)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every goal on every full day'
