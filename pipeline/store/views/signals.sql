CREATE OR REPLACE VIEW signals.signals
(
    id String COMMENT 'Id of the signal, unique within its source, e.g. 7f3a-42',
    source String COMMENT 'Who sent the signal: the CloudEvents source, e.g. /github/acme',
    type String COMMENT 'Type of the signal, e.g. delivery.change.merged.v1',
    time DateTime64(3, 'UTC') COMMENT 'When it happened, as the signal says, UTC',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When we first received it, UTC',
    subject String COMMENT 'CloudEvents subject of the signal, empty if it had none',
    data String COMMENT 'What the signal says, in JSON'
)
COMMENT 'Every accepted signal'
AS
SELECT
    id,
    source,
    type,
    time,
    recorded_at,
    subject,
    JSONExtractRaw(body, 'data') AS data
FROM signals_store.signals FINAL
