"""How often Python looks for garbage in cycles."""

import gc


def collect_rarely() -> None:
    """Look for cycles seldom: state is all tuples and dicts without any.

    To look through it after every 700 new objects takes a fifth of the time.
    """
    gc.set_threshold(200_000, 50, 1000)
