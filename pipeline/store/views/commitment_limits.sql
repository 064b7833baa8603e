CREATE OR REPLACE VIEW signals.commitment_limits
(
    team String COMMENT 'Id of the team, e.g. payments',
    period String COMMENT 'Name of the period, e.g. 2026-Q1',
    level String COMMENT 'closed, shipped, adopted or verified',
    n UInt64 COMMENT 'Work items committed',
    share Nullable(Float64) COMMENT 'Share of them that reached the level, 0 to 1',
    expected Nullable(Float64) COMMENT 'Share of all teams, 0 to 1',
    low Nullable(Float64)
        COMMENT 'Lower 95 % limit for a team of this size; NULL below 8 work items: look at counts',
    high Nullable(Float64)
        COMMENT 'Upper 95 % limit for a team of this size; NULL below 8 work items: look at counts',
    reached UInt64 COMMENT 'Committed work items that reached the level',
    likely Nullable(Float64)
        COMMENT 'share drawn towards that of all teams, the more the fewer work items it rests on',
    explanation String COMMENT 'What is unusual, in words; empty within the limits and below 8 work items'
)
COMMENT 'Whether a team kept the commitments of a period that is over unusually often or seldom; no ranking'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    counts AS
    (
        SELECT
            item.team AS team,
            item.period AS period,
            count() AS n,
            [
                ('closed', countIf(closed)),
                ('shipped', countIf(shipped)),
                ('adopted', countIf(adopted)),
                ('verified', countIf(verified))
            ] AS levels
        FROM (SELECT * FROM signals_store.commitments FINAL WHERE committed) AS item
        INNER JOIN (SELECT * FROM signals_store.periods FINAL WHERE ends_at <= clock) AS periods
            ON periods.team = item.team AND periods.period = item.period
        GROUP BY team, period
    ),
    points AS
    (
        SELECT team, period, n, arrayJoin(levels) AS pair, pair.1 AS level, pair.2 AS reached
        FROM counts
    ),
    pools AS
    (
        SELECT
            level,
            sum(reached) / sum(n) AS p,
            count() AS k,
            -- How far the shares lie apart, in units of what chance alone would do: k - 1.
            (sum(reached * reached / n) - p * p * sum(n)) / greatest(p * (1 - p), 1e-9) AS spread,
            sum(n) - sum(n * n) / sum(n) - (k - 1) AS room
        FROM points
        GROUP BY level
    ),
    -- The beta distribution of the shares of teams, by its moments; almost a point if chance explains all.
    priors AS
    (
        SELECT
            level,
            p,
            least(greatest(if(room > 0, (spread - (k - 1)) / room, 0), 1e-6), 0.99) AS alike,
            p * (1 - alike) / alike AS a,
            (1 - p) * (1 - alike) / alike AS b
        FROM pools
    ),
    judged AS
    (
        SELECT
            team,
            period,
            points.level AS level,
            n,
            reached,
            p,
            a,
            b,
            n >= 8 AND p > 0 AND p < 1 AS limited,
            -- The chance of each count up to x, beta-binomial.
            arrayCumSum(
                arrayMap(
                    x -> exp(
                        lgamma(n + 1) - lgamma(x + 1) - lgamma(n - x + 1)
                        + lgamma(x + a) + lgamma(n - x + b) - lgamma(n + a + b)
                        + lgamma(a + b) - lgamma(a) - lgamma(b)
                    ),
                    if(limited, range(n + 1), emptyArrayUInt64())
                )
            ) AS chances,
            multiIf(
                n < 8, NULL,
                NOT limited, p,
                (arrayFirstIndex(c -> c > 0.025, chances) - 1) / n
            ) AS low,
            multiIf(
                n < 8, NULL,
                NOT limited, p,
                (arrayFirstIndex(c -> c >= 0.975 - 1e-9, chances) - 1) / n
            ) AS high
        FROM points
        INNER JOIN priors ON priors.level = points.level
    )
SELECT
    team,
    period,
    level,
    n,
    reached / n AS share,
    p AS expected,
    low,
    high,
    reached,
    if(p > 0 AND p < 1, (reached + a) / (n + a + b), p) AS likely,
    if(
        n >= 8 AND (share < low OR share > high),
        format(
            '{} of {} {}: {} than 95 % of teams with as many, {} to {} %',
            toString(reached), toString(n), level, if(share < low, 'fewer', 'more'),
            toString(round(100 * low)), toString(round(100 * high))
        ),
        ''
    ) AS explanation
FROM judged
