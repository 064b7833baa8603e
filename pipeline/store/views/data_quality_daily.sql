CREATE OR REPLACE VIEW signals.data_quality_daily
(
    day Date COMMENT 'Day on which the signals happened, UTC',
    source String
        COMMENT 'Id of the configured source, else the CloudEvents source; empty for input that names none',
    signals UInt64 COMMENT 'Signals accepted, duplicates not counted',
    duplicates UInt64 COMMENT 'Signals that came again',
    late UInt64 COMMENT 'Signals received more than a day after they happened',
    rejected UInt64
        COMMENT 'Input of the source that was received on this day and could not be used',
    unlinked_share Nullable(Float64)
        COMMENT 'Share of the work items of the source closed in 28 days that have no sure link and are not declared non-code, 0 to 1; NULL if none was closed',
    orphan_share Nullable(Float64)
        COMMENT 'The larger of two shares of the source in 28 days, 0 to 1: changes that reached production without a sure work item, and production deploys of which nobody knows what they brought; NULL if there were none of either',
    ambiguous_share Nullable(Float64)
        COMMENT 'Share of the links to work items of the source, of 28 days, that are candidates for a person to confirm, 0 to 1; NULL if there were none',
    skewed UInt64 COMMENT 'Signals dated after their receipt; the time of receipt was used',
    too_late UInt64 COMMENT 'Signals that came more than 35 days late: stored, not applied',
    restated_share Nullable(Float64)
        COMMENT 'Share of the daily values published for 28 days of goals that rest on the source that changed later, 0 to 1; NULL if not measured',
    freshness_seconds Nullable(Float64)
        COMMENT 'Seconds since the last signal or heartbeat of the source, computed when asked; only in the row of today, the day that the newest tick has reached',
    grade Nullable(String)
        COMMENT 'Worst of all shares and the freshness of the day: A all good, B none poor, C any poor, D stale; NULL if nothing was measured',
    closed_28 UInt64 COMMENT 'Work items of the source that were closed in 28 days',
    unlinked_28 UInt64
        COMMENT 'Of those, work items without a sure link that are not declared non-code',
    stale Bool COMMENT 'True if the source was silent for too long at the close of the day',
    unknown_team_share Nullable(Float64)
        COMMENT 'Share of the signals of 28 days that name a team, or a service, of which it is not defined whose it is, 0 to 1; NULL if none named one',
    unknown_subject_share Nullable(Float64)
        COMMENT 'Share of the signals of 28 days that name a capability, or a package, that is not defined, 0 to 1; NULL if none named one',
    unknown_adopter_share Nullable(Float64)
        COMMENT 'Share of the signals of 28 days about an adopter of a defined capability whom no list of those it is meant for names, although there is one, 0 to 1; NULL if none named an adopter'
)
COMMENT 'How far the input of a day can be trusted; 28 days are those that end with the day, all days are UTC'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    toDate(coalesce(clock, toDateTime64(0, 3, 'UTC'))) AS today,
    arrivals AS
    (
        SELECT day, toString(source) AS source, signals, duplicates, late, 0 AS rejected, skewed, too_late
        FROM signals_store.source_days FINAL
        UNION ALL
        SELECT toDate(received_at), toString(source), 0, 0, 0, 1, 0, 0
        FROM signals_store.rejections FINAL
    ),
    sources AS
    (
        SELECT toString(source) AS source, last_at, stale_after
        FROM signals_store.sources FINAL
        WHERE source != 'config' AND clock IS NOT NULL
    ),
    -- A source has a row of every day from its first one to today, even if nothing came from it.
    days AS
    (
        SELECT day, source FROM arrivals
        UNION DISTINCT
        SELECT arrayJoin(arrayMap(n -> first_day + n, range(toUInt64(greatest(today - first_day, 0) + 1)))), source
        FROM
        (
            SELECT source, least(min(day), today) AS first_day
            FROM
            (
                SELECT source, day FROM arrivals
                UNION ALL
                SELECT source, today FROM sources
            )
            WHERE source IN (SELECT source FROM sources)
            GROUP BY source
        )
    ),
    closed AS
    (
        SELECT
            toDate(closed_at) AS day,
            toString(source) AS source,
            count() AS closed,
            countIf(state = 'unknown' AND hasAny(reasons, ['unlinked', 'ambiguous'])) AS unlinked
        FROM signals_store.work_items FINAL
        WHERE closed_at IS NOT NULL AND state NOT IN ('dropped', 'deleted')
        GROUP BY day, source
    ),
    shipped AS
    (
        SELECT
            toDate(assumeNotNull(shipped_at)) AS day,
            source,
            count() AS shipped,
            countIf(change NOT IN (
                SELECT `from` FROM signals_store.links FINAL
                WHERE drives_state AND said_by = 'work_item'
            )) AS orphans
        FROM
        (
            SELECT change, any(toString(source)) AS source, min(shipped_at) AS shipped_at
            FROM signals_store.changes_shipped FINAL
            GROUP BY change
        )
        WHERE shipped_at IS NOT NULL
        GROUP BY day, source
    ),
    deployed AS
    (
        SELECT
            toDate(finished_at) AS day,
            toString(source) AS source,
            count() AS deployed,
            -- One that names no commit, no change and no work item says no more than an unknown one.
            countIf(
                changeset_unknown
                OR (kind = 'deploy' AND sha = '' AND empty(changes) AND empty(work_items))
            ) AS unknown
        FROM signals_store.deploys FINAL
        -- As `counted` of the view deploys, without its joins.
        WHERE tier = 'production' AND outcome = 'success' AND kind != 'config'
        GROUP BY day, source
    ),
    linked AS
    (
        SELECT toDate(link.at) AS day, toString(item.source) AS source, count() AS links, countIf(candidate) AS candidates
        FROM
        (
            SELECT
                `to` AS work_item,
                min(confirmed_at) AS at,
                max(NOT drives_state AND confidence >= 0.5 - 1e-9) AS candidate
            FROM signals_store.links FINAL
            WHERE said_by = 'work_item' AND rel IN ('implements', 'closes')
            GROUP BY `from`, `to`
        ) AS link
        INNER JOIN (SELECT work_item, source FROM signals_store.work_items FINAL) AS item
            ON item.work_item = link.work_item
        GROUP BY day, source
    ),
    rests AS
    (
        SELECT goal_id, arrayJoin(sources) AS source
        FROM signals_store.goals FINAL
    ),
    restated AS
    (
        SELECT day, source, count() AS published, countIf(restated) AS changed
        FROM
        (
            SELECT about, day, min(value) != max(value) AS restated
            FROM signals_store.published FINAL
            WHERE kind = 'goal_value'
            GROUP BY about, day
        ) AS value
        INNER JOIN rests ON rests.goal_id = value.about
        GROUP BY day, source
    ),
    (SELECT groupUniqArray(package) FROM signals_store.subjects FINAL WHERE package != '') AS packages,
    strangers AS
    (
        SELECT toString(subject) AS subject, name FROM signals_store.names FINAL WHERE kind = 'adopter'
    ),
    -- Who pins a package is known if one of the subjects that are measured by it knows it.
    pinning AS
    (
        SELECT package, name
        FROM
        (
            SELECT subject, package, count() OVER (PARTITION BY package) AS measured
            FROM (SELECT * FROM signals_store.subjects FINAL WHERE package != '')
        ) AS subject
        INNER JOIN strangers ON strangers.subject = subject.subject
        GROUP BY package, name
        HAVING count() = any(measured)
    ),
    named AS
    (
        WITH
            -- A set answers in half the time of an array.
            arrayAll(name -> name IN (SELECT toString(subject) FROM signals_store.subjects FINAL), named_subjects)
            AND (named_package = '' OR has(packages, named_package)) AS known_subject
        SELECT
            toDate(if(time > recorded_at + INTERVAL 5 MINUTE, recorded_at, time)) AS day,
            toString(source) AS source,
            countIf(named_team != '' OR named_service != '') AS teams,
            countIf(
                if(
                    named_team != '',
                    named_team NOT IN (SELECT name FROM signals_store.names FINAL WHERE kind = 'team'),
                    named_service != '' AND named_service NOT IN (
                        SELECT name FROM signals_store.names FINAL WHERE kind = 'service' AND known
                    )
                )
            ) AS unknown_teams,
            countIf(notEmpty(named_subjects) OR named_package != '') AS subjects_n,
            countIf(NOT known_subject) AS unknown_subjects,
            countIf(named_adopter != '' AND known_subject) AS adopters,
            countIf(
                named_adopter != ''
                AND if(
                    named_package = '',
                    (named_subjects[1], named_adopter) IN (SELECT subject, name FROM strangers),
                    (toString(named_package), named_adopter) IN (SELECT package, name FROM pinning)
                )
            ) AS unknown_adopters
        FROM signals_store.signals FINAL
        WHERE source != 'config'
        GROUP BY day, source
    ),
    silent AS
    (
        SELECT DISTINCT
            about AS source,
            arrayJoin(arrayMap(n -> toDate(raised_at) + n, range(toUInt64(greatest(ends - toDate(raised_at), 0))))) AS day
        FROM
        (
            SELECT about, raised_at, coalesce(toDate(cleared_at), today + 1) AS ends
            FROM signals_store.findings FINAL
            WHERE rule = 'source_stale'
        )
    ),
    counted AS
    (
        SELECT
            days.day AS day,
            days.source AS source,
            came.signals AS signals,
            came.duplicates AS duplicates,
            came.late AS late,
            came.rejected AS rejected,
            came.skewed AS skewed,
            came.too_late AS too_late,
            toBool(silent.source != '') AS stale,
            sum(closed.closed) OVER month AS closed_28,
            sum(closed.unlinked) OVER month AS unlinked_28,
            sum(shipped.shipped) OVER month AS shipped_28,
            sum(shipped.orphans) OVER month AS orphans_28,
            sum(deployed.deployed) OVER month AS deployed_28,
            sum(deployed.unknown) OVER month AS unknown_28,
            sum(linked.links) OVER month AS links_28,
            sum(linked.candidates) OVER month AS candidates_28,
            sum(restated.published) OVER month AS published_28,
            sum(restated.changed) OVER month AS changed_28,
            sum(named.teams) OVER month AS teams_28,
            sum(named.unknown_teams) OVER month AS unknown_teams_28,
            sum(named.subjects_n) OVER month AS subjects_28,
            sum(named.unknown_subjects) OVER month AS unknown_subjects_28,
            sum(named.adopters) OVER month AS adopters_28,
            sum(named.unknown_adopters) OVER month AS unknown_adopters_28
        FROM days
        LEFT JOIN
        (
            SELECT
                day,
                source,
                sum(signals) AS signals,
                sum(duplicates) AS duplicates,
                sum(late) AS late,
                sum(rejected) AS rejected,
                sum(skewed) AS skewed,
                sum(too_late) AS too_late
            FROM arrivals
            GROUP BY day, source
        ) AS came ON came.day = days.day AND came.source = days.source
        LEFT JOIN closed ON closed.day = days.day AND closed.source = days.source
        LEFT JOIN shipped ON shipped.day = days.day AND shipped.source = days.source
        LEFT JOIN deployed ON deployed.day = days.day AND deployed.source = days.source
        LEFT JOIN linked ON linked.day = days.day AND linked.source = days.source
        LEFT JOIN restated ON restated.day = days.day AND restated.source = days.source
        LEFT JOIN named ON named.day = days.day AND named.source = days.source
        LEFT JOIN silent ON silent.day = days.day AND silent.source = days.source
        WINDOW month AS (
            PARTITION BY days.source ORDER BY days.day
            RANGE BETWEEN 27 PRECEDING AND CURRENT ROW
        )
    )
SELECT
    counted.day AS day,
    counted.source AS source,
    signals,
    duplicates,
    late,
    rejected,
    if(closed_28 = 0, NULL, unlinked_28 / closed_28) AS unlinked_share,
    arrayReduce(
        'maxOrNull',
        [
            if(shipped_28 = 0, NULL, orphans_28 / shipped_28),
            if(deployed_28 = 0, NULL, unknown_28 / deployed_28)
        ]
    ) AS orphan_share,
    if(links_28 = 0, NULL, candidates_28 / links_28) AS ambiguous_share,
    skewed,
    too_late,
    if(published_28 = 0, NULL, changed_28 / published_28) AS restated_share,
    if(
        fresh.source != '',
        greatest(dateDiff('millisecond', fresh.last_at, now64(3, 'UTC')), 0) / 1000,
        NULL
    ) AS freshness_seconds,
    -- 1 to 4 are A to D; of a day on which nothing came and nothing was due, nothing is known.
    nullIf(
        substring(
            'ABCD',
            coalesce(
                arrayReduce(
                    'maxOrNull',
                    [
                        multiIf(stale, 4, signals > 0 OR fresh.stale_after > clock, 1, NULL),
                        multiIf(unlinked_share IS NULL, NULL, unlinked_share <= 0.1, 1, unlinked_share <= 0.3, 2, 3),
                        multiIf(orphan_share IS NULL, NULL, orphan_share <= 0.1, 1, orphan_share <= 0.3, 2, 3),
                        multiIf(ambiguous_share IS NULL, NULL, ambiguous_share <= 0.05, 1, ambiguous_share <= 0.15, 2, 3),
                        multiIf(restated_share IS NULL, NULL, restated_share <= 0.02, 1, restated_share <= 0.1, 2, 3),
                        multiIf(unknown_team_share IS NULL, NULL, unknown_team_share <= 0.02, 1, unknown_team_share <= 0.1, 2, 3),
                        multiIf(unknown_subject_share IS NULL, NULL, unknown_subject_share <= 0.02, 1, unknown_subject_share <= 0.1, 2, 3),
                        multiIf(unknown_adopter_share IS NULL, NULL, unknown_adopter_share <= 0.02, 1, unknown_adopter_share <= 0.1, 2, 3)
                    ]
                ),
                5
            ),
            1
        ),
        ''
    ) AS grade,
    closed_28,
    unlinked_28,
    stale,
    if(teams_28 = 0, NULL, unknown_teams_28 / teams_28) AS unknown_team_share,
    if(subjects_28 = 0, NULL, unknown_subjects_28 / subjects_28) AS unknown_subject_share,
    if(adopters_28 = 0, NULL, unknown_adopters_28 / adopters_28) AS unknown_adopter_share
FROM counted
LEFT JOIN (SELECT *, today AS day FROM sources) AS fresh
    ON fresh.source = counted.source AND fresh.day = counted.day
