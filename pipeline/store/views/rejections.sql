-- What was not taken, and why.
CREATE OR REPLACE VIEW signals.rejections
(
    `rejection_id` String COMMENT 'Id of the rejection',
    `source` String COMMENT 'Source, the configured id or that of the signals',
    `received_at` DateTime64(3, 'UTC') COMMENT 'When it was rejected',
    `reason` String COMMENT 'Why',
    `detail` String COMMENT 'Field, value and what was expected',
    `file` String COMMENT 'File that it stood in',
    `line` UInt64 COMMENT 'Line in the file, from 1',
    `bytes` String COMMENT 'What came, cut after 64 kB'
)
AS
SELECT rejection_id, source, received_at, reason, detail, file, line, bytes
FROM signals_store.rejections FINAL
