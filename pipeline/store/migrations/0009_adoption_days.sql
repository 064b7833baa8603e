CREATE TABLE IF NOT EXISTS signals_store.adoption_days
(
    subject LowCardinality(String) COMMENT 'Id of the capability, e.g. one-click-pay',
    day Date COMMENT 'Day in the zone of the subject, e.g. 2026-03-19',
    adopters UInt64
        COMMENT 'Eligible adopters that have adopted it: activated, and active in the last 28 days',
    active_7 UInt64
        COMMENT 'Eligible adopters that used it in the last 7 days, this one included',
    active_28 UInt64
        COMMENT 'Eligible adopters that used it in the last 28 days, this one included',
    new UInt64 COMMENT 'Adopters counted on this day for the first time',
    resurrected UInt64 COMMENT 'Adopters counted again after they were not',
    churned UInt64 COMMENT 'Adopters no longer counted because they stopped using it',
    left UInt64 COMMENT 'Adopters no longer counted because they are no longer eligible',
    activated UInt64 COMMENT 'Eligible adopters that became activated on this day',
    retained UInt64 COMMENT 'Adopters of 28 days ago that are still eligible and active',
    retained_of UInt64
        COMMENT 'Adopters of 28 days ago that are still eligible: the base of retained',
    eligible Nullable(UInt64) COMMENT 'Adopters it is meant for; NULL if unknown',
    verified_yes UInt64 COMMENT 'Adopters whose valid answer is yes, it solves their problem',
    verified_no UInt64 COMMENT 'Adopters whose valid answer is no',
    responded UInt64 COMMENT 'Adopters with a valid answer: yes, partly or no',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY (subject, day)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Adopters of a subject on a day, at the close of that day'
