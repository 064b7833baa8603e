-- How good forecasts were; filled by a later version.
CREATE OR REPLACE VIEW signals.forecast_calibration
(
    `about_kind` String COMMENT 'work_item, goal, team or source',
    `quantity` String COMMENT 'Quantity',
    `horizon` UInt64 COMMENT 'Horizon',
    `n` UInt64 COMMENT 'N',
    `coverage` Nullable(Float64) COMMENT 'Coverage',
    `interval_score` Nullable(Float64) COMMENT 'Interval score',
    `brier` Nullable(Float64) COMMENT 'Brier',
    `skill` Nullable(Float64) COMMENT 'Skill',
    `against` String COMMENT 'Against'
)
AS
SELECT defaultValueOfTypeName('String') AS `about_kind`, defaultValueOfTypeName('String') AS `quantity`, defaultValueOfTypeName('UInt64') AS `horizon`, defaultValueOfTypeName('UInt64') AS `n`, defaultValueOfTypeName('Nullable(Float64)') AS `coverage`, defaultValueOfTypeName('Nullable(Float64)') AS `interval_score`, defaultValueOfTypeName('Nullable(Float64)') AS `brier`, defaultValueOfTypeName('Nullable(Float64)') AS `skill`, defaultValueOfTypeName('String') AS `against`
WHERE 0
