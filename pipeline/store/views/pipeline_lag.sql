CREATE OR REPLACE VIEW signals.pipeline_lag
(
    stage String COMMENT 'parse, react or store',
    partition Int32 COMMENT 'Partition of the topic it reads',
    at DateTime64(3, 'UTC') COMMENT 'When that was measured, UTC',
    lag_records UInt64 COMMENT 'Records that wait',
    lag_seconds Float64 COMMENT 'Seconds since the oldest of them arrived'
)
COMMENT 'How far the pipeline is behind'
AS
-- The rule behind it is not there yet: no rows.
SELECT
    '' AS stage,
    0 AS partition,
    toDateTime64(0, 3, 'UTC') AS at,
    0 AS lag_records,
    0 AS lag_seconds
WHERE 0
