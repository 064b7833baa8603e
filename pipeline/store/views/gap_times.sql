CREATE OR REPLACE VIEW signals.gap_times
(
    team String COMMENT 'Id of the team, e.g. payments',
    week Date COMMENT 'Monday of the week, local',
    stage String
        COMMENT 'close_to_ship (from finished to live in production), ship_to_adopt (to its adoption target) or adopt_to_verify (until adopters confirm that it helps)',
    ended UInt64 COMMENT 'Work items that came through the stage in the week, the first time',
    days_p50 Nullable(Float64)
        COMMENT 'Median days (nearest rank) that the stage took, over the 90 days that end with the week; NULL if nothing came through',
    days_p85 Nullable(Float64)
        COMMENT '85th percentile (nearest rank) of the days that the stage took, over the 90 days',
    ended_90 UInt64 COMMENT 'Work items that came through the stage in the 90 days'
)
COMMENT 'How long the work of a team lies between finished, live, adopted and verified, per week; of the current week what is known so far'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    weeks AS
    (
        SELECT team, week, opens_at, closes_at, least(closes_at, coalesce(clock, closes_at)) AS moment
        FROM signals_store.team_weeks FINAL
    ),
    passed AS
    (
        SELECT
            weeks.team AS team,
            week,
            stage,
            countIf(ended_at >= opens_at) AS ended,
            count() AS ended_90,
            arraySort(groupArray(dateDiff('millisecond', began_at, ended_at) / 86400000)) AS days
        FROM weeks
        INNER JOIN
        (
            -- As in team_flow_weekly: 90 days back, and local weeks.
            SELECT team, stage, began_at, ended_at, toMonday(ended_at) - 7 + 7 * arrayJoin(range(16)) AS week
            FROM signals_store.gaps FINAL
        ) AS gap ON gap.team = weeks.team AND gap.week = weeks.week
        WHERE ended_at < closes_at AND ended_at >= moment - INTERVAL 90 DAY
        GROUP BY team, week, stage
    ),
    stages AS
    (
        SELECT
            team,
            week,
            arrayJoin(['close_to_ship', 'ship_to_adopt', 'adopt_to_verify']) AS stage
        FROM weeks
    )
SELECT
    stages.team AS team,
    stages.week AS week,
    stages.stage AS stage,
    ended,
    if(ended_90 = 0, NULL, days[intDiv(ended_90 * 50 + 99, 100)]) AS days_p50,
    if(ended_90 = 0, NULL, days[intDiv(ended_90 * 85 + 99, 100)]) AS days_p85,
    ended_90
FROM stages
LEFT JOIN passed
    ON passed.team = stages.team AND passed.week = stages.week AND passed.stage = stages.stage
