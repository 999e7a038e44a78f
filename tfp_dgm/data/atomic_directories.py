"""Folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.unfinished import Unfinished
from tfp_dgm.data.write_errors import writing


@contextmanager
def atomic_directory(path: str | os.PathLike[str], *, replace: bool = True) -> Iterator[Path]:
    """Fills a hidden folder that takes `path`'s place when the block ends without an exception.

    An old folder is first moved aside and deleted last. A kill in the instant between the two
    moves leaves it complete as `.<name>.old`, and the next call for the same path brings it back;
    what else a kill leaves, the next call removes.

    Args:
      path: where the folder is to stand; its parent must exist.
      replace: whether it may take the place of an old folder.
    Yields:
      The folder to fill.
    Raises:
      DataError: if the parent is missing or cannot be written, `path` is a file, or the disk is
        full; where nothing may be replaced, also if `path` is there, be it only when the block
        ends.
    """
    target = _target(path)
    old = target.with_name(f".{target.name}.old")
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        os.rename(old, target)
    if not replace and target.exists():
        raise DataError.at(path, "expected nothing there; found a folder")
    temporary = Unfinished(path, Path.mkdir)
    try:
        try:
            with writing(path):
                yield temporary.path
        except DataError as error:  # May be of a file inside; nobody knows the hidden folder.
            raise DataError(str(error).replace(str(temporary.path), str(path))) from error
        if replace:
            shutil.rmtree(old, ignore_errors=True)
            if target.exists():
                os.rename(target, old)
        try:
            os.rename(temporary.path, target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            raise DataError.at(path, "appeared meanwhile; it stays") from error
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        temporary.remove()
        if old.exists() and not target.exists():
            os.rename(old, target)
        raise
    temporary.release()


def check_output_directory(path: str | os.PathLike[str]) -> None:
    """Checks that `atomic_directory` may fill `path`, before any work is done.

    Raises:
      DataError: if the parent is missing or cannot be written, or `path` is a file.
    """
    _target(path)
    Unfinished(path, Path.mkdir).remove()


def _target(path: str | os.PathLike[str]) -> Path:
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_dir():
        raise DataError.at(path, "expected a folder or nothing; found a file")
    return target
