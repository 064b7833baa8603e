-- Flow per team and week; filled by a later version.
CREATE OR REPLACE VIEW signals.team_flow_weekly
(
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `week` Date32 COMMENT 'Monday of the week, local',
    `finished` UInt64 COMMENT 'Finished',
    `wip` UInt64 COMMENT 'Wip',
    `cycle_time_p50` Nullable(Float64) COMMENT 'Cycle time p50',
    `cycle_time_p85` Nullable(Float64) COMMENT 'Cycle time p85',
    `age_p85` Nullable(Float64) COMMENT '85th percentile of days since the claim',
    `unplanned_share` Nullable(Float64) COMMENT 'Unplanned share',
    `workstreams` UInt64 COMMENT 'Workstreams',
    `sle_attainment` Nullable(Float64) COMMENT 'Sle attainment',
    `unaligned_share` Nullable(Float64) COMMENT 'Unaligned share',
    `exempt_share` Nullable(Float64) COMMENT 'Exempt share',
    `incidents` UInt64 COMMENT 'Incidents'
)
AS
SELECT defaultValueOfTypeName('String') AS `team`, defaultValueOfTypeName('Date32') AS `week`, defaultValueOfTypeName('UInt64') AS `finished`, defaultValueOfTypeName('UInt64') AS `wip`, defaultValueOfTypeName('Nullable(Float64)') AS `cycle_time_p50`, defaultValueOfTypeName('Nullable(Float64)') AS `cycle_time_p85`, defaultValueOfTypeName('Nullable(Float64)') AS `age_p85`, defaultValueOfTypeName('Nullable(Float64)') AS `unplanned_share`, defaultValueOfTypeName('UInt64') AS `workstreams`, defaultValueOfTypeName('Nullable(Float64)') AS `sle_attainment`, defaultValueOfTypeName('Nullable(Float64)') AS `unaligned_share`, defaultValueOfTypeName('Nullable(Float64)') AS `exempt_share`, defaultValueOfTypeName('UInt64') AS `incidents`
WHERE 0
