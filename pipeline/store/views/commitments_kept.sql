CREATE OR REPLACE VIEW signals.commitments_kept
(
    team String COMMENT 'Id of the team, e.g. payments',
    period String COMMENT 'Name of the period, e.g. 2026-Q1',
    committed UInt64 COMMENT 'Work items committed at the close of its 2nd working day',
    closed UInt64 COMMENT 'Committed work items that were closed by its end',
    shipped UInt64 COMMENT 'Committed work items that were shipped by its end',
    adopted UInt64 COMMENT 'Committed work items that were adopted by its end',
    verified UInt64 COMMENT 'Committed work items that were verified by its end',
    say_do_closed Nullable(Float64)
        COMMENT 'closed / committed, 0 to 1; NULL if nothing was committed',
    say_do_shipped Nullable(Float64)
        COMMENT 'shipped / committed, 0 to 1; NULL if nothing was committed',
    say_do_adopted Nullable(Float64)
        COMMENT 'adopted / committed, 0 to 1; NULL if nothing was committed',
    say_do_verified Nullable(Float64)
        COMMENT 'verified / committed, 0 to 1; NULL if nothing was committed',
    added UInt64 COMMENT 'Work items added after the commitment',
    removed UInt64 COMMENT 'Committed work items removed after the commitment, dropped or deleted',
    carried UInt64 COMMENT 'Committed work items carried in from the period before',
    finished UInt64 COMMENT 'All work items finished in the period, committed or not',
    starts_on Date COMMENT 'First day of the period',
    ends_on Date COMMENT 'Last day of the period',
    closed_low Nullable(Float64)
        COMMENT 'Lower end of the 90 % interval of say_do_closed; NULL if nothing was committed',
    closed_high Nullable(Float64)
        COMMENT 'Upper end of the 90 % interval of say_do_closed; NULL if nothing was committed',
    delivery_ratio Nullable(Float64)
        COMMENT 'finished / committed, may exceed 1: not predictability; NULL if nothing was committed',
    scope_change Nullable(Float64)
        COMMENT '(added + removed) / committed; NULL if nothing was committed',
    basically_done_gap Nullable(Float64)
        COMMENT 'say_do_closed - say_do_verified: promised and closed, but not done',
    adjusted_closed Nullable(Float64)
        COMMENT 'As say_do_closed, without what was removed; NULL if nothing is left',
    adjusted_shipped Nullable(Float64)
        COMMENT 'As say_do_shipped, without what was removed; NULL if nothing is left',
    adjusted_adopted Nullable(Float64)
        COMMENT 'As say_do_adopted, without what was removed; NULL if nothing is left',
    adjusted_verified Nullable(Float64)
        COMMENT 'As say_do_verified, without what was removed; NULL if nothing is left',
    removed_items Array(String)
        COMMENT 'What was removed and how, e.g. jira:10042 deleted'
)
COMMENT 'What a team committed to for a period, and what became of it'
AS
WITH
    items AS
    (
        SELECT
            team,
            period,
            countIf(committed) AS promised,
            countIf(committed AND closed) AS n_closed,
            countIf(committed AND shipped) AS n_shipped,
            countIf(committed AND adopted) AS n_adopted,
            countIf(committed AND verified) AS n_verified,
            countIf(added) AS n_added,
            countIf(removed != '') AS n_removed,
            countIf(carried) AS n_carried,
            countIf(committed AND removed = '' AND closed) AS kept_closed,
            countIf(committed AND removed = '' AND shipped) AS kept_shipped,
            countIf(committed AND removed = '' AND adopted) AS kept_adopted,
            countIf(committed AND removed = '' AND verified) AS kept_verified,
            arraySort(groupArrayIf(concat(work_item, ' ', removed), removed != '')) AS removed_items
        FROM signals_store.commitments FINAL
        GROUP BY team, period
    ),
    done AS
    (
        SELECT team, groupArray(finished_at) AS finishes
        FROM signals_store.finished_work FINAL
        GROUP BY team
    ),
    arrayCount(at -> at >= starts_at AND at < ends_at, finishes) AS finished,
    -- z of a 90 % interval, squared (Wilson)
    2.7055 AS zz,
    sqrt(zz * (n_closed * (promised - n_closed) / greatest(promised, 1) + zz / 4)) AS spread
SELECT
    periods.team AS team,
    periods.period AS period,
    promised AS committed,
    n_closed AS closed,
    n_shipped AS shipped,
    n_adopted AS adopted,
    n_verified AS verified,
    if(promised = 0, NULL, n_closed / promised) AS say_do_closed,
    if(promised = 0, NULL, n_shipped / promised) AS say_do_shipped,
    if(promised = 0, NULL, n_adopted / promised) AS say_do_adopted,
    if(promised = 0, NULL, n_verified / promised) AS say_do_verified,
    n_added AS added,
    n_removed AS removed,
    n_carried AS carried,
    finished,
    starts_on,
    ends_on,
    if(promised = 0, NULL, (n_closed + zz / 2 - spread) / (promised + zz)) AS closed_low,
    if(promised = 0, NULL, (n_closed + zz / 2 + spread) / (promised + zz)) AS closed_high,
    if(promised = 0, NULL, finished / promised) AS delivery_ratio,
    if(promised = 0, NULL, (n_added + n_removed) / promised) AS scope_change,
    if(promised = 0, NULL, (toInt64(n_closed) - toInt64(n_verified)) / promised) AS basically_done_gap,
    if(promised = n_removed, NULL, kept_closed / (promised - n_removed)) AS adjusted_closed,
    if(promised = n_removed, NULL, kept_shipped / (promised - n_removed)) AS adjusted_shipped,
    if(promised = n_removed, NULL, kept_adopted / (promised - n_removed)) AS adjusted_adopted,
    if(promised = n_removed, NULL, kept_verified / (promised - n_removed)) AS adjusted_verified,
    removed_items
FROM (SELECT * FROM signals_store.periods FINAL) AS periods
LEFT JOIN items USING (team, period)
LEFT JOIN done USING (team)
