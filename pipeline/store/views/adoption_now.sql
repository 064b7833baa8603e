-- Where the adoption of every subject stands.
CREATE OR REPLACE VIEW signals.adoption_now
(
    `subject` String COMMENT 'Subject, the id of its definition',
    `title` String COMMENT 'Title for people',
    `unit` String COMMENT 'Kind of adopter: user, team, account, service or repo',
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `adopters` Int64 COMMENT 'Adopters that count on the day: adopted and eligible',
    `eligible` Nullable(Int64) COMMENT 'Adopters that could adopt; NULL: unknown',
    `breadth` Nullable(Float64) COMMENT 'adopters / eligible; NULL: unknown',
    `target` Nullable(Float64) COMMENT 'Value to reach, in its unit',
    `days_since_release` Nullable(Float64) COMMENT 'Days since it was first exposed; NULL: not known',
    `time_to_first` Nullable(Float64) COMMENT 'Kaplan-Meier median of days from release to adoption; NULL: not reached',
    `verified_share` Nullable(Float64) COMMENT 'Share of adopters that say yes; NULL: there are none'
)
AS
WITH
    (SELECT max(at) FROM signals_store.clock FINAL) AS now,
    latest AS
    (
        SELECT subject, argMax(adopters, day) AS adopters, argMax(tuple(eligible), day).1 AS eligible,
            argMax(verified_yes, day) AS yes
        FROM signals_store.adoption_days FINAL
        GROUP BY subject
    ),
    spans AS
    (
        SELECT a.subject AS subject, isNotNull(a.adopted_at) AS adopted,
            dateDiff('millisecond', greatest(s.released_at, ifNull(a.joined_at, s.released_at)),
                coalesce(a.adopted_at, least(ifNull(a.left_at, now), now))) / 86400000 AS days
        FROM (SELECT * FROM signals_store.adopters FINAL) AS a
        INNER JOIN (SELECT * FROM signals_store.subjects FINAL) AS s ON s.subject = a.subject
        WHERE isNotNull(s.released_at) AND a.eligible
    ),
    steps AS
    (
        SELECT subject, days, countIf(adopted) AS events, count() AS ends
        FROM spans
        WHERE days >= 0
        GROUP BY subject, days
    ),
    curve AS
    (
        SELECT subject, days, events,
            sum(ends) OVER (PARTITION BY subject ORDER BY days DESC) AS at_risk
        FROM steps
    ),
    survival AS
    (
        SELECT subject, days, events,
            exp(sum(if(events = at_risk, -1000, log(1 - events / at_risk)))
                OVER (PARTITION BY subject ORDER BY days)) AS s
        FROM curve
    ),
    median AS
    (
        SELECT subject, min(toNullable(days)) AS days
        FROM survival
        WHERE s <= 0.5 + 1e-9 AND events > 0
        GROUP BY subject
    )
SELECT s.subject AS subject, s.title AS title, s.unit AS unit, s.team AS team, l.adopters AS adopters, l.eligible AS eligible,
    if(l.eligible > 0, l.adopters / (l.eligible), NULL) AS breadth, s.target AS target,
    dateDiff('millisecond', s.released_at AS released_at, now) / 86400000 AS days_since_release,
    m.days AS time_to_first, if(l.adopters > 0, l.yes / (l.adopters), NULL) AS verified_share
FROM (SELECT * FROM signals_store.subjects FINAL) AS s
LEFT JOIN latest AS l ON l.subject = s.subject
LEFT JOIN median AS m ON m.subject = s.subject
