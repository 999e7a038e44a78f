"""Where an exported model lies, and what its folder says of itself."""

import os
import re
from pathlib import Path

from tfp_dgm.data import DataError


def version_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder itself where it holds a SavedModel, else its newest version.

    Raises:
      DataError: if there is neither.
    """
    path = Path(folder)
    if (path / "saved_model.pb").is_file():
        return path
    versions = [int(v.name) for v in path.iterdir() if v.name.isdigit()] if path.is_dir() else []
    if not versions:
        raise DataError(f"{path}: expected a SavedModel or folders of versions 1, 2, ...")
    return version_folder(path / str(max(versions)))


def batch_sizes(folder: Path) -> list[int]:
    """The allowed ones of `batching_params.pbtxt`; none where there is none."""
    path = folder / "batching_params.pbtxt"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [int(size) for size in re.findall(r"^allowed_batch_sizes:\s*(\d+)", text, re.M)]
