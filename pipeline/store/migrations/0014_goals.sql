CREATE TABLE IF NOT EXISTS signals_store.goals
(
    goal_id LowCardinality(String) COMMENT 'Id of the goal, e.g. checkout-faster',
    title String COMMENT 'Title for people',
    level LowCardinality(String) COMMENT 'vision, business, user, product or sprint',
    parents Array(String) COMMENT 'Ids of the goals it works towards',
    owners Array(String) COMMENT 'Ids of the owning teams; several mean a shared goal',
    pm LowCardinality(String)
        COMMENT 'Product manager in charge (an id of the audience), empty if none',
    class LowCardinality(String) COMMENT 'committed or stretch',
    metric_kind LowCardinality(String)
        COMMENT 'adoption, kpi, work, rollup, milestone, migrate or sustain; empty for a vision',
    baseline Nullable(Float64) COMMENT 'Value at the start, in the unit of the goal',
    target Nullable(Float64) COMMENT 'Value to reach, in the unit of the goal',
    value Nullable(Float64) COMMENT 'Value at the last full day; NULL if there is no reading',
    progress Nullable(Float64)
        COMMENT '(value - baseline) / (target - baseline); 0.39 is 39 %, can be below 0 or above 1',
    delta_1d Nullable(Float64) COMMENT 'Change of the value since the day before',
    planned Nullable(Float64) COMMENT 'Value that the plan expects by now',
    pace Nullable(Float64) COMMENT 'Gain divided by planned gain; 1 is on plan',
    days_ahead Nullable(Float64) COMMENT 'Working days ahead of the plan; negative is behind',
    status LowCardinality(String)
        COMMENT 'vision, incomplete, warming_up, on_track, at_risk, off_track, hit, missed, unknown, planned or withdrawn',
    stalled_since Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Last gain before it stalled, UTC; NULL if it moves',
    starts_on Nullable(Date32) COMMENT 'First day of the goal',
    due_on Nullable(Date32) COMMENT 'Last day of the goal',
    days_left Nullable(Int32) COMMENT 'Working days left until it is due; negative when past',
    hit_on Nullable(Date32) COMMENT 'Day it was hit (the effective day); NULL if it is not',
    edits_after_commitment UInt32
        COMMENT 'Changes of baseline, target, date or weight after it was committed',
    retargeted Bool COMMENT 'True if it was hit after its target was lowered',
    as_of DateTime64(3, 'UTC') COMMENT 'Instant that this row describes, UTC',
    known_weight Nullable(Float64)
        COMMENT 'Share of the weight of its parts whose progress is known, 0 to 1; only for a rollup',
    unit LowCardinality(String)
        COMMENT 'Unit of the value, e.g. adopters, share, work_items; empty if not said',
    subject LowCardinality(String)
        COMMENT 'Id of the capability it is measured on, empty if none',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY goal_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Where every goal stands now'
