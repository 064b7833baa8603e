CREATE TABLE IF NOT EXISTS signals_store.team_weeks
(
    team LowCardinality(String) COMMENT 'Id of the team, e.g. payments',
    week Date COMMENT 'Monday of the week in the zone of the team',
    opens_at DateTime64(3, 'UTC') COMMENT 'When the week begins there, UTC',
    closes_at DateTime64(3, 'UTC') COMMENT 'When the week ends there, UTC',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (team, week)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every week of a team from its first work on'
