"""All that knows ClickHouse: the client, the schema, the views and how rows get in."""
