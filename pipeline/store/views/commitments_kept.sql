-- What was promised and kept; filled by a later version.
CREATE OR REPLACE VIEW signals.commitments_kept
(
    `team` String COMMENT 'Team, the id of its definition; empty: unknown',
    `period` String COMMENT 'Period',
    `committed` UInt64 COMMENT 'Committed',
    `closed` UInt64 COMMENT 'Work items closed as done',
    `shipped` UInt64 COMMENT 'Work items live in every service that they must reach',
    `adopted` UInt64 COMMENT 'Work items whose subjects met their targets',
    `verified` UInt64 COMMENT 'Work items that are done: used, and confirmed to help',
    `say_do_closed` Nullable(Float64) COMMENT 'Say do closed',
    `say_do_shipped` Nullable(Float64) COMMENT 'Say do shipped',
    `say_do_adopted` Nullable(Float64) COMMENT 'Say do adopted',
    `say_do_verified` Nullable(Float64) COMMENT 'Say do verified',
    `added` UInt64 COMMENT 'Added',
    `removed` UInt64 COMMENT 'Removed',
    `carried` UInt64 COMMENT 'Carried',
    `finished` UInt64 COMMENT 'Finished'
)
AS
SELECT defaultValueOfTypeName('String') AS `team`, defaultValueOfTypeName('String') AS `period`, defaultValueOfTypeName('UInt64') AS `committed`, defaultValueOfTypeName('UInt64') AS `closed`, defaultValueOfTypeName('UInt64') AS `shipped`, defaultValueOfTypeName('UInt64') AS `adopted`, defaultValueOfTypeName('UInt64') AS `verified`, defaultValueOfTypeName('Nullable(Float64)') AS `say_do_closed`, defaultValueOfTypeName('Nullable(Float64)') AS `say_do_shipped`, defaultValueOfTypeName('Nullable(Float64)') AS `say_do_adopted`, defaultValueOfTypeName('Nullable(Float64)') AS `say_do_verified`, defaultValueOfTypeName('UInt64') AS `added`, defaultValueOfTypeName('UInt64') AS `removed`, defaultValueOfTypeName('UInt64') AS `carried`, defaultValueOfTypeName('UInt64') AS `finished`
WHERE 0
