CREATE OR REPLACE VIEW signals.team_flow_weekly
(
    team String COMMENT 'Id of the team, e.g. payments',
    week Date COMMENT 'Monday of the week, local',
    finished UInt64 COMMENT 'Work items said to be finished in the week',
    wip UInt64 COMMENT 'Work items started and not finished at the end of the week',
    cycle_time_p50 Nullable(Float64)
        COMMENT 'Median days (nearest rank) from start to finish, of what was finished in the week',
    cycle_time_p85 Nullable(Float64)
        COMMENT '85th percentile (nearest rank) of the days from start to finish',
    age_p85 Nullable(Float64)
        COMMENT '85th percentile (nearest rank) of the days since the start of what is in work',
    unplanned_share Nullable(Float64)
        COMMENT 'Share of the finished that was not planned, 0 to 1: incidents, support, and what was added after a commitment',
    workstreams UInt64 COMMENT 'Different goals in work at the end of the week',
    sle_attainment Nullable(Float64)
        COMMENT 'Share finished within the team''s usual time, last 90 days, 0 to 1',
    unaligned_share Nullable(Float64) COMMENT 'Share of the finished without a goal, 0 to 1',
    exempt_share Nullable(Float64)
        COMMENT 'Share of the finished of which no adoption is expected, 0 to 1',
    incidents UInt64 COMMENT 'Incidents opened in the week',
    cycle_time_p95 Nullable(Float64)
        COMMENT '95th percentile (nearest rank) of the days from start to finish',
    support_share Nullable(Float64)
        COMMENT 'Share of the finished of the last 4 weeks that was incidents or support, 0 to 1',
    reopened_share Nullable(Float64)
        COMMENT 'Share of the finished that was reopened within 28 days, 0 to 1',
    cycle_time_p85_90 Nullable(Float64)
        COMMENT '85th percentile (nearest rank) of the days from start to finish, of what was finished in the last 90 days; NULL below 10 of them',
    done UInt64
        COMMENT 'Work items that were done in the week (used and verified, or exempt and shipped), each in the first week in which it was',
    regressed_share Nullable(Float64)
        COMMENT 'Share of what was done in the week that fell back within 28 days, 0 to 1',
    incidents_quarter UInt64
        COMMENT 'Incidents opened since the beginning of the quarter that the last day of the week is in, from the first week of the team on'
)
COMMENT 'How work flows through a team, per week; of the current week what is known so far'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    weeks AS
    (
        SELECT
            team,
            week,
            opens_at,
            closes_at,
            least(closes_at, coalesce(clock, closes_at)) AS moment
        FROM signals_store.team_weeks FINAL
    ),
    added AS
    (
        SELECT item.team AS team, work_item, groupArray((starts_at, ends_at)) AS periods
        FROM
        (
            SELECT team, period, work_item FROM signals_store.commitments FINAL WHERE added
        ) AS item
        INNER JOIN (SELECT * FROM signals_store.periods FINAL) AS periods
            ON periods.team = item.team AND periods.period = item.period
        GROUP BY team, work_item
    ),
    work AS
    (
        SELECT
            work.team AS team,
            kind IN ('incident', 'support') AS supporting,
            arrayExists(one -> finished_at >= one.1 AND finished_at < one.2, periods) AS late,
            empty(goals) AS aimless,
            exempt,
            finished_at,
            usual,
            dateDiff('millisecond', started_at, finished_at) / 86400000 AS days,
            coalesce(reopened_at < finished_at + INTERVAL 28 DAY, false) AS reopened,
            -- The 90 days before a week reach into the 13 weeks before it. Weeks are local, so it
            -- may also be the one before or after the one in UTC.
            toMonday(finished_at) - 7 + 7 * arrayJoin(range(16)) AS week
        FROM (SELECT * FROM signals_store.finished_work FINAL) AS work
        LEFT JOIN added ON added.team = work.team AND added.work_item = work.work_item
    ),
    done AS
    (
        SELECT
            weeks.team AS team,
            week,
            countIf(finished_at >= opens_at) AS finished,
            arraySort(groupArrayIf(assumeNotNull(days), finished_at >= opens_at AND days >= 0)) AS cycles,
            arraySort(groupArrayIf(assumeNotNull(days), finished_at >= moment - INTERVAL 90 DAY AND days >= 0)) AS cycles_90,
            countIf(finished_at >= opens_at AND (supporting OR late)) AS unplanned,
            countIf(finished_at >= opens_at AND aimless) AS unaligned,
            countIf(finished_at >= opens_at AND exempt) AS exempted,
            countIf(finished_at >= opens_at AND reopened) AS reopened_n,
            countIf(finished_at >= opens_at - INTERVAL 21 DAY) AS recent,
            countIf(finished_at >= opens_at - INTERVAL 21 DAY AND supporting) AS support,
            countIf(usual IS NOT NULL AND days >= 0 AND finished_at >= moment - INTERVAL 90 DAY) AS promised,
            countIf(days >= 0 AND days <= usual AND finished_at >= moment - INTERVAL 90 DAY) AS kept
        FROM weeks
        INNER JOIN work ON work.team = weeks.team AND work.week = weeks.week
        WHERE finished_at < closes_at AND finished_at >= opens_at - INTERVAL 90 DAY
        GROUP BY team, week
    ),
    lasting AS
    (
        SELECT weeks.team AS team, week, count() AS done, countIf(fallen.fell) AS regressed
        FROM
        (
            SELECT work_item, min(effective_at) AS done_at, toMonday(done_at) - 7 + 7 * arrayJoin(range(3)) AS week
            FROM signals_store.work_item_states FINAL
            WHERE state = 'done'
            GROUP BY work_item
        ) AS item
        INNER JOIN (SELECT team, work_item FROM signals_store.finished_work FINAL) AS work
            ON work.work_item = item.work_item
        INNER JOIN weeks ON weeks.team = work.team AND weeks.week = item.week
        LEFT JOIN
        (
            SELECT DISTINCT about AS work_item, true AS fell
            FROM signals_store.findings FINAL
            WHERE rule = 'regressed'
        ) AS fallen ON fallen.work_item = work.work_item
        WHERE done_at >= opens_at AND done_at < closes_at
        GROUP BY team, week
    ),
    active AS
    (
        SELECT
            weeks.team AS team,
            week,
            count() AS wip,
            arraySort(groupArray(dateDiff('millisecond', started_at, moment) / 86400000)) AS ages,
            length(arrayDistinct(arrayFlatten(groupArray(goals)))) AS streams
        FROM weeks
        INNER JOIN
        (
            -- The weeks it may be in, a day more at both ends: Monday is local.
            SELECT
                team,
                goals,
                started_at,
                since,
                until,
                toMonday(since - INTERVAL 1 DAY) AS first_week,
                coalesce(until, clock, since) + INTERVAL 1 DAY AS last_at,
                first_week + 7 * arrayJoin(range(toUInt64(dateDiff('week', first_week, last_at)) + 1)) AS week
            FROM signals_store.work_in_progress FINAL
        ) AS stretch ON stretch.team = weeks.team AND stretch.week = weeks.week
        WHERE since < closes_at AND (until IS NULL OR until >= closes_at)
        GROUP BY team, week
    ),
    incident_days AS
    (
        SELECT
            weeks.team AS team,
            -- The local day; a week may be an hour longer than others.
            week + least(intDiv(dateDiff('second', opens_at, opened_at), 86400), 6) AS day
        FROM weeks
        INNER JOIN (SELECT * FROM signals_store.incidents FINAL) AS opened ON opened.team = weeks.team
        WHERE opened_at >= opens_at AND opened_at < closes_at
    ),
    struck AS
    (
        SELECT
            weeks.team AS team,
            week,
            countIf(day >= week) AS incidents,
            countIf(day >= toStartOfQuarter(week + 6)) AS incidents_quarter
        FROM weeks
        INNER JOIN incident_days ON incident_days.team = weeks.team
        WHERE day <= week + 6 AND day >= least(week, toStartOfQuarter(week + 6))
        GROUP BY team, week
    )
SELECT
    weeks.team AS team,
    weeks.week AS week,
    finished,
    wip,
    if(empty(cycles), NULL, cycles[intDiv(length(cycles) * 50 + 99, 100)]) AS cycle_time_p50,
    if(empty(cycles), NULL, cycles[intDiv(length(cycles) * 85 + 99, 100)]) AS cycle_time_p85,
    if(wip = 0, NULL, ages[intDiv(wip * 85 + 99, 100)]) AS age_p85,
    if(finished = 0, NULL, unplanned / finished) AS unplanned_share,
    streams AS workstreams,
    if(promised = 0, NULL, kept / promised) AS sle_attainment,
    if(finished = 0, NULL, unaligned / finished) AS unaligned_share,
    if(finished = 0, NULL, exempted / finished) AS exempt_share,
    struck.incidents AS incidents,
    if(empty(cycles), NULL, cycles[intDiv(length(cycles) * 95 + 99, 100)]) AS cycle_time_p95,
    if(recent = 0, NULL, support / recent) AS support_share,
    if(finished = 0, NULL, reopened_n / finished) AS reopened_share,
    if(length(cycles_90) < 10, NULL, cycles_90[intDiv(length(cycles_90) * 85 + 99, 100)]) AS cycle_time_p85_90,
    lasting.done AS done,
    if(lasting.done = 0, NULL, lasting.regressed / lasting.done) AS regressed_share,
    struck.incidents_quarter AS incidents_quarter
FROM weeks
LEFT JOIN done ON done.team = weeks.team AND done.week = weeks.week
LEFT JOIN active ON active.team = weeks.team AND active.week = weeks.week
LEFT JOIN lasting ON lasting.team = weeks.team AND lasting.week = weeks.week
LEFT JOIN struck ON struck.team = weeks.team AND struck.week = weeks.week
