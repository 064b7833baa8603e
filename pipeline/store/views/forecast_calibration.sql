CREATE OR REPLACE VIEW signals.forecast_calibration
(
    about_kind String COMMENT 'goal or team',
    quantity String COMMENT 'days or value',
    horizon UInt32 COMMENT 'Days ahead; 0 where days were forecast',
    n UInt64 COMMENT 'Forecasts whose interval can be judged by now; of days whose P85 can',
    coverage Nullable(Float64)
        COMMENT 'Share of outcomes within their interval; of days the share by P85',
    interval_score Nullable(Float64)
        COMMENT 'Mean interval score, smaller is better; in shares of the way of a goal, or of a mean week of a team',
    brier Nullable(Float64) COMMENT 'Mean Brier score of p_hit, 0 is best',
    skill Nullable(Float64)
        COMMENT '1 - score / score of `against`; above 0 is better than that',
    against String COMMENT 'Simpler forecast that it is compared with',
    pinball Nullable(Float64)
        COMMENT 'Mean pinball score of P10, P50 and P85, smaller is better, in the same shares',
    interval Float64
        COMMENT 'Share of outcomes that the intervals were to hold, on average; of days what P85 was to',
    chances UInt64 COMMENT 'Chances to be hit in time that brier is about'
)
COMMENT 'How right forecasts were, as the last backtest found'
AS
SELECT
    about_kind,
    quantity,
    horizon,
    n,
    coverage,
    interval_score,
    brier,
    skill,
    against,
    pinball,
    interval,
    chances
FROM signals_store.forecast_calibrations FINAL
