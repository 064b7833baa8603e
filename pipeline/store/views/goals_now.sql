CREATE OR REPLACE VIEW signals.goals_now
(
    goal_id String COMMENT 'Id of the goal, e.g. checkout-faster',
    title String COMMENT 'Title for people',
    level String COMMENT 'vision, business, user, product or sprint',
    parents Array(String) COMMENT 'Ids of the goals it works towards',
    owners Array(String) COMMENT 'Ids of the owning teams; several mean a shared goal',
    pm String COMMENT 'Product manager in charge (an id of the audience), empty if none',
    class String COMMENT 'committed or stretch',
    metric_kind String
        COMMENT 'adoption, kpi, work, rollup, milestone, migrate or sustain; empty for a vision',
    baseline Nullable(Float64) COMMENT 'Value at the start, in the unit of the goal',
    target Nullable(Float64) COMMENT 'Value to reach, in the unit of the goal',
    value Nullable(Float64) COMMENT 'Value at the last full day; NULL if there is no reading',
    progress Nullable(Float64)
        COMMENT '(value - baseline) / (target - baseline); 0.39 is 39 %, can be below 0 or above 1',
    delta_1d Nullable(Float64) COMMENT 'Change of the value since the day before',
    pace Nullable(Float64) COMMENT 'Gain divided by planned gain; 1 is on plan',
    days_ahead Nullable(Float64) COMMENT 'Working days ahead of the plan; negative is behind',
    status String
        COMMENT 'vision, incomplete, warming_up, on_track, at_risk, off_track, hit, missed, unknown, planned or withdrawn',
    override_status Nullable(String)
        COMMENT 'Status that a human set beside the computed one, for 7 days at most; NULL if none',
    stalled_since Nullable(DateTime64(3, 'UTC'))
        COMMENT 'Last gain before it stalled, UTC; NULL if it moves',
    starts_on Nullable(Date) COMMENT 'First day of the goal',
    due_on Nullable(Date) COMMENT 'Last day of the goal',
    days_left Nullable(Int32) COMMENT 'Working days left until it is due; negative when past',
    hit_on Nullable(Date) COMMENT 'Day it was hit (the effective day); NULL if it is not',
    hit_by_p50 Nullable(Date)
        COMMENT 'Day by which it is hit with a chance of 50 %; NULL without a forecast',
    hit_by_p85 Nullable(Date)
        COMMENT 'Day by which it is hit with a chance of 85 %; NULL without a forecast',
    p_hit Nullable(Float64)
        COMMENT 'Chance that it is hit by its due date, 0 to 1; NULL without a forecast',
    basically_done UInt64 COMMENT 'Work items of this goal with an open finding basically_done',
    edits_after_commitment UInt32
        COMMENT 'Changes of baseline, target, date or weight after it was committed',
    retargeted Bool COMMENT 'True if it was hit after its target was lowered',
    trust Nullable(String)
        COMMENT 'How far its value can be trusted, the worst of what it rests on: A all good, B none poor, C any poor, D when the value is no longer said; NULL if none of that is known',
    as_of DateTime64(3, 'UTC') COMMENT 'Instant that this row describes, UTC',
    planned Nullable(Float64) COMMENT 'Value that the plan expects by now',
    known_weight Nullable(Float64)
        COMMENT 'Share of the weight of its parts whose progress is known, 0 to 1; only for a rollup',
    unit String
        COMMENT 'Unit of the value, e.g. adopters, share, work_items; empty if not said',
    subject String COMMENT 'Id of the capability it is measured on, empty if none',
    why String COMMENT 'Why it has its status, in words',
    sources Array(String) COMMENT 'Sources that its value rests on',
    forecast_coverage Nullable(Float64)
        COMMENT 'Share of goals that were hit by the hit_by_p85 said earlier, in the last backtest; 0.85 is right, NULL if none was checked',
    forecast_n Nullable(UInt64)
        COMMENT 'Forecasts that forecast_coverage is about; NULL if none was checked',
    forecast_skill Nullable(Float64)
        COMMENT 'How much better p_hit was than the base rate, in the last backtest; below 0 is worse, NULL if none was checked'
)
COMMENT 'Where every goal stands now'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    -- The last day that a Date can hold; a goal may be due "never".
    toDate32('2149-06-06') AS last_date,
    -- The newest override, for 7 days at most.
    overrides AS
    (
        SELECT about, status AS override_status
        FROM
        (
            SELECT about, status, at, until
            FROM signals_store.decisions FINAL
            WHERE decision = 'override'
            ORDER BY at DESC, id DESC
            LIMIT 1 BY about
        )
        WHERE clock < least(coalesce(until, at + INTERVAL 7 DAY), at + INTERVAL 7 DAY)
    ),
    open AS
    (
        SELECT arrayJoin(arrayDistinct(goals)) AS goal_id, count() AS basically_done
        FROM signals_store.findings FINAL
        WHERE rule = 'basically_done' AND cleared_at IS NULL
        GROUP BY goal_id
    ),
    (
        SELECT groupArray(about)
        FROM signals_store.findings FINAL
        WHERE rule = 'source_stale' AND cleared_at IS NULL
    ) AS silent,
    (
        SELECT (anyOrNull(coverage), anyOrNull(nullIf(n, 0)), anyOrNull(skill))
        FROM signals_store.forecast_calibrations FINAL
        WHERE about_kind = 'goal' AND quantity = 'days' AND against = 'base rate'
    ) AS checked,
    -- Of its work items closed in the last 28 days, those without a sure link.
    coverage AS
    (
        SELECT
            arrayJoin(arrayDistinct(goals)) AS goal_id,
            count() AS closed,
            countIf(state = 'unknown' AND hasAny(reasons, ['unlinked', 'ambiguous'])) AS unlinked
        FROM signals_store.work_items FINAL
        WHERE closed_at > clock - INTERVAL 28 DAY AND state NOT IN ('dropped', 'deleted')
        GROUP BY goal_id
    ),
    -- Days since the list of the eligible was last said.
    listed AS
    (
        SELECT subject AS about, dateDiff('millisecond', confirmed_at, clock) / 86400000 AS age
        FROM signals_store.subjects FINAL
    )
SELECT
    goal.goal_id AS goal_id,
    title,
    level,
    parents,
    owners,
    pm,
    class,
    metric_kind,
    baseline,
    target,
    value,
    progress,
    delta_1d,
    pace,
    days_ahead,
    status,
    nullIf(toString(overrides.override_status), '') AS override_status,
    stalled_since,
    toDate(if(starts_on > last_date, last_date, starts_on)) AS starts_on,
    toDate(if(due_on > last_date, last_date, due_on)) AS due_on,
    days_left,
    toDate(if(hit_on > last_date, last_date, hit_on)) AS hit_on,
    toDate(if(hit_by_p50 > last_date, last_date, hit_by_p50)) AS hit_by_p50,
    toDate(if(hit_by_p85 > last_date, last_date, hit_by_p85)) AS hit_by_p85,
    p_hit,
    open.basically_done AS basically_done,
    edits_after_commitment,
    retargeted,
    -- 1 to 4 are A to D.
    nullIf(
        substring(
            'ABCD',
            coalesce(
                if(
                    metric_kind = '' OR status IN ('incomplete', 'planned', 'withdrawn'),
                    NULL,
                    arrayReduce(
                        'maxOrNull',
                        [
                            multiIf(hasAny(goal.sources, silent), 4, notEmpty(goal.sources), 1, NULL),
                            multiIf(
                                metric_kind != 'work' OR coverage.closed = 0, NULL,
                                coverage.unlinked / coverage.closed <= 0.1, 1,
                                coverage.unlinked / coverage.closed <= 0.3, 2,
                                3
                            ),
                            multiIf(
                                metric_kind != 'rollup' OR known_weight IS NULL, NULL,
                                known_weight >= 0.95, 1,
                                known_weight >= 0.8, 2,
                                known_weight >= 0.5, 3,
                                4
                            ),
                            -- A share of the eligible is as good as the list of them is fresh.
                            multiIf(
                                metric_kind != 'adoption' OR unit != 'share', NULL,
                                listed.age <= 30, 1,
                                listed.age <= 90, 2,
                                listed.age > 90, 3,
                                NULL
                            )
                        ]
                    )
                ),
                5
            ),
            1
        ),
        ''
    ) AS trust,
    as_of,
    planned,
    known_weight,
    unit,
    subject,
    why,
    sources,
    if(p_hit IS NULL, NULL, checked.1) AS forecast_coverage,
    if(p_hit IS NULL, NULL, checked.2) AS forecast_n,
    if(p_hit IS NULL, NULL, checked.3) AS forecast_skill
FROM (SELECT * FROM signals_store.goals FINAL) AS goal
LEFT JOIN overrides ON overrides.about = goal.goal_id
LEFT JOIN open ON open.goal_id = goal.goal_id
LEFT JOIN listed ON listed.about = goal.subject
LEFT JOIN coverage ON coverage.goal_id = goal.goal_id
