"""JSON files: read with a sentence where they are at fault, written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tfp_dgm.data.atomic_file import atomic_write
from tfp_dgm.data.data_error import DataError


def read_json(path: str | os.PathLike[str], wanted: str) -> dict[str, Any]:
    """Reads an object from a JSON file.

    Args:
      path: the file.
      wanted: what it should hold, for the message.
    Raises:
      DataError: if there is no such file, or it holds something else; names it and what is wanted.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError.at(path, f"expected a file of {wanted}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError.at(path, f"expected {wanted}, in UTF-8; {error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError.at(path, f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise DataError.at(path, f"expected an object: {wanted}; received {type(found).__name__}")
    return found


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Writes JSON, indented; the old file stays until the new one is complete."""
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
