CREATE OR REPLACE VIEW signals.forecasts
(
    about_kind String COMMENT 'goal or team',
    about String COMMENT 'Id of the goal or team',
    quantity String COMMENT 'days = days after made_on, value = value at the horizon',
    made_on Date COMMENT 'Day of the forecast',
    horizon UInt32 COMMENT 'Days ahead',
    scenario String COMMENT 'Id of the scenario; empty is as things are',
    p10 Nullable(Float64) COMMENT '10 % are below',
    p50 Nullable(Float64) COMMENT 'Half are below',
    p85 Nullable(Float64) COMMENT '85 % are below',
    p_hit Nullable(Float64) COMMENT 'Chance to hit the target by its due date, 0 to 1',
    p_never Nullable(Float64) COMMENT 'Chance never to hit it, 0 to 1',
    basis String COMMENT 'What it rests on'
)
COMMENT 'What is expected, and how sure that is'
AS
-- The rule behind it is not there yet: no rows.
SELECT
    '' AS about_kind,
    '' AS about,
    '' AS quantity,
    toDate(0) AS made_on,
    0 AS horizon,
    '' AS scenario,
    NULL AS p10,
    NULL AS p50,
    NULL AS p85,
    NULL AS p_hit,
    NULL AS p_never,
    '' AS basis
WHERE 0
