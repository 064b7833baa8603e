"""Everything that decides, and nothing that touches the outside world."""
