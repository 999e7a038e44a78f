"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.unfinished import Unfinished
from tfp_dgm.data.write_errors import writing


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Opens a binary file that takes `path`'s place when the block ends without an exception.

    The bytes go to a hidden file in the same folder, reach the disk, and then replace `path`
    in one step, so that a kill at any moment leaves the old file or the new one (and perhaps
    the hidden one, which the next call for the same path removes). A link is followed: its target
    is replaced and the link stays.

    Args:
      path: where the file is to stand; its folder must exist.
    Yields:
      The open temporary file. Leave it open; what writes to paths alone may write to its `name`,
      which has the suffix of `path`.
    Raises:
      DataError: if the folder is missing or cannot be written, or the disk is full.
    """
    temporary = _unfinished(path)
    try:
        with writing(path):
            with temporary.path.open("r+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if temporary.target.exists():
                shutil.copymode(temporary.target, temporary.path)
            os.replace(temporary.path, temporary.target)
    except BaseException:
        temporary.remove()
        raise
    temporary.release()


def check_output_file(path: str | os.PathLike[str]) -> None:
    """Checks that a file may be written to `path`, before any work is done.

    What the folder, its owner and its disk say of that is found by making a file there, which is
    gone again at once.

    Raises:
      DataError: if `path` is a folder, or its folder is missing or cannot be written.
    """
    folder = Path(path).parent
    if Path(path).is_dir():
        raise DataError.at(path, "expected a file to write; received a folder")
    if not folder.is_dir():
        raise DataError.at(path, f"the folder {str(folder)!r} does not exist; create it first")
    if not os.access(folder, os.W_OK):
        raise DataError.at(path, f"the folder {str(folder)!r} cannot be written")
    _unfinished(path).remove()


def check_not_input(path: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Checks that an output would not replace one of the inputs, through a link either.

    Raises:
      DataError: if it would.
    """
    for given in inputs:
        if os.path.exists(path) and os.path.exists(given) and os.path.samefile(path, given):
            raise DataError.at(
                path, f"is the input {str(given)!r} itself; choose another name for the output"
            )


def check_new_file(path: str | os.PathLike[str]) -> None:
    """Checks that a file may be written to `path`, and that none is there yet.

    Raises:
      DataError: as `check_output_file`, or if there is one.
    """
    check_output_file(path)
    if Path(path).exists():
        raise DataError.at(path, "is there already; delete it, or choose another name")


def _unfinished(path: str | os.PathLike[str]) -> Unfinished:
    # touch() rather than tempfile, whose files only their owner may read.
    return Unfinished(path, lambda temporary: temporary.touch(exist_ok=False))
