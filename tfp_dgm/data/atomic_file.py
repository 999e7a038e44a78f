"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.write_errors import writing


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Opens a binary file that takes `path`'s place when the block ends without an exception.

    The bytes go to a hidden file in the same folder, reach the disk, and then replace `path`
    in one step, so that a kill at any moment leaves the old file or the new one (and perhaps
    the hidden one). A link is followed: its target is replaced and the link stays.

    Args:
      path: where the file is to stand; its folder must exist.
    Yields:
      The open temporary file. Leave it open.
    Raises:
      DataError: if the folder is missing or cannot be written, or the disk is full.
    """
    target = Path(os.path.realpath(path))
    temporary = _temporary(target)
    # open() rather than tempfile, whose files only their owner may read.
    try:
        file = temporary.open("xb")
    except OSError as error:
        raise DataError.at(path, f"cannot be written: {error.strerror}") from error
    try:
        with writing(path):
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_output_file(path: str | os.PathLike[str]) -> None:
    """Checks that a file may be written to `path`, before any work is done.

    What the folder, its owner and its disk say of that is found by making a file there, which is
    gone again at once.

    Raises:
      DataError: if `path` is a folder, or its folder is missing or cannot be written.
    """
    folder = Path(path).parent
    if Path(path).is_dir():
        raise DataError.at(path, "expected a file to write, got a folder")
    if not folder.is_dir():
        raise DataError.at(path, f"the folder {str(folder)!r} does not exist; create it first")
    if not os.access(folder, os.W_OK):
        raise DataError.at(path, f"the folder {str(folder)!r} cannot be written")
    temporary = _temporary(Path(os.path.realpath(path)))
    try:
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        raise DataError.at(path, f"cannot be written: {error.strerror}") from error


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
