"""Folders for label columns, whose names may be anything, on file systems that allow less."""

import unicodedata
from collections.abc import Sequence

_MOST_CHARACTERS = 40  # Of at most four bytes each, where 255 are allowed.
_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in "123456789"
}


def column_folders(columns: Sequence[str]) -> dict[str, str]:
    """A folder's name for each column: its letters and digits, told apart whatever the case.

    Args:
      columns: distinct names.
    Returns:
      column -> folder, without separators, dots, or what Windows takes for a device.
    """
    folders: dict[str, str] = {}
    taken: set[str] = set()
    for column in columns:
        name = first = _plain(column)
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{first}_{number}"
        taken.add(name.casefold())
        folders[column] = name
    return folders


def _plain(column: str) -> str:
    composed = unicodedata.normalize("NFC", column)[:_MOST_CHARACTERS]
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in composed)
    return f"{name}_" if not name or name.casefold() in _DEVICES else name
