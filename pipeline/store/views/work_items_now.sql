-- Where every work item stands.
CREATE OR REPLACE VIEW signals.work_items_now
(
    `work_item` String COMMENT 'Work item: source and native id',
    `key` String COMMENT 'Key as people write it, PAY-42',
    `title` String COMMENT 'Title for people',
    `url` String COMMENT 'Address in the tracker',
    `kind` String COMMENT 'What kind of thing it is',
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `goals` Array(String) COMMENT 'Goals that it serves',
    `subjects` Array(String) COMMENT 'Subjects whose adoption it delivers',
    `created_at` DateTime64(3, 'UTC') COMMENT 'First time that it was heard of',
    `state` String COMMENT 'open, unknown, closed_not_shipped, shipped_not_adopted, adopted_not_verified, done, dropped or deleted',
    `reasons` Array(String) COMMENT 'Why it stands where it stands, headline first',
    `state_since` DateTime64(3, 'UTC') COMMENT 'When the state became true',
    `started_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When work on it began',
    `closed_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When the tracker closed it as done',
    `shipped_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was live everywhere; NULL: not yet',
    `adopted_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When adoption began to hold; NULL: not yet',
    `verified_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was confirmed to help; NULL: not yet',
    `claimed_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When somebody first called it done, by closing or by shipping',
    `basically_done` Bool COMMENT 'Work that was claimed but rests short of done for longer than its grace',
    `age` Nullable(Float64) COMMENT 'Days since the claim, before it since the start; NULL once it is over'
)
AS
SELECT work_item, key, title, url, kind, team, goals, subjects, created_at, state, reasons,
    state_since, started_at, closed_at, shipped_at, adopted_at, verified_at, claimed_at,
    basically_done,
    if(state IN ('done', 'dropped', 'deleted'), NULL,
        dateDiff('millisecond', ifNull(claimed_at, started_at),
            (SELECT max(at) FROM signals_store.clock FINAL)) / 86400000) AS age
FROM signals_store.work_items FINAL
