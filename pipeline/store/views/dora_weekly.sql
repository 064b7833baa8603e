-- Delivery metrics per service and week; filled by a later version.
CREATE OR REPLACE VIEW signals.dora_weekly
(
    `service` String COMMENT 'Service, the id of its definition',
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `week` Date32 COMMENT 'Monday of the week, local',
    `deployments` UInt64 COMMENT 'Deployments',
    `lead_time_p50` Nullable(Float64) COMMENT 'Lead time p50',
    `change_fail_rate` Nullable(Float64) COMMENT 'Change fail rate',
    `recovery_time_p50` Nullable(Float64) COMMENT 'Recovery time p50',
    `rework_rate` Nullable(Float64) COMMENT 'Rework rate'
)
AS
SELECT defaultValueOfTypeName('String') AS `service`, defaultValueOfTypeName('String') AS `team`, defaultValueOfTypeName('Date32') AS `week`, defaultValueOfTypeName('UInt64') AS `deployments`, defaultValueOfTypeName('Nullable(Float64)') AS `lead_time_p50`, defaultValueOfTypeName('Nullable(Float64)') AS `change_fail_rate`, defaultValueOfTypeName('Nullable(Float64)') AS `recovery_time_p50`, defaultValueOfTypeName('Nullable(Float64)') AS `rework_rate`
WHERE 0
