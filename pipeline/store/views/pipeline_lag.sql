CREATE OR REPLACE VIEW signals.pipeline_lag
(
    stage String COMMENT 'parse, react or store',
    partition Int32 COMMENT 'Partition of the topic it reads',
    at DateTime64(3, 'UTC') COMMENT 'When that was measured, UTC',
    lag_records UInt64 COMMENT 'Records that wait',
    lag_seconds Nullable(Float64)
        COMMENT 'Seconds since the oldest of them arrived, 0 if none waits; NULL if it could not be read in time'
)
COMMENT 'How far the pipeline is behind, as of the last measurement'
AS
SELECT
    stage,
    partition,
    at,
    lag_records,
    lag_seconds
FROM signals_store.pipeline_lag
ORDER BY at DESC
LIMIT 1 BY stage, partition
