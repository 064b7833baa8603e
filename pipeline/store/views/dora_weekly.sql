CREATE OR REPLACE VIEW signals.dora_weekly
(
    service String COMMENT 'Id of the service, e.g. checkout',
    team String COMMENT 'Id of the team, e.g. payments',
    week Date COMMENT 'Monday of the week, local',
    deployments UInt64 COMMENT 'Successful production deploys of the week',
    lead_time_p50 Nullable(Float64)
        COMMENT 'Median days from first commit to production, over the 28 days that end with the week',
    change_fail_rate Nullable(Float64)
        COMMENT 'Share of production deploys that needed immediate intervention, 0 to 1, over the 28 days',
    recovery_time_p50 Nullable(Float64)
        COMMENT 'Median days to recover from a failed deploy, over the 28 days',
    rework_rate Nullable(Float64)
        COMMENT 'Share of production deploys that were unplanned, 0 to 1, over the 28 days'
)
COMMENT 'How a service is delivered, per week'
AS
-- The rule behind it is not there yet: no rows.
SELECT
    '' AS service,
    '' AS team,
    toDate(0) AS week,
    0 AS deployments,
    NULL AS lead_time_p50,
    NULL AS change_fail_rate,
    NULL AS recovery_time_p50,
    NULL AS rework_rate
WHERE 0
