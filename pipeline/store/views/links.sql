-- Why things belong together.
CREATE OR REPLACE VIEW signals.links
(
    `from` String COMMENT 'What the link starts from',
    `to` String COMMENT 'What the link leads to',
    `rel` String COMMENT 'implements, closes, parent, delivers or measures',
    `via` String COMMENT 'Kind of evidence, such as title or manual',
    `confidence` Float64 COMMENT 'How sure the link is, 0 to 1',
    `confirmed_at` DateTime64(3, 'UTC') COMMENT 'When it was known for sure',
    `drives_state` Bool COMMENT 'Whether it is sure enough to count (0.80)'
)
AS
SELECT `from`, `to`, rel, via, confidence, confirmed_at, drives_state
FROM signals_store.links FINAL
