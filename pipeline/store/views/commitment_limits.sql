-- Limits for a fair comparison of commitments; filled by a later version.
CREATE OR REPLACE VIEW signals.commitment_limits
(
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `period` String COMMENT 'Period',
    `level` String COMMENT 'vision, business, user, product or sprint',
    `n` UInt64 COMMENT 'N',
    `share` Nullable(Float64) COMMENT 'Open / (open + done in the 90 days before)',
    `expected` Nullable(Float64) COMMENT 'Expected',
    `low` Nullable(Float64) COMMENT 'Low',
    `high` Nullable(Float64) COMMENT 'High'
)
AS
SELECT defaultValueOfTypeName('String') AS `team`, defaultValueOfTypeName('String') AS `period`, defaultValueOfTypeName('String') AS `level`, defaultValueOfTypeName('UInt64') AS `n`, defaultValueOfTypeName('Nullable(Float64)') AS `share`, defaultValueOfTypeName('Nullable(Float64)') AS `expected`, defaultValueOfTypeName('Nullable(Float64)') AS `low`, defaultValueOfTypeName('Nullable(Float64)') AS `high`
WHERE 0
