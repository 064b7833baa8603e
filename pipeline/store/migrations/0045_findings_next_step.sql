ALTER TABLE signals_store.findings
    ADD COLUMN IF NOT EXISTS next_step String
        COMMENT 'What a person does about it; empty for findings of an older version until `signals rebuild`'
        AFTER subject
