"""Models out of the files that Keras wrote."""

import os
import zipfile
import zlib
from pathlib import Path

import keras

from tfp_dgm.data import DataError

_DAMAGED = (OSError, ValueError, TypeError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """A model that Keras saved, of classes that are registered.

    Args:
      path: a .keras file.
    Raises:
      DataError: if there is no such file, it is no archive as Keras writes them, or it cannot be
        loaded: it is damaged, or a class in it is unknown.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError.at(file, "expected a model that Keras saved; found none")
    if not zipfile.is_zipfile(file):  # Of which Keras says that it is not there.
        raise DataError.at(file, "cannot be loaded: damaged, or no .keras file")
    try:
        return keras.saving.load_model(file)
    except _DAMAGED as error:
        raise DataError.at(file, f"cannot be loaded: {error}") from error
