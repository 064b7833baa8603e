-- Who adopted what, and who has not.
CREATE OR REPLACE VIEW signals.adopters
(
    `subject` String COMMENT 'Subject, the id of its definition',
    `adopter` String COMMENT 'Adopter: user, team, account, service or repository',
    `owner` String COMMENT 'Team that owns the adopter; empty: unknown',
    `eligible` Bool COMMENT 'Adopters that could adopt; NULL: unknown',
    `first_used_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'First use, or first pin',
    `adopted_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When adoption began to hold; NULL: not yet',
    `left_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; NULL: it holds',
    `version` String COMMENT 'Version now pinned or deployed; empty: none',
    `stays` Array(Tuple(DateTime64(3, 'UTC'), Nullable(DateTime64(3, 'UTC')))) COMMENT 'From when until when it had adopted; an end of NULL: it still has'
)
AS
SELECT subject, adopter, owner, eligible, first_used_at, adopted_at,
    if(left_at > (SELECT max(at) FROM signals_store.clock FINAL), NULL, left_at) AS left_at, version,
    CAST(stays AS Array(Tuple(DateTime64(3, 'UTC'), Nullable(DateTime64(3, 'UTC'))))) AS stays
FROM signals_store.adopters FINAL
