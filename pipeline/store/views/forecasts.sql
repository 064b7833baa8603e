-- When it will land; filled by a later version.
CREATE OR REPLACE VIEW signals.forecasts
(
    `about_kind` String COMMENT 'work_item, goal, team or source',
    `about` String COMMENT 'What the finding is about',
    `quantity` String COMMENT 'Quantity',
    `made_on` Date32 COMMENT 'Made on',
    `horizon` UInt64 COMMENT 'Horizon',
    `scenario` String COMMENT 'Scenario',
    `p10` Nullable(Float64) COMMENT 'P10',
    `p50` Nullable(Float64) COMMENT 'P50',
    `p85` Nullable(Float64) COMMENT 'P85',
    `p_hit` Nullable(Float64) COMMENT 'Probability to be hit by the due day; NULL: no forecast',
    `p_never` Nullable(Float64) COMMENT 'P never',
    `basis` String COMMENT 'Basis'
)
AS
SELECT defaultValueOfTypeName('String') AS `about_kind`, defaultValueOfTypeName('String') AS `about`, defaultValueOfTypeName('String') AS `quantity`, defaultValueOfTypeName('Date32') AS `made_on`, defaultValueOfTypeName('UInt64') AS `horizon`, defaultValueOfTypeName('String') AS `scenario`, defaultValueOfTypeName('Nullable(Float64)') AS `p10`, defaultValueOfTypeName('Nullable(Float64)') AS `p50`, defaultValueOfTypeName('Nullable(Float64)') AS `p85`, defaultValueOfTypeName('Nullable(Float64)') AS `p_hit`, defaultValueOfTypeName('Nullable(Float64)') AS `p_never`, defaultValueOfTypeName('String') AS `basis`
WHERE 0
