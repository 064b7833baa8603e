CREATE TABLE IF NOT EXISTS signals_store.links
(
    `from` String COMMENT 'The side that is linked, e.g. the change acme/checkout!17',
    `to` String COMMENT 'What it counts for, e.g. the work item jira:10042',
    via LowCardinality(String)
        COMMENT 'Evidence: manual, native, keyword, title, commit, branch, release_note, mention or inferred',
    rel LowCardinality(String) COMMENT 'implements, closes, parent, delivers or measures',
    confidence Float64 COMMENT 'How sure the link is by this evidence, 0 to 1, e.g. 0.92',
    confirmed_at DateTime64(3, 'UTC') COMMENT 'When the evidence occurred, UTC',
    drives_state Bool
        COMMENT 'True if the link is sure enough (0.80 with all its evidence) to decide the state of the work item',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (`from`, `to`, via)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Why a signal counts for something'
