CREATE OR REPLACE VIEW signals.commitment_limits
(
    team String COMMENT 'Id of the team, e.g. payments',
    period String COMMENT 'Name of the period, e.g. 2026-Q1',
    level String COMMENT 'closed, shipped, adopted or verified',
    n UInt64 COMMENT 'Work items committed',
    share Nullable(Float64) COMMENT 'Share of them that reached the level, 0 to 1',
    expected Nullable(Float64) COMMENT 'Share of all teams, 0 to 1',
    low Nullable(Float64) COMMENT 'Lower 95 % limit for a team of this size',
    high Nullable(Float64) COMMENT 'Upper 95 % limit for a team of this size'
)
COMMENT 'Whether a team keeps its commitments unusually often or seldom'
AS
-- The rule behind it is not there yet: no rows.
SELECT
    '' AS team,
    '' AS period,
    '' AS level,
    0 AS n,
    NULL AS share,
    NULL AS expected,
    NULL AS low,
    NULL AS high
WHERE 0
