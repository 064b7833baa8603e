CREATE TABLE IF NOT EXISTS signals_store.incidents
(
    incident String COMMENT 'Incident: id at its source, e.g. pagerduty:Q2X',
    service LowCardinality(String) COMMENT 'Id of the service that suffered, empty if not said',
    team LowCardinality(String) COMMENT 'Id of the team that it was given to, empty if not said',
    severity LowCardinality(String) COMMENT 'How bad its source says it is, empty if not said',
    deploy String COMMENT 'Deploy that caused it, empty if none is said to have',
    opened_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it was first opened, UTC; NULL if nobody said',
    resolved_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it was over, UTC; NULL while it is not',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY incident
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every incident, and which deploy it is put down to'
