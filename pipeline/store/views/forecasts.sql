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
        COMMENT 'Share of outcomes that low to high shall hold, 0 to 1; 0.85 unless rules say otherwise',
    coverage Nullable(Float64)
        COMMENT 'How often earlier forecasts of this kind held, as the last backtest found: share of outcomes within their interval, of days by P85; NULL if none was checked',
    n Nullable(UInt64) COMMENT 'Forecasts that coverage is about; NULL if none was checked',
    skill Nullable(Float64)
        COMMENT 'How much better their scores were than those of "the last 28 days repeat", of p_hit than of the base rate; below 0 is worse, NULL if none was checked',
    checked_horizon Nullable(UInt32)
        COMMENT 'Days ahead of the forecasts that were checked: the nearest to the horizon of this one; NULL if none was'
)
COMMENT 'What is expected, and how sure that is'
AS
WITH
    -- The last day that a Date can hold; a goal may be due "never".
    toDate32('2149-06-06') AS last_date,
    made AS
    (
        -- A scenario never comes true, and what says nothing cannot be wrong.
        SELECT *, scenario = '' AND (p50 IS NOT NULL OR p_hit IS NOT NULL) AS says
        FROM signals_store.forecasts FINAL
    ),
    checked AS
    (
        SELECT
            about_kind,
            quantity,
            groupArray((horizon, coverage, nullIf(n, 0), skill, toNullable(horizon))) AS found
        FROM signals_store.forecast_calibrations FINAL
        WHERE against IN ('last 28 days repeat', 'base rate')
        GROUP BY about_kind, quantity
    )
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
    interval,
    if(says, nearest.2, NULL) AS coverage,
    if(says, nearest.3, NULL) AS n,
    if(says, nearest.4, NULL) AS skill,
    if(says, nearest.5, NULL) AS checked_horizon
FROM
(
    SELECT
        made.*,
        arraySort(
            x -> (abs(toInt64(x.1) - toInt64(made.horizon)), x.1),
            checked.found
        )[1] AS nearest
    FROM made
    LEFT JOIN checked ON checked.about_kind = made.about_kind AND checked.quantity = made.quantity
)
