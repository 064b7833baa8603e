ALTER TABLE signals_store.adopters
    COMMENT COLUMN left_at
        'When it last stopped having adopted, UTC, which may lie ahead; NULL if it never adopted or does so for good'
