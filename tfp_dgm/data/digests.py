"""What tells data from other data."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np


def digest(*parts: Any) -> str:
    """Sixteen hexadecimal digits that differ where arrays, or what JSON can hold, do.

    Args:
      parts: arrays, by type, shape and values; anything else by its JSON.
    """
    made = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            made.update(f"{part.dtype.str} {part.shape}\n".encode())
            made.update(np.ascontiguousarray(part).data)
        else:
            made.update(json.dumps(part, sort_keys=True).encode() + b"\n")
    return made.hexdigest()[:16]


def file_digest(path: Path) -> str:
    """Sixteen hexadecimal digits of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def folder_digest(folder: Path) -> str:
    """Sixteen hexadecimal digits of the names and bytes of all files in a folder, at any depth."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest(*([path.relative_to(folder).as_posix(), file_digest(path)] for path in files))
