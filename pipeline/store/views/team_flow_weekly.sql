CREATE OR REPLACE VIEW signals.team_flow_weekly
(
    team String COMMENT 'Id of the team, e.g. payments',
    week Date COMMENT 'Monday of the week, local',
    finished UInt64 COMMENT 'Work items said to be finished in the week',
    wip UInt64 COMMENT 'Work items started and not finished at the end of the week',
    cycle_time_p50 Nullable(Float64) COMMENT 'Median days from start to finish',
    cycle_time_p85 Nullable(Float64) COMMENT '85th percentile of the days from start to finish',
    age_p85 Nullable(Float64)
        COMMENT '85th percentile of the days since the start of what is in work',
    unplanned_share Nullable(Float64)
        COMMENT 'Share of the finished that was not planned, 0 to 1',
    workstreams UInt64 COMMENT 'Different goals in work at the end of the week',
    sle_attainment Nullable(Float64)
        COMMENT 'Share finished within the team''s usual time, last 90 days, 0 to 1',
    unaligned_share Nullable(Float64) COMMENT 'Share of the finished without a goal, 0 to 1',
    exempt_share Nullable(Float64)
        COMMENT 'Share of the finished of which no adoption is expected, 0 to 1',
    incidents UInt64 COMMENT 'Incidents opened in the week'
)
COMMENT 'How work flows through a team, per week'
AS
-- The rule behind it is not there yet: no rows.
SELECT
    '' AS team,
    toDate(0) AS week,
    0 AS finished,
    0 AS wip,
    NULL AS cycle_time_p50,
    NULL AS cycle_time_p85,
    NULL AS age_p85,
    NULL AS unplanned_share,
    0 AS workstreams,
    NULL AS sle_attainment,
    NULL AS unaligned_share,
    NULL AS exempt_share,
    0 AS incidents
WHERE 0
