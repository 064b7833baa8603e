-- When each change reached each service that it must reach.
CREATE OR REPLACE VIEW signals.changes_shipped
(
    `change` String COMMENT 'Change: repository!number or repository@sha',
    `repository` String COMMENT 'Repository: owner/name',
    `merged_at` DateTime64(3, 'UTC') COMMENT 'When it was merged',
    `service` String COMMENT 'Service, the id of its definition',
    `shipped_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was live everywhere; NULL: not yet',
    `lead_time` Nullable(Float64) COMMENT 'Days from first commit (else merge) to production; negative stays so; NULL: not yet'
)
AS
SELECT change, repository, merged_at, service, shipped_at,
    dateDiff('millisecond', ifNull(first_commit_at, merged_at), shipped_at) / 86400000 AS lead_time
FROM signals_store.changes_shipped FINAL
