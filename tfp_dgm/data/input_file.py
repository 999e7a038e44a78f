"""Files to be read: whether they are there."""

from __future__ import annotations

import os
from pathlib import Path

from tfp_dgm.data.data_error import DataError


def check_input_file(path: str | os.PathLike[str], *, folder: bool = False) -> None:
    """Checks that there is something to read, before any work is done.

    Args:
      path: a file.
      folder: whether a folder will do, too.
    Raises:
      DataError: if there is nothing, or a folder where a file is expected.
    """
    if not Path(path).exists():
        raise DataError.at(path, "no such file or folder" if folder else "no such file")
    if not folder and Path(path).is_dir():
        raise DataError.at(path, "expected a file; received a folder")
