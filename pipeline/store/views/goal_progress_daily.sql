-- Every goal on every day since its start.
CREATE OR REPLACE VIEW signals.goal_progress_daily
(
    `goal_id` String COMMENT 'Goal, the id of its definition',
    `day` Date32 COMMENT 'Day in the calendar of the entity',
    `value` Nullable(Float64) COMMENT 'Value at the close of the last full day; NULL: no reading',
    `baseline` Nullable(Float64) COMMENT 'Value from which the goal starts, in its unit',
    `target` Nullable(Float64) COMMENT 'Value to reach, in its unit',
    `progress` Nullable(Float64) COMMENT '(value - baseline) / (target - baseline); below 0 is worse than the start, above 1 exceeded',
    `planned` Nullable(Float64) COMMENT 'Value that the plan wants at the close of the day',
    `delta_1d` Nullable(Float64) COMMENT 'Value less that of the day before, as known now; NULL: no reading',
    `movement` Nullable(Float64) COMMENT 'Part of the change that happened on the day',
    `restatement` Nullable(Float64) COMMENT 'Part of the change that comes from a number said before being corrected',
    `status` String COMMENT 'vision, incomplete, planned, warming_up, on_track, at_risk, off_track, hit, missed, withdrawn or unknown'
)
AS
SELECT goal_id, day, value, baseline, target, progress, planned, delta_1d, movement, restatement, status
FROM signals_store.goal_progress FINAL
