-- Adoption of every subject on every full day.
CREATE OR REPLACE VIEW signals.adoption_daily
(
    `subject` String COMMENT 'Subject, the id of its definition',
    `day` Date32 COMMENT 'Day in the calendar of the entity',
    `adopters` Int64 COMMENT 'Adopters that count on the day: adopted and eligible',
    `active_7` Int64 COMMENT 'Eligible adopters with use in the last 7 days',
    `active_28` Int64 COMMENT 'Eligible adopters with use in the last 28 days',
    `new` Int64 COMMENT 'Adopters that count for the first time',
    `resurrected` Int64 COMMENT 'Adopters that count again',
    `churned` Int64 COMMENT 'Adopters that stopped using',
    `left` Int64 COMMENT 'Adopters that are no longer eligible',
    `activated` Int64 COMMENT 'Adopters that got to know it well enough on the day',
    `retained_28` Nullable(Float64) COMMENT 'Share of the adopters of 28 days ago that is still active; NULL: there were none',
    `eligible` Nullable(Int64) COMMENT 'Adopters that could adopt; NULL: unknown',
    `breadth` Nullable(Float64) COMMENT 'adopters / eligible; NULL: unknown',
    `verified_yes` Int64 COMMENT 'Adopters whose current verdict is yes',
    `verified_no` Int64 COMMENT 'Adopters whose current verdict is no',
    `responded` Int64 COMMENT 'Adopters with a current verdict'
)
AS
SELECT subject, day, adopters, active_7, active_28, new, resurrected, churned, left, activated,
    if(retained_of > 0, retained / retained_of, NULL) AS retained_28,
    eligible, if(eligible > 0, adopters / eligible, NULL) AS breadth,
    verified_yes, verified_no, responded
FROM signals_store.adoption_days FINAL
