"""TensorFlow's import without its start-up messages."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_start() -> Iterator[None]:
    """Drops what native code writes to stderr within the block; Python's exceptions still pass.

    TensorFlow's libraries log before any of their log levels take effect.
    """
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def load_quietly() -> None:
    """Imports TensorFlow without them: what a process that is spawned does first.

    Of this module, which imports nothing, so that a process that is told to call it has not loaded
    TensorFlow before.
    """
    with quiet_start():
        import tensorflow  # noqa: F401
