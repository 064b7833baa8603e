ALTER TABLE signals_store.findings
    COMMENT COLUMN evidence
        'What it rests on, as known when it was raised: "what: reference", e.g. closed: /jira 4711 (source and id of a signal), linked: acme/shop!7 0.92'
