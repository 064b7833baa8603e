CREATE OR REPLACE VIEW signals.links
(
    `from` String COMMENT 'The side that is linked, e.g. the change acme/checkout!17',
    `to` String COMMENT 'What it counts for, e.g. the work item jira:10042',
    rel String COMMENT 'implements, closes, parent, delivers or measures',
    via String
        COMMENT 'Evidence: manual, native, keyword, title, commit, branch, release_note, mention or inferred',
    confidence Float64 COMMENT 'How sure the link is by this evidence, 0 to 1, e.g. 0.92',
    confirmed_at DateTime64(3, 'UTC') COMMENT 'When the evidence occurred, UTC',
    drives_state Bool
        COMMENT 'True if the link is sure enough (0.80 with all its evidence) to decide the state of the work item'
)
COMMENT 'Why a signal counts for something'
AS
SELECT
    `from`,
    `to`,
    rel,
    via,
    confidence,
    confirmed_at,
    drives_state
FROM signals_store.links FINAL
