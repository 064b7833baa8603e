CREATE TABLE IF NOT EXISTS signals_store.adopters
(
    subject LowCardinality(String) COMMENT 'Id of the capability, e.g. one-click-pay',
    adopter String
        COMMENT 'Who adopts: a team, user, account, service or repository; hashed where privacy asks for it',
    owner LowCardinality(String)
        COMMENT 'Team that owns the adopter (a service, a repository), empty if none is known',
    eligible Bool COMMENT 'True if the capability is meant for it now',
    joined_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it became eligible, UTC; NULL means from the beginning',
    first_used_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'First use, UTC; NULL if it never used it',
    adopted_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it first had adopted, UTC; NULL if it never did',
    left_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it stopped being an adopter or being eligible, UTC; NULL if it did not',
    version String
        COMMENT 'Version it has pinned, e.g. 2.1.0; empty where adoption is not by version',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (subject, adopter)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every adopter of a subject'
