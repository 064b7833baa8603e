CREATE OR REPLACE VIEW signals.forecast_calibration
(
    about_kind String COMMENT 'goal or team',
    quantity String COMMENT 'days or value',
    horizon UInt32 COMMENT 'Days ahead',
    n UInt64 COMMENT 'Forecasts that can be judged',
    coverage Nullable(Float64) COMMENT 'Share of outcomes within their interval, 0 to 1',
    interval_score Nullable(Float64)
        COMMENT 'Mean interval score, smaller is better, in the unit of the quantity',
    brier Nullable(Float64) COMMENT 'Mean Brier score of p_hit, 0 is best',
    skill Nullable(Float64)
        COMMENT '1 - score / score of `against`; above 0 is better than that',
    against String COMMENT 'What it is compared with'
)
COMMENT 'How right forecasts were'
AS
-- The rule behind it is not there yet: no rows.
SELECT
    '' AS about_kind,
    '' AS quantity,
    0 AS horizon,
    0 AS n,
    NULL AS coverage,
    NULL AS interval_score,
    NULL AS brier,
    NULL AS skill,
    '' AS against
WHERE 0
