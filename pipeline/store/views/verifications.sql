-- Who said whether it helps.
CREATE OR REPLACE VIEW signals.verifications
(
    `subject` String COMMENT 'Subject, the id of its definition',
    `adopter` String COMMENT 'Adopter: user, team, account, service or repository',
    `at` DateTime64(3, 'UTC') COMMENT 'When it happened',
    `verdict` String COMMENT 'yes, partly or no',
    `method` String COMMENT 'attested, survey, kpi or retired',
    `comment` String COMMENT 'What was said, in the words of the users',
    `evidence_url` String COMMENT 'Where the evidence is'
)
AS
SELECT subject, adopter, at, verdict, method, comment, evidence_url
FROM signals_store.verifications FINAL
