CREATE OR REPLACE VIEW signals.work_item_states
(
    work_item String COMMENT 'Work item: source id and native id, e.g. jira:10042',
    state String
        COMMENT 'open, unknown, closed_not_shipped, shipped_not_adopted, adopted_not_verified, done, dropped or deleted',
    reasons Array(String) COMMENT 'Why it was in this state, the headline first',
    effective_at DateTime64(3, 'UTC') COMMENT 'When the state became true, UTC',
    confirmed_at DateTime64(3, 'UTC')
        COMMENT 'When that was known for sure, e.g. after a hold of 3 days, UTC',
    left_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When the state ended, UTC; NULL for the state it is in now',
    position UInt32 COMMENT 'Place of this state in the history of the work item, from 0'
)
COMMENT 'Every state a work item went through'
AS
SELECT
    work_item,
    state,
    reasons,
    effective_at,
    confirmed_at,
    left_at,
    position
FROM signals_store.work_item_states FINAL
