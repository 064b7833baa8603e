-- Work that is only basically done, per day, team and first goal.
CREATE OR REPLACE VIEW signals.basically_done_daily
(
    `day` Date32 COMMENT 'Day in the calendar of the entity',
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `goal_id` String COMMENT 'Goal, the id of its definition',
    `open` UInt64 COMMENT 'Open findings at the close of the day',
    `share` Float64 COMMENT 'Open / (open + done in the 90 days before)',
    `age_p50` Nullable(Float64) COMMENT 'Median days since the claim',
    `age_p85` Nullable(Float64) COMMENT '85th percentile of days since the claim'
)
AS
WITH
    days AS
    (
        SELECT DISTINCT day FROM signals_store.goal_progress FINAL
        UNION DISTINCT
        SELECT DISTINCT day FROM signals_store.adoption_days FINAL
    ),
    found AS
    (
        SELECT f.raised_at AS raised_at, f.cleared_at AS cleared_at, f.team AS team,
            f.goal_id AS goal_id, w.claimed_at AS claimed_at
        FROM (SELECT * FROM signals_store.findings FINAL WHERE rule = 'basically_done') AS f
        INNER JOIN (SELECT * FROM signals_store.work_items FINAL) AS w ON w.work_item = f.about
    ),
    done AS
    (
        SELECT team, if(empty(goals), '', goals[1]) AS goal_id, done_at
        FROM signals_store.work_items FINAL
        WHERE isNotNull(done_at)
    ),
    opened AS
    (
        SELECT days.day AS day, found.team AS team, found.goal_id AS goal_id, count() AS open,
            quantileExactHigh(0.5)(dateDiff('second', claimed_at, toDateTime64(days.day, 3, 'UTC')) / 86400 + 1) AS age_p50,
            quantileExactHigh(0.85)(dateDiff('second', claimed_at, toDateTime64(days.day, 3, 'UTC')) / 86400 + 1) AS age_p85
        FROM days
        CROSS JOIN found
        WHERE toDate32(found.raised_at) <= days.day
            AND (isNull(found.cleared_at) OR toDate32(found.cleared_at) > days.day)
        GROUP BY day, team, goal_id
    ),
    finished AS
    (
        SELECT days.day AS day, done.team AS team, done.goal_id AS goal_id, count() AS n
        FROM days
        CROSS JOIN done
        WHERE toDate32(done.done_at) <= days.day AND toDate32(done.done_at) > days.day - 90
        GROUP BY day, team, goal_id
    )
SELECT o.day AS day, o.team AS team, o.goal_id AS goal_id, o.open AS open, o.open / (o.open + f.n) AS share, o.age_p50 AS age_p50, o.age_p85 AS age_p85
FROM opened AS o
LEFT JOIN finished AS f ON f.day = o.day AND f.team = o.team AND f.goal_id = o.goal_id
