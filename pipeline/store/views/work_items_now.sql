CREATE OR REPLACE VIEW signals.work_items_now
(
    work_item String COMMENT 'Work item: source id and native id, e.g. jira:10042',
    key String COMMENT 'Key as people write it, e.g. PAY-42; empty if it has none',
    title String COMMENT 'Title in its tracker',
    url String COMMENT 'Address in its tracker',
    kind String COMMENT 'feature, bug, chore, incident, support, epic or other',
    team String COMMENT 'Id of the team that works on it, e.g. payments; empty if unknown',
    goals Array(String) COMMENT 'Ids of the goals it works for',
    subjects Array(String) COMMENT 'Ids of the capabilities it delivers',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was created, UTC',
    state String
        COMMENT 'open, unknown, closed_not_shipped, shipped_not_adopted, adopted_not_verified, done, dropped or deleted',
    reasons Array(String)
        COMMENT 'Why it is in this state, the headline first, e.g. needs_deploy',
    state_since DateTime64(3, 'UTC')
        COMMENT 'When the state became true (its effective instant), UTC',
    started_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When work on it began, UTC; NULL if not started',
    closed_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When its tracker closed it as done, UTC; NULL while open',
    shipped_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Since when all of it is live in production, UTC; NULL if it is not',
    adopted_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Since when its capabilities reach their adoption target, UTC; NULL if they do not',
    verified_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Since when adopters confirm that it solves their problem, UTC; NULL if they do not',
    claimed_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it was first said to be finished (closed, or all of it shipped), UTC; kept through reopening',
    basically_done Bool COMMENT 'True while the finding basically_done is open',
    age Nullable(Float64)
        COMMENT 'Days since it was started, once it was said to be finished since then; NULL when done, dropped, deleted or not started',
    done_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Since when it is done: used and verified, or exempt and shipped, UTC; NULL if it is not',
    parent String COMMENT 'Work item above it (an epic), empty if none',
    exempt Bool COMMENT 'True if no adoption is expected of it (adoption: none_expected)'
)
COMMENT 'Where every work item stands now'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    coalesce(claimed_at, started_at) AS begun_at
SELECT
    work_item,
    key,
    title,
    url,
    kind,
    team,
    goals,
    subjects,
    created_at,
    state,
    reasons,
    state_since,
    started_at,
    closed_at,
    shipped_at,
    adopted_at,
    verified_at,
    claimed_at,
    basically_done,
    multiIf(
        state IN ('done', 'dropped', 'deleted'), NULL,
        begun_at > clock, NULL,
        dateDiff('millisecond', begun_at, clock) / 86400000
    ) AS age,
    done_at,
    parent,
    exempt
FROM signals_store.work_items FINAL
