CREATE OR REPLACE VIEW signals.adoption_daily
(
    subject String COMMENT 'Id of the capability, e.g. one-click-pay',
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
    retained_28 Nullable(Float64)
        COMMENT 'Share of the adopters of 28 days ago, if still eligible, that are still active, 0 to 1; NULL if there were none',
    eligible Nullable(UInt64) COMMENT 'Adopters it is meant for; NULL if unknown',
    breadth Nullable(Float64)
        COMMENT 'adopters / eligible, 0 to 1; NULL if it is unknown whom it is meant for, or nobody',
    verified_yes UInt64 COMMENT 'Adopters whose valid answer is yes, it solves their problem',
    verified_no UInt64 COMMENT 'Adopters whose valid answer is no',
    responded UInt64 COMMENT 'Adopters with a valid answer: yes, partly or no',
    retained UInt64 COMMENT 'Adopters of 28 days ago that are still eligible and active',
    retained_of UInt64
        COMMENT 'Adopters of 28 days ago that are still eligible: the base of retained'
)
COMMENT 'Adopters of a subject per full day'
AS
SELECT
    subject,
    day,
    adopters,
    active_7,
    active_28,
    new,
    resurrected,
    churned,
    left,
    activated,
    if(retained_of = 0, NULL, retained / retained_of) AS retained_28,
    eligible,
    if(eligible = 0, NULL, adopters / eligible) AS breadth,
    verified_yes,
    verified_no,
    responded,
    retained,
    retained_of
FROM signals_store.adoption_days FINAL
