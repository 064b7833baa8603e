CREATE OR REPLACE VIEW signals.deploys
(
    deploy String COMMENT 'Deploy: source id and native id, e.g. github:deployment:123',
    service String COMMENT 'Id of the service, e.g. checkout',
    environment String COMMENT 'Environment as its source names it, e.g. production',
    tier String COMMENT 'Tier of the environment, e.g. production; empty if unknown',
    sha String COMMENT 'Commit that was deployed, empty if unknown',
    version String COMMENT 'Version that was deployed, e.g. 2.4.0; empty if unknown',
    outcome String COMMENT 'success, failure, error, timeout, cancellation or skip',
    kind String COMMENT 'deploy, rollback or config',
    finished_at DateTime64(3, 'UTC') COMMENT 'When it ended, UTC',
    changes Array(String) COMMENT 'Changes that the deploy itself lists',
    work_items Array(String) COMMENT 'Keys of the work items that the deploy itself names',
    team String COMMENT 'Id of the team that owns the service, empty if unknown',
    cause String COMMENT 'incident or hotfix if the deploy was unplanned, else empty',
    repository String COMMENT 'Repository that was deployed, e.g. acme/checkout',
    changeset_unknown Bool
        COMMENT 'True while nobody has said which change its commit belongs to',
    source String
        COMMENT 'Id of the configured source that reported it, else the CloudEvents source',
    week Date
        COMMENT 'Monday of the week in which it finished, local to the team of the service',
    working_days Array(UInt16)
        COMMENT 'Working days of the team in the 28 days that end with this week, then in those that end with each of the three weeks after',
    counted Bool
        COMMENT 'True if it placed a version in production: deploys and rollbacks that succeeded; only these are in delivery metrics',
    brought UInt64 COMMENT 'Changes that it was the first to bring to production; a redeploy of the same commit brings none',
    unplanned Bool COMMENT 'True for a rollback, and where the cause is an incident or a hotfix',
    failed Bool
        COMMENT 'True if it needed immediate intervention; only what is counted can, and later evidence may still say so',
    failed_by Array(String)
        COMMENT 'Why it counts as failed: rollback (found in production and taken back), incident (linked to it), revert (of a change that it brought, merged within 7 days), mark (a decision says so)',
    impaired_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Since when it did harm, UTC: when the first incident linked to it was opened, else when it finished; NULL if it did not fail',
    recovered_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When that was over, UTC: when all incidents linked to it were; without any at the first of its rollback, the live revert, and an unplanned deploy of the service within 7 days; NULL while not known',
    day Date COMMENT 'Day on which it finished, local to the team of the service',
    working_days_90 Array(UInt16)
        COMMENT 'Working days of the team in the 90 days that end with this week, then in those that end with each of the twelve weeks after'
)
COMMENT 'Every deploy, of any environment and outcome'
AS
WITH
    incidents AS
    (
        SELECT
            deploy,
            true AS linked,
            min(opened_at) AS opened_at,
            if(countIf(resolved_at IS NULL) = 0, max(resolved_at), NULL) AS resolved_at
        FROM signals_store.incidents FINAL
        WHERE deploy != ''
        GROUP BY deploy
    ),
    marks AS
    (
        SELECT DISTINCT about AS deploy, true AS marked
        FROM signals_store.decisions FINAL
        WHERE decision = 'failed'
    ),
    carried AS
    (
        SELECT
            deploy,
            repository,
            count() AS brought,
            countIf(reverted_at IS NOT NULL) AS reverted,
            -- Of several the last one: until then it did harm.
            if(countIf(reverted_at IS NOT NULL AND removed_at IS NULL) = 0,
                maxIf(removed_at, reverted_at IS NOT NULL), NULL) AS taken_out_at
        FROM
        (
            SELECT * FROM signals_store.changes_shipped FINAL WHERE deploy != ''
        )
        GROUP BY deploy, repository
    ),
    known AS
    (
        SELECT
            *,
            toBool(tier = 'production' AND outcome = 'success' AND kind != 'config') AS counted,
            toBool(kind = 'rollback' OR cause != '') AS unplanned,
            -- Later deploys first, so that the earliest of them is the next one.
            min(if(counted AND unplanned, finished_at, NULL)) OVER (
                PARTITION BY service ORDER BY finished_at DESC, deploy DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS mended_at
        FROM signals_store.deploys FINAL
    )
SELECT
    known.deploy AS deploy,
    service,
    environment,
    tier,
    sha,
    version,
    outcome,
    kind,
    finished_at,
    changes,
    work_items,
    team,
    cause,
    known.repository AS repository,
    changeset_unknown,
    source,
    week,
    working_days,
    counted,
    carried.brought AS brought,
    unplanned,
    toBool(notEmpty(failed_by)) AS failed,
    if(
        counted,
        arrayFilter(
            why -> why != '',
            [
                if(rolled_back_at IS NOT NULL, 'rollback', ''),
                if(incidents.linked, 'incident', ''),
                if(carried.reverted > 0, 'revert', ''),
                if(marks.marked, 'mark', '')
            ]
        ),
        []
    ) AS failed_by,
    if(failed, coalesce(incidents.opened_at, finished_at), NULL) AS impaired_at,
    multiIf(
        NOT failed, NULL,
        incidents.linked, incidents.resolved_at,
        arrayReduce(
            'minOrNull',
            [
                rolled_back_at,
                carried.taken_out_at,
                if(mended_at <= finished_at + INTERVAL 7 DAY, mended_at, NULL)
            ]
        )
    ) AS recovered_at,
    day,
    working_days_90
FROM known
LEFT JOIN incidents ON incidents.deploy = known.deploy
LEFT JOIN marks ON marks.deploy = known.deploy
LEFT JOIN carried ON carried.deploy = known.deploy AND carried.repository = known.repository
