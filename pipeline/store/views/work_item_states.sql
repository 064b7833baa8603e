-- How every work item went.
CREATE OR REPLACE VIEW signals.work_item_states
(
    `work_item` String COMMENT 'Work item: source and native id',
    `state` String COMMENT 'open, unknown, closed_not_shipped, shipped_not_adopted, adopted_not_verified, done, dropped or deleted',
    `reasons` Array(String) COMMENT 'Why it stands where it stands, headline first',
    `effective_at` DateTime64(3, 'UTC') COMMENT 'When it became true',
    `confirmed_at` DateTime64(3, 'UTC') COMMENT 'When it was known for sure',
    `left_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; NULL: it holds'
)
AS
SELECT work_item, state, reasons, effective_at, confirmed_at, left_at
FROM signals_store.work_item_states FINAL
