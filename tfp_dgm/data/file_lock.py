"""Locks that end with the process that holds them, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def lock(path: Path) -> int | None:
    """Takes the lock of a file or folder, at once or not at all.

    Returns:
      A descriptor that holds the lock until it is closed; None where the file system has no locks.
    Raises:
      BlockingIOError: if another holds it.
      FileNotFoundError: if it is not there, or was replaced meanwhile.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
        raise FileNotFoundError(path)
    except (FileNotFoundError, BlockingIOError):
        os.close(descriptor)
        raise
    except OSError:
        os.close(descriptor)
        return None
