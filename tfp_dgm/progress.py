"""How far long work is, told to whoever shows it."""

from collections.abc import Callable

# Takes a step's name, how much of it is done, and how much there is (None: no known end).
Progress = Callable[[str, int, int | None], None]


def no_progress(step: str, done: int, total: int | None) -> None:
    """Tells nobody."""
