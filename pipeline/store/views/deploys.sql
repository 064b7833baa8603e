-- Every deploy.
CREATE OR REPLACE VIEW signals.deploys
(
    `deploy` String COMMENT 'Deploy: source and native id',
    `service` String COMMENT 'Service, the id of its definition',
    `environment` String COMMENT 'Environment as the source names it',
    `tier` String COMMENT 'Tier of the environment, such as production',
    `sha` String COMMENT 'Commit that was deployed',
    `version` String COMMENT 'Version now pinned or deployed; empty: none',
    `outcome` String COMMENT 'success, failure, error, timeout, cancellation or skip',
    `kind` String COMMENT 'What kind of thing it is',
    `finished_at` DateTime64(3, 'UTC') COMMENT 'When it finished',
    `changes` Array(String) COMMENT 'Changes that the deploy lists',
    `work_items` Array(String) COMMENT 'Work items'
)
AS
SELECT deploy, service, environment, tier, sha, version, outcome, kind, finished_at, changes, work_items
FROM signals_store.deploys FINAL
