ALTER TABLE signals_store.decisions
    COMMENT COLUMN reason
        'Why it was decided so'
