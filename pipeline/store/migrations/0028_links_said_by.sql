ALTER TABLE signals_store.links
    ADD COLUMN IF NOT EXISTS said_by String
        COMMENT 'Who writes the row: name while no work item is known to have the name, else work_item'
        AFTER via,
    MODIFY ORDER BY (`from`, `to`, via, said_by)
