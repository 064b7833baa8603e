CREATE TABLE IF NOT EXISTS signals_store.names
(
    kind LowCardinality(String) COMMENT 'team, service or adopter',
    name String
        COMMENT 'Id of the team, service or adopter; hashed where privacy asks for it',
    subject LowCardinality(String)
        COMMENT 'Id of the capability that an adopter is said to use, else empty',
    known Bool
        COMMENT 'True for a team that is defined, and for a service whose team is; false for a service of an unknown team, and for an adopter whom no list of the subject names although there is one',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (kind, name, subject)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Names of teams and services that are defined, and of adopters that nobody knows'
