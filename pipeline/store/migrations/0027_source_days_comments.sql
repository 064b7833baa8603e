ALTER TABLE signals_store.source_days
    COMMENT COLUMN late
        'Signals received more than a day after they happened'
