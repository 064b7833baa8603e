-- Every signal as it was taken in.
CREATE OR REPLACE VIEW signals.signals
(
    `id` String COMMENT 'Id of the signal within its source',
    `source` String COMMENT 'Source, the configured id or that of the signals',
    `type` String COMMENT 'Type of the signal',
    `time` DateTime64(3, 'UTC') COMMENT 'When it happened',
    `recorded_at` DateTime64(3, 'UTC') COMMENT 'When it was first received',
    `subject` String COMMENT 'Subject, the id of its definition',
    `data` String COMMENT 'Data of the signal as JSON'
)
AS
SELECT id, source, type, time, recorded_at, subject, JSONExtractRaw(body, 'data') AS data
FROM signals_store.signals FINAL
