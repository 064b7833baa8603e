-- What each team adds to a goal.
CREATE OR REPLACE VIEW signals.goal_contributions
(
    `goal_id` String COMMENT 'Goal, the id of its definition',
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `work_items` UInt64 COMMENT 'Work items',
    `closed` UInt64 COMMENT 'Work items closed as done',
    `shipped` UInt64 COMMENT 'Work items live in every service that they must reach',
    `adopted` UInt64 COMMENT 'Work items whose subjects met their targets',
    `verified` UInt64 COMMENT 'Work items that are done: used, and confirmed to help'
)
AS
SELECT goal AS goal_id, team, count() AS work_items,
    countIf(isNotNull(closed_at)) AS closed,
    countIf(state IN ('shipped_not_adopted', 'adopted_not_verified', 'done')) AS shipped,
    countIf(state IN ('adopted_not_verified', 'done')) AS adopted,
    countIf(state = 'done') AS verified
FROM signals_store.work_items FINAL
ARRAY JOIN goals AS goal
WHERE state NOT IN ('dropped', 'deleted')
GROUP BY goal, team
