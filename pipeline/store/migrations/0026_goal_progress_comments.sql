ALTER TABLE signals_store.goal_progress
    COMMENT COLUMN movement
        'What the day itself brought',
    COMMENT COLUMN restatement
        'How far the day before was corrected after it had been published, by signals that came late'
