CREATE OR REPLACE VIEW signals.goal_hygiene
(
    team String
        COMMENT 'Id of an owning team, e.g. payments; empty for the whole organisation, which counts a shared goal once',
    active UInt64
        COMMENT 'Goals that should have a number now: no visions, begun, not past their due date, not withdrawn',
    complete UInt64 COMMENT 'Of those, goals that lack nothing they need to be measured',
    complete_share Nullable(Float64)
        COMMENT 'complete / active, 0 to 1; NULL without active goals',
    grade Nullable(String)
        COMMENT 'A if at least 95 % are complete, C if less than 80 % are, else B; NULL without active goals',
    incomplete Array(String)
        COMMENT 'Ids of the others; why of goals_now says what each of them lacks'
)
COMMENT 'Whether goals are said so that they can be measured, per team and as a whole'
AS
WITH
    (SELECT maxOrNull(at) FROM signals_store.clock FINAL) AS clock,
    goals AS
    (
        SELECT
            goal_id,
            arrayJoin(arrayConcat([''], owners)) AS team,
            level != 'vision'
            AND status NOT IN ('planned', 'withdrawn')
            AND coalesce(starts_on <= toDate32(clock), true)
            AND coalesce(due_on >= toDate32(clock), true) AS asked,
            status != 'incomplete' AS whole
        FROM signals_store.goals FINAL
    )
SELECT
    team,
    countIf(asked) AS active,
    countIf(asked AND whole) AS complete,
    if(active = 0, NULL, complete / active) AS complete_share,
    multiIf(
        complete_share IS NULL, NULL,
        complete_share >= 0.95, 'A',
        complete_share >= 0.8, 'B',
        'C'
    ) AS grade,
    arraySort(groupArrayIf(goal_id, asked AND NOT whole)) AS incomplete
FROM goals
GROUP BY team
