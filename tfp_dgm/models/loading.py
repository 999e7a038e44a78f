"""Models out of the files that Keras wrote."""

import importlib
import os
import re
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import keras

from tfp_dgm.data import DataError


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """A model that Keras saved, of classes of this package and others that are registered.

    Args:
      path: a .keras file.
    Raises:
      DataError: if there is no such file, it is no archive as Keras writes them, or it cannot be
        loaded as it was saved: it is damaged or was edited, or a class in it is unknown.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError.at(file, "expected a model that Keras saved; found none")
    if not zipfile.is_zipfile(file):  # Of which Keras says that it is not there.
        raise DataError.at(file, "cannot be loaded: damaged, or no .keras file")
    try:
        # Keras only warns where it leaves layers unbuilt, and their weights as they began.
        with warnings.catch_warnings(action="error", category=UserWarning):
            _register_own(file)
            model = keras.saving.load_model(file)
    except Exception as error:  # Of what the file holds, Keras raises whatever comes.
        raise DataError.at(file, f"cannot be loaded: {_said(error)}") from error
    if not isinstance(model, keras.Model):
        raise DataError.at(file, f"expected a model; found a {type(model).__name__}")
    return model


def _register_own(file: Path) -> None:
    """Imports the folders of this package that a model's classes are of: they register all theirs.

    Folders, as a file may have moved within its own since the model was saved.
    """
    with zipfile.ZipFile(file) as archive:
        config = archive.read("config.json").decode()
    for name in sorted(set(re.findall(r'"module": "(tfp_dgm\.\w+)', config))):
        with suppress(ModuleNotFoundError):  # Keras says which class it misses.
            importlib.import_module(name)


def _said(error: Exception) -> str:
    """Its words; with its kind, where they were written for who reads the traceback."""
    if isinstance(error, UserWarning):
        return str(error).split(". ")[0]  # What follows is for who wrote the class.
    said = str(error).split(" Full object config: ")[0]  # Which holds whole vocabularies.
    plain = isinstance(error, OSError | ValueError | RuntimeError)
    return said if plain else f"{type(error).__name__}: {said}"
