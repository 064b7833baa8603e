CREATE OR REPLACE VIEW signals.forecasts
(
    about_kind String COMMENT 'goal or team',
    about String COMMENT 'Id of the goal or team',
    quantity String COMMENT 'days = days after made_on, value = value at the horizon',
    made_on Date COMMENT 'Day at whose close it was made',
    horizon UInt32 COMMENT 'Days ahead; 0 where days are forecast',
    scenario String COMMENT 'Id of the scenario; empty is as things are',
    p10 Nullable(Float64) COMMENT '10 % are below; NULL if too early or never',
    p50 Nullable(Float64) COMMENT 'Half are below; NULL if too early or never',
    p85 Nullable(Float64) COMMENT '85 % are below; NULL if too early or never',
    p_hit Nullable(Float64) COMMENT 'Chance to hit the target by due_on, 0 to 1',
    p_never Nullable(Float64) COMMENT 'Chance not to hit it within two years, 0 to 1',
    basis String COMMENT 'What it rests on, or why it is too early to forecast',
    due_on Nullable(Date) COMMENT 'Date that p_hit is about; NULL for a team',
    low Nullable(Float64) COMMENT 'Lower end of the central interval',
    high Nullable(Float64) COMMENT 'Upper end of the central interval',
    interval Float64
        COMMENT 'Share of outcomes that low to high shall hold, 0 to 1; 0.85 unless rules say otherwise'
)
COMMENT 'What is expected, and how sure that is'
AS
-- The last day that a Date can hold; a goal may be due "never".
WITH toDate32('2149-06-06') AS last_date
SELECT
    about_kind,
    about,
    quantity,
    made_on,
    horizon,
    scenario,
    p10,
    p50,
    p85,
    p_hit,
    p_never,
    basis,
    toDate(if(due_on > last_date, last_date, due_on)) AS due_on,
    low,
    high,
    interval
FROM signals_store.forecasts FINAL
