ALTER TABLE signals_store.deploys
    ADD COLUMN IF NOT EXISTS repository LowCardinality(String)
        COMMENT 'Repository that was deployed, e.g. acme/checkout; the same id in two is two deploys'
        AFTER deploy,
    MODIFY ORDER BY (deploy, repository)
