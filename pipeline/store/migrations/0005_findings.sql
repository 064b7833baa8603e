CREATE TABLE IF NOT EXISTS signals_store.findings
(
    finding_id String
        COMMENT 'rule:about_kind:about:raised_at, e.g. basically_done:work_item:jira:10042:20260319T090000Z',
    rule LowCardinality(String) COMMENT 'The rule that judged, e.g. basically_done',
    about_kind LowCardinality(String)
        COMMENT 'What it is about: work_item, goal, team or source',
    about String COMMENT 'Id of what it is about, e.g. jira:10042',
    goal_id LowCardinality(String) COMMENT 'The goal that suffers most, empty if none',
    goals Array(String) COMMENT 'Ids of all goals concerned',
    team LowCardinality(String) COMMENT 'Id of the team concerned, empty if none',
    reasons Array(String) COMMENT 'Why, the headline first, e.g. below_target',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    raised_at DateTime64(3, 'UTC') COMMENT 'When it became true and known, UTC',
    cleared_at Nullable(DateTime64(3, 'UTC'))
        COMMENT 'When it ended, UTC; NULL while it is open',
    evidence Array(String) COMMENT 'Ids of the signals it rests on',
    explanation String COMMENT 'The judgement in a sentence',
    subject LowCardinality(String)
        COMMENT 'Id of the capability whose adoption it is about, empty if none',
    row_version UInt64
        COMMENT 'Order of the rows of one key: the largest is the one that holds',
    is_deleted UInt8 COMMENT '1 if the row with this key is no longer true'
)
ENGINE = ReplacingMergeTree(row_version, is_deleted)
ORDER BY finding_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What a rule judged, from when to when'
