CREATE TABLE IF NOT EXISTS signals_store.forecast_calibrations
(
    about_kind LowCardinality(String) COMMENT 'goal or team',
    quantity LowCardinality(String) COMMENT 'days or value',
    horizon UInt32 COMMENT 'Days ahead; 0 where days were forecast',
    against LowCardinality(String) COMMENT 'Simpler forecast that it is compared with',
    n UInt64 COMMENT 'Forecasts that can be judged by now',
    coverage Nullable(Float64)
        COMMENT 'Share of outcomes within their interval of 85 %; of days the share by P85',
    interval_score Nullable(Float64)
        COMMENT 'Mean interval score, smaller is better; in shares of the way of a goal, or of a mean week of a team',
    brier Nullable(Float64) COMMENT 'Mean Brier score of p_hit, 0 is best',
    skill Nullable(Float64)
        COMMENT '1 - score / score of against; above 0 is better than that',
    pinball Nullable(Float64)
        COMMENT 'Mean pinball score of P10, P50 and P85, smaller is better, in the same shares',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (about_kind, quantity, horizon, against)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'How right forecasts were, as the last backtest found'
