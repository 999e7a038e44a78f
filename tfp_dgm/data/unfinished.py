"""Hidden temporaries beside what they are to become; those of killed processes are removed."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.file_lock import lock


class Unfinished:
    """A hidden temporary, `.<stem>.<8 hex digits>.tmp<suffix>`, and the lock that its maker holds.

    The system gives the lock up when the process ends, however it ends. So a temporary whose lock
    is free was left by a process that was killed, and is removed by the next that makes one for
    the same target. Where a file system has no locks, they stay.

    Args:
      path: where it is to stand; a link is followed.
      make: makes the file or the folder; raises FileExistsError where it is there.
    Raises:
      DataError: if it cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str], make: Callable[[Path], None]) -> None:
        self.target = Path(os.path.realpath(path))
        for left in unfinished_of(self.target):
            _remove_if_left(left)
        while True:
            name = f".{self.target.stem}.{secrets.token_hex(4)}.tmp{self.target.suffix}"
            self.path = self.target.with_name(name)
            try:
                make(self.path)
            except OSError as error:
                raise DataError.at(path, f"cannot be written: {error.strerror}") from error
            try:
                self._descriptor = lock(self.path)
            except (FileNotFoundError, BlockingIOError):
                continue  # Who cleans up found it before it was locked.
            return

    def remove(self) -> None:
        """Removes it, if it is there still."""
        remove(self.path)
        self.release()

    def release(self) -> None:
        """Gives the lock up, when it has become what it was to be."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def unfinished_of(target: Path) -> list[Path]:
    """What is on its way to become the target, or was when its maker was killed."""
    stem, suffix = re.escape(target.stem), re.escape(target.suffix)
    pattern = re.compile(rf"\.{stem}\.[0-9a-f]{{8}}\.tmp{suffix}")
    with contextlib.suppress(OSError):
        return [path for path in target.parent.iterdir() if pattern.fullmatch(path.name)]
    return []


def _remove_if_left(path: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = lock(path)
        if descriptor is not None:
            remove(path)
            os.close(descriptor)


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
