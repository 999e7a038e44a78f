"""The files that a pattern names, of which none is left out in silence."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from pathlib import Path

from tfp_dgm.data.data_error import DataError


def files_of_pattern(pattern: str, is_file_name: Callable[[Path], bool]) -> list[str]:
    """The files that a pattern with *, ?, [...] and ** (any folders) matches, by name.

    Files and folders whose names begin with a dot or an underscore are left out, unless the pattern
    has them, as engines of tables do.

    Args:
      is_file_name: whether a folder is named like the files that are looked for.
    Raises:
      DataError: if a name is no UTF-8, a link leads nowhere, or a folder is named like a file and
        its files are not among those.
    """
    asked = {part.replace("[[]", "[") for part in Path(pattern).parts}
    found = sorted(
        name
        for name in glob.glob(pattern, recursive=True)
        if not any(part[0] in "._" and part not in asked for part in Path(name).parts)
    )
    files = [name for name in found if os.path.isfile(name)]
    entered = {str(folder) for name in files for folder in Path(name).parents}
    for name in found:
        _require_told(name, entered, is_file_name)
    return files


def _require_told(name: str, entered: set[str], is_file_name: Callable[[Path], bool]) -> None:
    """Refuses what would be left out in silence, or could not be named in JSON."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{os.fsencode(name)!r}: expected a name in UTF-8; rename the file, or narrow the "
            "pattern"
        ) from error
    if not os.path.exists(name):
        raise DataError.at(name, "no such file: a link to something that is not there")
    if os.path.isdir(name) and str(Path(name)) not in entered and is_file_name(Path(name)):
        raise DataError.at(
            name, "expected files; received a folder, named like one: give its files with **"
        )
