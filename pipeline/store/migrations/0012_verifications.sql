CREATE TABLE IF NOT EXISTS signals_store.verifications
(
    subject LowCardinality(String) COMMENT 'Id of the capability, e.g. one-click-pay',
    adopter String COMMENT 'Who answered; empty if the answer holds for the subject as a whole',
    at DateTime64(3, 'UTC') COMMENT 'When they answered, UTC',
    id String COMMENT 'Id of the signal',
    verdict LowCardinality(String) COMMENT 'yes, partly or no',
    method LowCardinality(String) COMMENT 'attested, survey, kpi or retired; empty if not said',
    comment String COMMENT 'Their words, empty if none',
    evidence_url String COMMENT 'Where the evidence is, empty if none',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (subject, adopter, at, id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Answers of adopters: does it solve the problem?'
