-- Every version of every goal.
CREATE OR REPLACE VIEW signals.goal_versions
(
    `goal_id` String COMMENT 'Goal, the id of its definition',
    `from_at` DateTime64(3, 'UTC') COMMENT 'From when the version holds',
    `baseline` Nullable(Float64) COMMENT 'Value from which the goal starts, in its unit',
    `target` Nullable(Float64) COMMENT 'Value to reach, in its unit',
    `due_on` Nullable(Date32) COMMENT 'Last day of the goal',
    `class` String COMMENT 'committed (promised) or stretch',
    `weight` Nullable(Float64) COMMENT 'Weight towards the first parent',
    `by` String COMMENT 'Who said so: a role or a source'
)
AS
SELECT goal_id, from_at, baseline, target, due_on, class, weight, `by`
FROM signals_store.goal_versions FINAL
