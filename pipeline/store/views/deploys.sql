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
        COMMENT 'True while nobody has said which change its commit belongs to'
)
COMMENT 'Every deploy, of any environment and outcome'
AS
SELECT
    deploy,
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
    repository,
    changeset_unknown
FROM signals_store.deploys FINAL
