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
        COMMENT 'When its first commit was made, UTC; NULL if unknown',
    lead_time_merge Nullable(Float64)
        COMMENT 'Days from the merge to production; NULL until then, and where it would be negative',
    deploy String COMMENT 'Deploy that brought it to production first; empty until then',
    reverted_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When a revert of it was merged within 7 days after it was live, UTC; NULL if none was',
    removed_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it first left production again, by a rollback or a live revert, UTC; NULL if it did not',
    source String
        COMMENT 'Id of the configured source that reported the merge, else the CloudEvents source'
)
COMMENT 'When a merged change reached production of a service'
AS
WITH
    dateDiff('millisecond', coalesce(first_commit_at, merged_at), shipped_at) AS lead,
    dateDiff('millisecond', merged_at, shipped_at) AS lead_merge
SELECT
    change,
    repository,
    merged_at,
    service,
    shipped_at,
    if(lead < 0, NULL, lead / 86400000) AS lead_time,
    first_commit_at,
    if(lead_merge < 0, NULL, lead_merge / 86400000) AS lead_time_merge,
    deploy,
    reverted_at,
    removed_at,
    source
FROM signals_store.changes_shipped FINAL
