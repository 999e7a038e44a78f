"""Where an exported model lies, and what its folder says of itself."""

import os
import re
from pathlib import Path

from tfp_dgm.data import DataError


def versions(folder: Path) -> list[int]:
    """The versions in a model's folder that hold a SavedModel, ascending."""
    found = (path.parent.name for path in folder.glob("*/saved_model.pb"))
    return sorted(int(name) for name in found if name.isdigit())


def newest_version(folder: Path) -> Path:
    """The folder of a model's largest version.

    Raises:
      DataError: if there is no version, as in the folder of a version itself.
    """
    found = versions(folder)
    if not found:
        raise DataError(f"{folder}: expected folders of versions 1, 2, ...; found none")
    return folder / str(found[-1])


def version_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder itself where it holds a SavedModel, else its newest version.

    Raises:
      DataError: if there is neither.
    """
    path = Path(folder)
    if (path / "saved_model.pb").is_file():
        return path
    if not versions(path):
        raise DataError(f"{path}: expected a SavedModel or folders of versions 1, 2, ...")
    return newest_version(path)


def next_version(directory: str | os.PathLike[str], version: int | None = None) -> int:
    """The number under which a model may be exported into a folder, which need not be there yet.

    Args:
      directory: the model's folder.
      version: a number to check; None takes the one after the largest there.
    Raises:
      ValueError: if the number is not positive, or there already.
      DataError: if a file is in the folder's place.
    """
    path = Path(directory)
    if path.exists() and not path.is_dir():
        raise DataError.at(path, "expected a folder or nothing; found a file")
    present = sorted(int(other.name) for other in path.glob("*") if other.name.isdigit())
    if version is None:
        version = max(present, default=0) + 1
    if version < 1 or version in present:
        raise ValueError(
            f"version: expected a new positive integer for {path}; received {version}, "
            f"with {present} there"
        )
    return version


def batch_sizes(folder: Path) -> list[int]:
    """Those that batches are filled up to, of `batching_params.pbtxt`; none where there is none."""
    path = folder / "batching_params.pbtxt"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    allowed = [int(size) for size in re.findall(r"^allowed_batch_sizes:\s*(\d+)", text, re.M)]
    largest = re.search(r"^max_execution_batch_size\s*\{\s*value:\s*(\d+)", text, re.M)
    return [size for size in allowed if largest is None or size <= int(largest[1])]
