"""JSON files that a command is given."""

import json
from pathlib import Path
from typing import Any

from tfp_dgm.data import DataError


def read_json(file: Path, wanted: str) -> dict[str, Any]:
    """Reads an object from a JSON file.

    Raises:
      DataError: if there is no such file, or it holds something else; names it and what is wanted.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise DataError.at(file, f"expected {wanted}, in UTF-8; {error}") from error
    except OSError as error:
        raise DataError.at(file, f"expected a file of {wanted}: {error.strerror}") from error
    except ValueError as error:
        raise DataError.at(file, f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise DataError.at(file, f"expected an object: {wanted}; received {type(found).__name__}")
    return found
