CREATE OR REPLACE VIEW signals.adoption_now
(
    subject String COMMENT 'Id of the capability, e.g. one-click-pay',
    title String COMMENT 'Title for people, e.g. One-click payment',
    unit String COMMENT 'What adopts it: user, team, account, service or repo',
    team String COMMENT 'Id of the team that delivers it',
    adopters Nullable(UInt64)
        COMMENT 'Eligible adopters at the close of the last full day; NULL if nothing was heard of it yet',
    eligible Nullable(UInt64) COMMENT 'Adopters it is meant for; NULL if unknown',
    breadth Nullable(Float64) COMMENT 'adopters / eligible, 0 to 1; NULL if unknown',
    target Nullable(Float64)
        COMMENT 'Adopters, or share of the eligible, that make it adopted; see target_kind',
    days_since_release Nullable(Float64)
        COMMENT 'Days since it was first available; NULL if not released',
    time_to_first Nullable(Float64)
        COMMENT 'Days from release, or from becoming eligible if that was later, until half had adopted, those that have not yet included (Kaplan-Meier median); NULL if not reached',
    verified_share Nullable(Float64)
        COMMENT 'Adopters whose valid answer is yes / adopters, 0 to 1; NULL without adopters',
    target_kind String COMMENT 'adopters or share',
    released_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it was first available, UTC; NULL if not released',
    day Nullable(Date)
        COMMENT 'Last full day, which adopters and eligible are of; NULL if there is none',
    eligible_age Nullable(Float64)
        COMMENT 'Days since it was last said for whom it is meant, by a signal or by a version with a day (from:); up to 30 are good, more than 90 poor; NULL if nobody said, or not when'
)
COMMENT 'How far a subject is adopted now'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    subjects AS (SELECT * FROM signals_store.subjects FINAL),
    latest AS
    (
        SELECT
            subject,
            CAST(adoption_days.day AS Nullable(Date)) AS day,
            CAST(adopters AS Nullable(UInt64)) AS adopters,
            eligible,
            CAST(verified_yes AS Nullable(UInt64)) AS verified_yes
        FROM signals_store.adoption_days FINAL
        ORDER BY day DESC
        LIMIT 1 BY subject
    ),
    -- From when to when each of them was watched, and whether it then adopted.
    watched AS
    (
        SELECT
            adopter.subject AS subject,
            greatest(assumeNotNull(released_at), coalesce(joined_at, released_at)) AS begun_at,
            coalesce(adopted_at, clock) AS ended_at,
            adopted_at IS NOT NULL AS adopted,
            dateDiff('millisecond', begun_at, ended_at) / 86400000 AS waited
        FROM
        (
            SELECT * FROM signals_store.adopters FINAL WHERE eligible
        ) AS adopter
        INNER JOIN subjects ON subjects.subject = adopter.subject
        WHERE released_at IS NOT NULL
    ),
    waits AS
    (
        -- Adoption has the grain of a day: on the day of the release it took no time. Who had
        -- adopted before that (a pilot) was not waiting.
        SELECT subject, greatest(waited, 0) AS days, countIf(adopted) AS events, count() AS ended
        FROM watched
        WHERE waited > -1
        GROUP BY subject, days
        UNION ALL
        -- Whoever is eligible and not known by name has not adopted yet.
        SELECT
            subjects.subject AS subject,
            dateDiff('millisecond', released_at, clock) / 86400000 AS days,
            0 AS events,
            toUInt64(latest.eligible - known) AS ended
        FROM subjects
        INNER JOIN latest ON latest.subject = subjects.subject
        LEFT JOIN
        (
            SELECT subject, countIf(eligible) AS known
            FROM signals_store.adopters FINAL
            GROUP BY subject
        ) AS named ON named.subject = subjects.subject
        WHERE latest.eligible > known AND days >= 0
    ),
    at_risk AS
    (
        SELECT
            subject,
            days,
            sum(events) AS adopted,
            sum(sum(ended)) OVER (PARTITION BY subject ORDER BY days DESC) AS waiting
        FROM waits
        GROUP BY subject, days
    ),
    survival AS
    (
        -- A product of shares, as there is no product over a window.
        SELECT
            subject,
            days,
            exp(sum(log(1 - adopted / waiting)) OVER (PARTITION BY subject ORDER BY days))
                AS not_yet
        FROM at_risk
        WHERE adopted > 0
    ),
    medians AS
    (
        SELECT subject, minOrNull(days) AS time_to_first
        FROM survival
        WHERE not_yet <= 0.5 + 1e-9
        GROUP BY subject
    )
SELECT
    subjects.subject AS subject,
    title,
    unit,
    team,
    latest.adopters AS adopters,
    latest.eligible AS eligible,
    if(latest.eligible = 0, NULL, latest.adopters / latest.eligible) AS breadth,
    target,
    dateDiff('millisecond', released_at, clock) / 86400000 AS days_since_release,
    medians.time_to_first AS time_to_first,
    if(latest.adopters = 0, NULL, latest.verified_yes / latest.adopters) AS verified_share,
    target_kind,
    released_at,
    latest.day AS day,
    dateDiff('millisecond', confirmed_at, clock) / 86400000 AS eligible_age
FROM subjects
LEFT JOIN latest ON latest.subject = subjects.subject
LEFT JOIN medians ON medians.subject = subjects.subject
