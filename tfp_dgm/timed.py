"""How long the steps of a training take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Writes the seconds of a block under its name."""
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start
