CREATE OR REPLACE VIEW signals.data_quality_daily
(
    day Date COMMENT 'Day on which the signals happened, UTC',
    source String
        COMMENT 'Id of the configured source, else the CloudEvents source; empty for input that names none',
    signals UInt64 COMMENT 'Signals accepted, duplicates not counted',
    duplicates UInt64 COMMENT 'Signals that came again',
    late UInt64 COMMENT 'Signals received more than a day after they happened',
    rejected UInt64
        COMMENT 'Input of the source that was received on this day and could not be used',
    unlinked_share Nullable(Float64)
        COMMENT 'Share of closed work items without a sure link, 0 to 1; NULL if not measured',
    orphan_share Nullable(Float64)
        COMMENT 'Share of production changes without a work item, 0 to 1; NULL if not measured',
    ambiguous_share Nullable(Float64)
        COMMENT 'Share of links that wait for confirmation, 0 to 1; NULL if not measured',
    skewed UInt64 COMMENT 'Signals dated after their receipt; the time of receipt was used',
    too_late UInt64 COMMENT 'Signals that came more than 35 days late: stored, not applied',
    restated_share Nullable(Float64)
        COMMENT 'Share of published daily values that changed later, 0 to 1; NULL if not measured',
    freshness_seconds Nullable(Float64)
        COMMENT 'Seconds since the last signal or heartbeat of the source, computed when asked; only in the row of today, the day that the newest tick has reached',
    grade Nullable(String) COMMENT 'A to D; NULL if not graded'
)
COMMENT 'How far the input of a day can be trusted'
AS
WITH (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock
SELECT
    day,
    source,
    sum(signals) AS signals,
    sum(duplicates) AS duplicates,
    sum(late) AS late,
    sum(rejected) AS rejected,
    CAST(NULL AS Nullable(Float64)) AS unlinked_share,
    CAST(NULL AS Nullable(Float64)) AS orphan_share,
    CAST(NULL AS Nullable(Float64)) AS ambiguous_share,
    sum(skewed) AS skewed,
    sum(too_late) AS too_late,
    CAST(NULL AS Nullable(Float64)) AS restated_share,
    max(freshness) AS freshness_seconds,
    CAST(NULL AS Nullable(String)) AS grade
FROM
(
    SELECT
        day, toString(source) AS source, signals, duplicates, late, 0 AS rejected, skewed, too_late,
        CAST(NULL AS Nullable(Float64)) AS freshness
    FROM signals_store.source_days FINAL
    UNION ALL
    SELECT toDate(received_at), toString(source), 0, 0, 0, 1, 0, 0, NULL
    FROM signals_store.rejections FINAL
    UNION ALL
    -- A source has a row of today even if nothing came from it.
    SELECT
        toDate(clock), toString(source), 0, 0, 0, 0, 0, 0,
        greatest(dateDiff('millisecond', last_at, now64(3, 'UTC')), 0) / 1000
    FROM signals_store.sources FINAL
    WHERE source != 'config' AND clock IS NOT NULL
)
GROUP BY day, source
