-- Where every goal stands.
CREATE OR REPLACE VIEW signals.goals_now
(
    `goal_id` String COMMENT 'Goal, the id of its definition',
    `title` String COMMENT 'Title for people',
    `level` String COMMENT 'vision, business, user, product or sprint',
    `parents` Array(String) COMMENT 'Goals that this goal serves',
    `owners` Array(String) COMMENT 'Teams that own the goal; several share it and each carries the full result',
    `pm` String COMMENT 'Product manager, as a role',
    `class` String COMMENT 'committed (promised) or stretch',
    `metric_kind` String COMMENT 'adoption, kpi, work, rollup, milestone, migrate or sustain',
    `baseline` Nullable(Float64) COMMENT 'Value from which the goal starts, in its unit',
    `target` Nullable(Float64) COMMENT 'Value to reach, in its unit',
    `value` Nullable(Float64) COMMENT 'Value at the close of the last full day; NULL: no reading',
    `progress` Nullable(Float64) COMMENT '(value - baseline) / (target - baseline); below 0 is worse than the start, above 1 exceeded',
    `delta_1d` Nullable(Float64) COMMENT 'Value less that of the day before, as known now; NULL: no reading',
    `pace` Nullable(Float64) COMMENT 'Way made / way that the plan wanted by now; 1 is on plan',
    `days_ahead` Nullable(Float64) COMMENT 'Working days ahead of the plan (negative: behind)',
    `status` String COMMENT 'vision, incomplete, planned, warming_up, on_track, at_risk, off_track, hit, missed, withdrawn or unknown',
    `override_status` Nullable(String) COMMENT 'What a person says instead, beside the computed status, while it is valid',
    `stalled_since` Nullable(DateTime64(3, 'UTC')) COMMENT 'Last gain, while the goal is stalled',
    `starts_on` Nullable(Date32) COMMENT 'First day of the goal',
    `due_on` Nullable(Date32) COMMENT 'Last day of the goal',
    `days_left` Nullable(Int64) COMMENT 'Working days from today to the due day, both included',
    `hit_on` Nullable(Date32) COMMENT 'Day from which the target is met',
    `hit_by_p50` Nullable(Date32) COMMENT 'Day by which the goal is hit with even odds; NULL: no forecast',
    `hit_by_p85` Nullable(Date32) COMMENT 'Day by which it is hit in 85 of 100 cases; NULL: no forecast',
    `p_hit` Nullable(Float64) COMMENT 'Probability to be hit by the due day; NULL: no forecast',
    `basically_done` UInt64 COMMENT 'Work that was claimed but rests short of done for longer than its grace',
    `edits_after_commitment` Int64 COMMENT 'Versions that came into force after the second working day',
    `retargeted` Bool COMMENT 'Whether a later version asks for less than the first',
    `trust` Nullable(String) COMMENT 'Grade A to D of the data behind the number; NULL: not graded',
    `as_of` DateTime64(3, 'UTC') COMMENT 'Instant up to which it was judged',
    `planned` Nullable(Float64) COMMENT 'Value that the plan wants at the close of the day',
    `unit` String COMMENT 'Kind of adopter: user, team, account, service or repo'
)
AS
SELECT g.goal_id AS goal_id, g.title AS title, g.level AS level, g.parents AS parents, g.owners AS owners, g.pm AS pm, g.class AS class, g.metric_kind AS metric_kind, g.baseline AS baseline,
    g.target AS target, g.value AS value, g.progress AS progress, g.delta_1d AS delta_1d, g.pace AS pace, g.days_ahead AS days_ahead, g.status AS status,
    o.said AS override_status, g.stalled_since AS stalled_since, g.starts_on AS starts_on, g.due_on AS due_on, g.days_left AS days_left, g.hit_on AS hit_on,
    NULL AS hit_by_p50, NULL AS hit_by_p85, NULL AS p_hit, b.n AS basically_done,
    g.edits_after_commitment AS edits_after_commitment, g.retargeted AS retargeted, NULL AS trust, g.as_of AS as_of, g.planned AS planned, g.unit AS unit
FROM signals_store.goals AS g FINAL
LEFT JOIN
(
    SELECT goal, count() AS n
    FROM signals_store.work_items FINAL
    ARRAY JOIN goals AS goal
    WHERE basically_done
    GROUP BY goal
) AS b ON b.goal = g.goal_id
LEFT JOIN
(
    SELECT about, argMax(toNullable(status), (at, id)) AS said
    FROM signals_store.decisions FINAL
    WHERE decision = 'override' AND status != ''
        AND ifNull(until, at + INTERVAL 7 DAY) >= (SELECT max(at) FROM signals_store.clock FINAL)
    GROUP BY about
) AS o ON o.about = g.goal_id
