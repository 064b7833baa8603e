CREATE OR REPLACE VIEW signals.adopters
(
    subject String COMMENT 'Id of the capability, e.g. one-click-pay',
    adopter String
        COMMENT 'Who adopts: a team, user, account, service or repository; hashed where privacy asks for it',
    owner String
        COMMENT 'Team that owns the adopter (a service, a repository), empty if none is known',
    eligible Bool COMMENT 'True if the capability is meant for it now',
    first_used_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'First use, or first pin of the package, UTC; NULL if it never used it',
    adopted_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it first had adopted, UTC; NULL if it never did',
    left_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it last stopped having adopted, UTC; NULL if it still has, or never did',
    version String
        COMMENT 'Version it has pinned, e.g. 2.1.0; empty where adoption is not by version',
    stays Array(Tuple(DateTime64(3, 'UTC'), Nullable(DateTime64(3, 'UTC'))))
        COMMENT 'From when until when it had adopted, UTC; an end of NULL: it still has',
    joined_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it became eligible, UTC; NULL means from the beginning'
)
COMMENT 'Everybody who uses a subject or could: who has adopted it since when, who has not'
AS
-- Use counts for some days, so an end may lie ahead; until then the adopter is one.
WITH (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock
SELECT
    subject,
    adopter,
    owner,
    eligible,
    first_used_at,
    adopted_at,
    if(left_at > clock, NULL, left_at) AS left_at,
    version,
    arrayMap(stay -> (stay.1, if(stay.2 > clock, NULL, stay.2)), stays) AS stays,
    joined_at
FROM signals_store.adopters FINAL
