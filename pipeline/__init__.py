"""delivery-signals: which goals really move, and which work is only "basically done"."""
