ALTER TABLE signals_store.goals
    ADD COLUMN IF NOT EXISTS why String COMMENT 'Why it has its status, in words',
    ADD COLUMN IF NOT EXISTS sources Array(String)
        COMMENT 'Sources that its value rests on'
