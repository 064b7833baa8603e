CREATE OR REPLACE VIEW signals.goal_contributions
(
    goal_id String COMMENT 'Id of the goal, e.g. checkout-faster',
    team String COMMENT 'Id of the team that works on it, e.g. payments; empty if unknown',
    work_items UInt64
        COMMENT 'Work items of this team for this goal; dropped and deleted ones do not count',
    closed UInt64 COMMENT 'Those closed as done in their tracker',
    shipped UInt64 COMMENT 'Those live in production',
    adopted UInt64 COMMENT 'Those whose capabilities reach their adoption target; also those of which no adoption is expected and that are done',
    verified UInt64 COMMENT 'Those that adopters confirm to help; also those of which no adoption is expected and that are done'
)
COMMENT 'What each team''s work items contribute to a goal'
AS
-- A work item of several goals counts for each: sums over goals count it more than once.
SELECT
    arrayJoin(arrayDistinct(goals)) AS goal_id,
    team,
    count() AS work_items,
    countIf(closed_at IS NOT NULL) AS closed,
    countIf(shipped_at IS NOT NULL) AS shipped,
    countIf(adopted_at IS NOT NULL OR state = 'done') AS adopted,
    countIf(verified_at IS NOT NULL OR state = 'done') AS verified
FROM signals_store.work_items FINAL
WHERE state NOT IN ('dropped', 'deleted')
GROUP BY goal_id, team
