"""What moves bytes: the same `react` in one process or on a stream."""
