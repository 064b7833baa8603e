-- How far stages are behind; filled by the stream engine.
CREATE OR REPLACE VIEW signals.pipeline_lag
(
    `stage` String COMMENT 'Stage',
    `partition` UInt64 COMMENT 'Partition',
    `at` DateTime64(3, 'UTC') COMMENT 'When it happened',
    `lag_records` Int64 COMMENT 'Lag records',
    `lag_seconds` Float64 COMMENT 'Lag seconds'
)
AS
SELECT defaultValueOfTypeName('String') AS `stage`, defaultValueOfTypeName('UInt64') AS `partition`, defaultValueOfTypeName('DateTime64(3, \'UTC\')') AS `at`, defaultValueOfTypeName('Int64') AS `lag_records`, defaultValueOfTypeName('Float64') AS `lag_seconds`
WHERE 0
