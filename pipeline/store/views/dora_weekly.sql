CREATE OR REPLACE VIEW signals.dora_weekly
(
    service String COMMENT 'Id of the service, e.g. checkout',
    team String
        COMMENT 'Id of the team that owned the service when it was last deployed, e.g. payments; empty if unknown',
    week Date COMMENT 'Monday of the week, local',
    deployments UInt64
        COMMENT 'Successful production deploys of the week, rollbacks included, configuration not',
    lead_time_p50 Nullable(Float64)
        COMMENT 'Median days from first commit to production, over the 28 days that end with the week',
    change_fail_rate Nullable(Float64)
        COMMENT 'Share of production deploys that needed immediate intervention, 0 to 1, over the 28 days',
    recovery_time_p50 Nullable(Float64)
        COMMENT 'Median days to recover from a failed deploy, over those of the 28 days that are known to be over',
    rework_rate Nullable(Float64)
        COMMENT 'Share of production deploys that were unplanned, 0 to 1, over the 28 days',
    lead_time_merge_p50 Nullable(Float64)
        COMMENT 'Median days from merge to production, over the 28 days',
    deployments_per_working_day Nullable(Float64)
        COMMENT 'Production deploys per working day of the team, over the 28 days; NULL while these are not over, or began before the week of its first deploy',
    deployments_28 UInt64 COMMENT 'Production deploys of the 28 days',
    failed_28 UInt64 COMMENT 'Production deploys of the 28 days that needed immediate intervention',
    unrecovered_28 UInt64 COMMENT 'Failed deploys of the 28 days whose recovery is not known',
    provisional Bool
        COMMENT 'True while a deploy of the 28 days is less than 72 hours old: it may still turn out to have failed',
    lead_time_p50_90 Nullable(Float64)
        COMMENT 'Median days from first commit to production, over the 90 days that end with the week',
    change_fail_rate_90 Nullable(Float64)
        COMMENT 'Share of production deploys that needed immediate intervention, 0 to 1, over the 90 days',
    recovery_time_p50_90 Nullable(Float64)
        COMMENT 'Median days to recover from a failed deploy, over those of the 90 days that are known to be over',
    rework_rate_90 Nullable(Float64)
        COMMENT 'Share of production deploys that were unplanned, 0 to 1, over the 90 days',
    lead_time_merge_p50_90 Nullable(Float64)
        COMMENT 'Median days from merge to production, over the 90 days',
    deployments_per_working_day_90 Nullable(Float64)
        COMMENT 'Production deploys per working day of the team, over the 90 days; NULL while these are not over, or began before the week of its first deploy',
    deployments_90 UInt64 COMMENT 'Production deploys of the 90 days',
    failed_90 UInt64 COMMENT 'Production deploys of the 90 days that needed immediate intervention',
    unrecovered_90 UInt64 COMMENT 'Failed deploys of the 90 days whose recovery is not known'
)
COMMENT 'How a service is delivered, per week from its first production deploy on'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    -- As `counted` of the view deploys, whose joins only `failures` needs.
    deployed AS
    (
        SELECT
            deploy,
            repository,
            toString(service) AS service,
            toString(team) AS team,
            week,
            -- Monday is apart: the 90 days that end with a week begin on a Tuesday.
            day > week AS later,
            finished_at,
            working_days,
            working_days_90
        FROM signals_store.deploys FINAL
        WHERE tier = 'production' AND outcome = 'success' AND kind != 'config'
    ),
    failures AS
    (
        SELECT
            service,
            week,
            day > week AS later,
            countIf(failed) AS n_failed,
            countIf(failed AND recovered_at IS NULL) AS n_unrecovered,
            countIf(unplanned) AS n_unplanned,
            groupArrayIf(assumeNotNull(recovery), recovery >= 0) AS recoveries
        FROM
        (
            SELECT *, dateDiff('millisecond', impaired_at, recovered_at) / 86400000 AS recovery
            FROM signals.deploys
            WHERE counted
        )
        GROUP BY service, week, later
    ),
    cells AS
    (
        SELECT
            service,
            week,
            later,
            count() AS n,
            argMax(deployed.working_days, finished_at) AS days_28,
            argMax(deployed.working_days_90, finished_at) AS days_90,
            max(finished_at) AS newest_at
        FROM deployed
        GROUP BY service, week, later
    ),
    -- What happened counts in every week that ends less than 90 days later; the 28 days that end
    -- with a week are four weeks.
    of_deploys AS
    (
        SELECT
            service,
            week + 7 * age AS window,
            sumIf(n, age = 0) AS deployments,
            sumIf(n, age < 4) AS deployments_28,
            sumIf(n_failed, age < 4) AS failed_28,
            sumIf(n_unrecovered, age < 4) AS unrecovered_28,
            sumIf(n_unplanned, age < 4) AS unplanned_28,
            quantileExactInclusiveOrNullArrayIf(0.5)(recoveries, age < 4) AS recovery_time_p50,
            argMaxIf(days_28[age + 1], newest_at, age < 4) AS working_days,
            maxIf(newest_at, age < 4) AS last_at,
            sum(n) AS deployments_90,
            sum(n_failed) AS failed_90,
            sum(n_unrecovered) AS unrecovered_90,
            sum(n_unplanned) AS unplanned_90,
            quantileExactInclusiveOrNullArray(0.5)(recoveries) AS recovery_time_p50_90,
            argMax(days_90[age + 1], newest_at) AS working_days_90
        FROM
        (
            SELECT * FROM cells INNER JOIN failures USING (service, week, later)
        )
        ARRAY JOIN range(13) AS age
        WHERE later OR age < 12
        GROUP BY service, window
    ),
    of_changes AS
    (
        SELECT
            service,
            week + 7 * age AS window,
            quantileExactInclusiveOrNullArrayIf(0.5)(leads, age < 4) AS lead_time_p50,
            quantileExactInclusiveOrNullArrayIf(0.5)(leads_merge, age < 4) AS lead_time_merge_p50,
            quantileExactInclusiveOrNullArray(0.5)(leads) AS lead_time_p50_90,
            quantileExactInclusiveOrNullArray(0.5)(leads_merge) AS lead_time_merge_p50_90
        FROM
        (
            SELECT
                deployed.service AS service,
                week,
                later,
                groupArray(lead_time) AS leads,
                groupArray(lead_time_merge) AS leads_merge
            FROM
            (
                SELECT deploy, repository, lead_time, lead_time_merge
                FROM signals.changes_shipped
                WHERE deploy != ''
            ) AS change
            INNER JOIN deployed
                ON deployed.deploy = change.deploy AND deployed.repository = change.repository
            GROUP BY service, week, later
        )
        ARRAY JOIN range(13) AS age
        WHERE later OR age < 12
        GROUP BY service, window
    ),
    owners AS
    (
        SELECT service, week, argMax(team, finished_at) AS team
        FROM deployed
        GROUP BY service, week
    ),
    weeks AS
    (
        SELECT
            service,
            first_week,
            arrayJoin(
                arrayMap(n -> first_week + 7 * n, range(toUInt64(intDiv(last_week - first_week, 7) + 1)))
            ) AS week
        FROM
        (
            SELECT
                service,
                min(week) AS first_week,
                greatest(max(week), toMonday(toDate(coalesce(clock, max(finished_at))))) AS last_week
            FROM deployed
            GROUP BY service
        )
    )
SELECT
    weeks.service AS service,
    owners.team AS team,
    weeks.week AS week,
    of_deploys.deployments AS deployments,
    of_changes.lead_time_p50 AS lead_time_p50,
    if(deployments_28 = 0, NULL, failed_28 / deployments_28) AS change_fail_rate,
    of_deploys.recovery_time_p50 AS recovery_time_p50,
    if(deployments_28 = 0, NULL, unplanned_28 / deployments_28) AS rework_rate,
    of_changes.lead_time_merge_p50 AS lead_time_merge_p50,
    multiIf(
        weeks.week < first_week + 21 OR weeks.week + 7 > toDate(clock), NULL,
        deployments_28 = 0, 0,
        of_deploys.working_days = 0, NULL,
        deployments_28 / of_deploys.working_days
    ) AS deployments_per_working_day,
    of_deploys.deployments_28 AS deployments_28,
    of_deploys.failed_28 AS failed_28,
    of_deploys.unrecovered_28 AS unrecovered_28,
    toBool(deployments_28 > 0 AND coalesce(last_at + INTERVAL 72 HOUR > clock, true)) AS provisional,
    of_changes.lead_time_p50_90 AS lead_time_p50_90,
    if(deployments_90 = 0, NULL, failed_90 / deployments_90) AS change_fail_rate_90,
    of_deploys.recovery_time_p50_90 AS recovery_time_p50_90,
    if(deployments_90 = 0, NULL, unplanned_90 / deployments_90) AS rework_rate_90,
    of_changes.lead_time_merge_p50_90 AS lead_time_merge_p50_90,
    multiIf(
        weeks.week < first_week + 83 OR weeks.week + 7 > toDate(clock), NULL,
        deployments_90 = 0, 0,
        of_deploys.working_days_90 = 0, NULL,
        deployments_90 / of_deploys.working_days_90
    ) AS deployments_per_working_day_90,
    of_deploys.deployments_90 AS deployments_90,
    of_deploys.failed_90 AS failed_90,
    of_deploys.unrecovered_90 AS unrecovered_90
FROM weeks
ASOF INNER JOIN owners ON owners.service = weeks.service AND weeks.week >= owners.week
LEFT JOIN of_deploys ON of_deploys.service = weeks.service AND of_deploys.window = weeks.week
LEFT JOIN of_changes ON of_changes.service = weeks.service AND of_changes.window = weeks.week
