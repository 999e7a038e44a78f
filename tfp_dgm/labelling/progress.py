"""How long work says how far it is."""

from collections.abc import Callable

# Called with a step's name, how much of it is done, and how much there is (None: not known).
Progress = Callable[[str, int, int | None], None]
