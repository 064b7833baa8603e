CREATE OR REPLACE VIEW signals.goal_progress_daily
(
    goal_id String COMMENT 'Id of the goal, e.g. checkout-faster',
    day Date COMMENT 'Day in the zone of the goal',
    value Nullable(Float64)
        COMMENT 'Value at the close of the day; NULL if there was no reading, 0 is a measured zero',
    baseline Nullable(Float64)
        COMMENT 'Value at the start, by the definition in force that day',
    target Nullable(Float64) COMMENT 'Value to reach, by the definition in force that day',
    progress Nullable(Float64)
        COMMENT '(value - baseline) / (target - baseline); can be below 0 or above 1',
    planned Nullable(Float64) COMMENT 'Value that the plan expects at the close of the day',
    delta_1d Nullable(Float64) COMMENT 'Change of the value since the day before, as known now',
    movement Nullable(Float64) COMMENT 'What the day itself brought',
    restatement Nullable(Float64)
        COMMENT 'How far the day before was corrected after it had been published, by signals that came late',
    status String COMMENT 'Status at the close of the day, e.g. on_track'
)
COMMENT 'Every goal on every full day'
AS
SELECT
    goal_id,
    day,
    value,
    baseline,
    target,
    progress,
    planned,
    delta_1d,
    movement,
    restatement,
    status
FROM signals_store.goal_progress FINAL
