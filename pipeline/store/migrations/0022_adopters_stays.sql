ALTER TABLE signals_store.adopters ADD COLUMN IF NOT EXISTS
    stays Array(Tuple(began_at DateTime64(3, 'UTC'), ended_at Nullable(DateTime64(3, 'UTC'))))
        COMMENT 'From when until when it had adopted the subject; an end of NULL: it still has'
