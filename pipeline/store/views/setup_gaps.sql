-- What a team lacks to succeed; filled by a later version.
CREATE OR REPLACE VIEW signals.setup_gaps
(
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `gap` String COMMENT 'Gap',
    `consequence` String COMMENT 'Consequence',
    `raised_at` DateTime64(3, 'UTC') COMMENT 'When it opened, computed from facts',
    `decision` Nullable(String) COMMENT 'Latest decision on it',
    `decided_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When that was decided'
)
AS
SELECT defaultValueOfTypeName('String') AS `team`, defaultValueOfTypeName('String') AS `gap`, defaultValueOfTypeName('String') AS `consequence`, defaultValueOfTypeName('DateTime64(3, \'UTC\')') AS `raised_at`, defaultValueOfTypeName('Nullable(String)') AS `decision`, defaultValueOfTypeName('Nullable(DateTime64(3, \'UTC\'))') AS `decided_at`
WHERE 0
