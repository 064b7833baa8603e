ALTER TABLE signals_store.forecast_calibrations
    ADD COLUMN IF NOT EXISTS interval Float64 DEFAULT 0.85
        COMMENT 'Share of outcomes that the intervals were to hold, on average; of days what P85 was to'
        AFTER pinball,
    ADD COLUMN IF NOT EXISTS chances UInt64
        COMMENT 'Chances to be hit in time that brier is about'
        AFTER interval,
    COMMENT COLUMN n 'Forecasts whose interval can be judged by now; of days whose P85 can',
    COMMENT COLUMN coverage 'Share of outcomes within their interval; of days the share by P85'
