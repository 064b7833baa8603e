CREATE OR REPLACE VIEW signals.verifications
(
    subject String COMMENT 'Id of the capability, e.g. one-click-pay',
    adopter String COMMENT 'Who answered; empty if the answer holds for the subject as a whole',
    at DateTime64(3, 'UTC') COMMENT 'When they answered, UTC',
    verdict String COMMENT 'yes, partly or no',
    method String COMMENT 'attested, survey, kpi or retired; empty if not said',
    comment String COMMENT 'Their words, empty if none',
    evidence_url String COMMENT 'Where the evidence is, empty if none',
    id String COMMENT 'Id of the signal'
)
COMMENT 'Answers of adopters: does it solve the problem?'
AS
SELECT
    subject,
    adopter,
    at,
    verdict,
    method,
    comment,
    evidence_url,
    id
FROM signals_store.verifications FINAL
