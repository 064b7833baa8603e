CREATE OR REPLACE VIEW signals.rejections
(
    rejection_id String COMMENT 'Id, derived from the input',
    source String COMMENT 'Source it came from, empty if unknown',
    received_at DateTime64(3, 'UTC') COMMENT 'When it was received, UTC',
    reason String COMMENT 'Why it was rejected, one word, e.g. in_future',
    detail String COMMENT 'Why it was rejected, for people',
    file String COMMENT 'File it stood in, empty if it came another way',
    line UInt64 COMMENT 'Line in the file, from 1; 0 if there is none',
    bytes String COMMENT 'The input, byte by byte'
)
COMMENT 'Input that could not be used, with its bytes'
AS
SELECT
    rejection_id,
    source,
    received_at,
    reason,
    detail,
    file,
    line,
    bytes
FROM signals_store.rejections FINAL
