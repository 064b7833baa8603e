ALTER TABLE signals_store.forecasts
    ADD COLUMN IF NOT EXISTS interval Float64 DEFAULT 0.85
        COMMENT 'Share of outcomes that low to high shall hold, 0 to 1'
        AFTER high,
    COMMENT COLUMN low 'Lower end of the central interval',
    COMMENT COLUMN high 'Upper end of the central interval'
