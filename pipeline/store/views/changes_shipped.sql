CREATE OR REPLACE VIEW signals.changes_shipped
(
    change String COMMENT 'Change: repository!number or repository@sha, e.g. acme/checkout!17',
    repository String COMMENT 'Repository: owner/name, e.g. acme/checkout',
    merged_at DateTime64(3, 'UTC') COMMENT 'When it was merged, UTC',
    service String COMMENT 'Id of the service it has to reach, e.g. checkout',
    shipped_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it first was live in production, UTC; NULL until then',
    lead_time Nullable(Float64)
        COMMENT 'Days from the first commit, without one from the merge, to production; NULL until then, and where it would be negative (shipped from a branch before the merge)',
    first_commit_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When its first commit was made, UTC; NULL if unknown'
)
COMMENT 'When a merged change reached production of a service'
AS
WITH dateDiff('millisecond', coalesce(first_commit_at, merged_at), shipped_at) AS lead
SELECT
    change,
    repository,
    merged_at,
    service,
    shipped_at,
    if(lead < 0, NULL, lead / 86400000) AS lead_time,
    first_commit_at
FROM signals_store.changes_shipped FINAL
