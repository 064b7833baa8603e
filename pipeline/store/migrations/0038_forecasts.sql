CREATE TABLE IF NOT EXISTS signals_store.forecasts
(
    about_kind LowCardinality(String) COMMENT 'goal or team',
    about LowCardinality(String) COMMENT 'Id of the goal or team',
    quantity LowCardinality(String)
        COMMENT 'days = days after made_on, value = value at the horizon',
    made_on Date COMMENT 'Day at whose close it was made, in the zone of the goal or team',
    horizon UInt32 COMMENT 'Days ahead; 0 where days are forecast',
    scenario LowCardinality(String) COMMENT 'Id of the scenario; empty is as things are',
    p10 Nullable(Float64) COMMENT '10 % are below; NULL if too early or never',
    p50 Nullable(Float64) COMMENT 'Half are below; NULL if too early or never',
    p85 Nullable(Float64) COMMENT '85 % are below; NULL if too early or never',
    p_hit Nullable(Float64) COMMENT 'Chance to hit the target by due_on, 0 to 1',
    p_never Nullable(Float64) COMMENT 'Chance not to hit it within two years, 0 to 1',
    basis String COMMENT 'What it rests on, or why it is too early to forecast',
    due_on Nullable(Date32) COMMENT 'Date that p_hit is about; NULL for a team',
    low Nullable(Float64) COMMENT 'Lower end of the central interval of 85 %',
    high Nullable(Float64) COMMENT 'Upper end of the central interval of 85 %',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (about_kind, about, quantity, made_on, horizon, scenario)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What was expected of every goal and team, week by week'
