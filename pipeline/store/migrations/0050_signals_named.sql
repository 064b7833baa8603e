ALTER TABLE signals_store.signals
    ADD COLUMN IF NOT EXISTS named_team LowCardinality(String)
        MATERIALIZED JSONExtractString(body, 'data', 'team')
        COMMENT 'Team that the signal names, empty if none',
    ADD COLUMN IF NOT EXISTS named_service LowCardinality(String)
        MATERIALIZED JSONExtractString(body, 'data', 'service')
        COMMENT 'Service that the signal names, empty if none',
    ADD COLUMN IF NOT EXISTS named_subjects Array(String)
        MATERIALIZED arrayFilter(name -> name != '', arrayPushBack(JSONExtract(body, 'data', 'subjects', 'Array(String)'), JSONExtractString(body, 'data', 'subject')))
        COMMENT 'Capabilities that the signal names',
    ADD COLUMN IF NOT EXISTS named_package LowCardinality(String)
        MATERIALIZED JSONExtractString(body, 'data', 'package')
        COMMENT 'Package whose pin the signal tells, empty if none',
    ADD COLUMN IF NOT EXISTS named_adopter String
        MATERIALIZED JSONExtractString(body, 'data', 'adopter')
        COMMENT 'Adopter that the signal names, empty if none'
