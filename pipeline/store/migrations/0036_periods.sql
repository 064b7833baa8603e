CREATE TABLE IF NOT EXISTS signals_store.periods
(
    team LowCardinality(String) COMMENT 'Id of the team, e.g. payments',
    period String COMMENT 'Name of the period, e.g. 2026-Q1',
    starts_on Date COMMENT 'Its first day, in the zone of the team',
    ends_on Date COMMENT 'Its last day, in the zone of the team',
    starts_at DateTime64(3, 'UTC') COMMENT 'When its first day begins, UTC',
    frozen_at DateTime64(3, 'UTC')
        COMMENT 'When the commitment was frozen: the close of its second working day, UTC',
    ends_at DateTime64(3, 'UTC') COMMENT 'When its last day is over, UTC',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (team, period)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Periods for which teams committed to work'
