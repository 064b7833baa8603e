ALTER TABLE signals_store.deploys
    COMMENT COLUMN changes
        'Changes that the deploy itself lists'
