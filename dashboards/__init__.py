"""The dashboards, generated: one module each, and what they are made of in `kit`."""
