CREATE OR REPLACE VIEW signals.goal_versions
(
    goal_id String COMMENT 'Id of the goal, e.g. checkout-faster',
    from_at DateTime64(3, 'UTC') COMMENT 'From when this version is in force, UTC',
    baseline Nullable(Float64) COMMENT 'Value at the start',
    target Nullable(Float64) COMMENT 'Value to reach',
    due_on Nullable(Date) COMMENT 'Last day of the goal',
    class String COMMENT 'committed or stretch',
    weight Nullable(Float64) COMMENT 'Weight in its parents',
    by String COMMENT 'Who changed it, empty if unknown'
)
COMMENT 'Every version of a goal''s definition'
AS
WITH toDate32('2149-06-06') AS last_date
SELECT
    goal_id,
    from_at,
    baseline,
    target,
    toDate(if(due_on > last_date, last_date, due_on)) AS due_on,
    class,
    weight,
    by
FROM signals_store.goal_versions FINAL
