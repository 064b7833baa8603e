CREATE OR REPLACE VIEW signals.basically_done_daily
(
    day Date COMMENT 'Day, UTC',
    team String COMMENT 'Id of the team, empty if none',
    goal_id String
        COMMENT 'Id of a goal concerned, empty if none; a work item of several goals counts for each',
    open UInt64 COMMENT 'Work items with an open finding basically_done',
    share Nullable(Float64)
        COMMENT 'open / (open + work items that became done in the last 90 days), 0 to 1; NULL if both are 0',
    age_p50 Nullable(Float64)
        COMMENT 'Median days since the work was said to be finished; NULL if open is 0',
    age_p85 Nullable(Float64)
        COMMENT '85th percentile (nearest rank) of the days since the work was said to be finished; NULL if open is 0'
)
COMMENT 'Work that is only basically done, at the close of each full day (UTC)'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    -- The first day that is not over yet.
    toDate(coalesce(clock, toDateTime64(0, 3, 'UTC'))) AS today,
    items AS
    (
        SELECT work_item, team, goals, claimed_at FROM signals_store.work_items FINAL
    ),
    raised AS
    (
        SELECT
            finding.team AS team,
            arrayJoin(if(empty(finding.goals), [''], arrayDistinct(finding.goals))) AS goal_id,
            coalesce(claimed_at, raised_at) AS since,
            -- At the close of a day it is open if raised then or before, and cleared later.
            toDate(raised_at - INTERVAL 1 MILLISECOND) AS first_day,
            if(
                cleared_at IS NULL,
                today,
                least(toDate(assumeNotNull(cleared_at) - INTERVAL 1 MILLISECOND), today)
            ) AS end_day
        FROM
        (
            SELECT * FROM signals_store.findings FINAL WHERE rule = 'basically_done'
        ) AS finding
        LEFT JOIN items ON items.work_item = finding.about
    ),
    open_days AS
    (
        SELECT
            team,
            goal_id,
            arrayJoin(arrayMap(n -> first_day + n, range(toUInt64(greatest(end_day - first_day, 0))))) AS day,
            dateDiff('millisecond', since, toDateTime64(day + 1, 3, 'UTC')) / 86400000 AS age
        FROM raised
    ),
    open AS
    (
        SELECT
            day,
            team,
            goal_id,
            count() AS found,
            arraySort(groupArray(age)) AS ages
        FROM open_days
        GROUP BY day, team, goal_id
    ),
    became_done AS
    (
        SELECT
            team,
            arrayJoin(if(empty(goals), [''], arrayDistinct(goals))) AS goal_id,
            toDate(effective_at) AS first_day,
            least(toDate(coalesce(left_at, clock, effective_at)) , first_day + 90) AS end_day,
            -- It still counts on the last day if it is done now.
            if(left_at IS NULL, first_day + 90, end_day) AS last_day
        FROM
        (
            SELECT * FROM signals_store.work_item_states FINAL WHERE state = 'done'
        ) AS run
        INNER JOIN items ON items.work_item = run.work_item
    ),
    -- One more from its first day on, one less after 90 days or when it was lost.
    steps AS
    (
        SELECT team, goal_id, day, sum(step) AS step
        FROM
        (
            SELECT
                team,
                goal_id,
                arrayJoin([(first_day, 1), (last_day, -1)]) AS pair,
                pair.1 AS day,
                pair.2 AS step
            FROM became_done
        )
        GROUP BY team, goal_id, day
    ),
    begun AS
    (
        SELECT team, goal_id, min(first_day) AS first_day
        FROM
        (
            SELECT team, goal_id, first_day FROM raised
            UNION ALL
            SELECT team, goal_id, first_day FROM became_done
        )
        GROUP BY team, goal_id
    ),
    every_day AS
    (
        SELECT
            team,
            goal_id,
            arrayJoin(arrayMap(n -> first_day + n, range(toUInt64(greatest(today - first_day, 0))))) AS day
        FROM begun
    ),
    counted AS
    (
        SELECT
            every_day.day AS day,
            every_day.team AS team,
            every_day.goal_id AS goal_id,
            found,
            ages,
            sum(step) OVER (PARTITION BY team, goal_id ORDER BY day) AS done
        FROM every_day
        LEFT JOIN open USING (day, team, goal_id)
        LEFT JOIN steps USING (day, team, goal_id)
    )
SELECT
    day,
    team,
    goal_id,
    found AS open,
    if(found + done = 0, NULL, found / (found + done)) AS share,
    if(found = 0, NULL, ages[intDiv(found * 50 + 99, 100)]) AS age_p50,
    if(found = 0, NULL, ages[intDiv(found * 85 + 99, 100)]) AS age_p85
FROM counted
