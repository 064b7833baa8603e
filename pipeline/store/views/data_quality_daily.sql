-- How far the data of each source can be trusted, per day.
CREATE OR REPLACE VIEW signals.data_quality_daily
(
    `day` Date32 COMMENT 'Day in the calendar of the entity',
    `source` String COMMENT 'Source, the configured id or that of the signals',
    `signals` Int64 COMMENT 'Signals that happened on the day',
    `duplicates` Int64 COMMENT 'Copies of signals that came again',
    `late` Int64 COMMENT 'Signals received more than a day after they happened',
    `rejected` UInt64 COMMENT 'Lines that were rejected on the day',
    `unlinked_share` Nullable(Float64) COMMENT 'Unlinked share',
    `orphan_share` Nullable(Float64) COMMENT 'Orphan share',
    `ambiguous_share` Nullable(Float64) COMMENT 'Ambiguous share',
    `skewed` Int64 COMMENT 'Signals whose clock ran ahead',
    `too_late` Int64 COMMENT 'Signals that came more than 35 days late: kept, not applied',
    `restated_share` Nullable(Float64) COMMENT 'Restated share',
    `freshness_seconds` Nullable(Float64) COMMENT 'Seconds since the source was last heard; NULL: not the last day',
    `grade` Nullable(String) COMMENT 'Grade A to D; NULL: not graded'
)
AS
SELECT d.day AS day, d.source AS source, d.signals AS signals, d.duplicates AS duplicates, d.late AS late, r.n AS rejected, NULL AS unlinked_share,
    NULL AS orphan_share, NULL AS ambiguous_share, d.skewed AS skewed, d.too_late AS too_late, NULL AS restated_share,
    if(d.day = toDate32(s.last_at),
        dateDiff('second', s.last_at AS last_at, (SELECT max(at) FROM signals_store.clock FINAL)), NULL)
        AS freshness_seconds,
    NULL AS grade
FROM (SELECT * FROM signals_store.source_days FINAL) AS d
LEFT JOIN
(
    SELECT toDate32(received_at) AS day, source, count() AS n
    FROM signals_store.rejections FINAL
    GROUP BY day, source
) AS r ON r.day = d.day AND r.source = d.source
LEFT JOIN (SELECT source, toNullable(last_at) AS last_at FROM signals_store.sources FINAL) AS s
    ON s.source = d.source
