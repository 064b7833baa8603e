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
    removed UInt64 COMMENT 'Work items removed after the commitment',
    carried UInt64 COMMENT 'Committed work items carried in from the period before',
    finished UInt64 COMMENT 'All work items finished in the period, committed or not'
)
COMMENT 'What a team committed to for a period, and what became of it'
AS
-- The rule behind it is not there yet: no rows.
SELECT
    '' AS team,
    '' AS period,
    0 AS committed,
    0 AS closed,
    0 AS shipped,
    0 AS adopted,
    0 AS verified,
    NULL AS say_do_closed,
    NULL AS say_do_shipped,
    NULL AS say_do_adopted,
    NULL AS say_do_verified,
    0 AS added,
    0 AS removed,
    0 AS carried,
    0 AS finished
WHERE 0
