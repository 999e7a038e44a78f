"""Models out as SavedModels that a stock TF Serving loads."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import keras
import tensorflow as tf

from tfp_dgm.data import atomic_directory


class Servable(Protocol):
    """A Keras model that says how it is served."""

    def serving_signatures(self) -> Mapping[str, tf.types.experimental.GenericFunction]:
        """Signature name -> `tf.function` with an input signature.

        Inputs and outputs are named, and dim 0 of each is the batch.
        """
        ...


def export(
    model: Servable, directory: str | os.PathLike[str], *, version: int | None = None
) -> Path:
    """Writes `<directory>/<version>/` as TF Serving reads it, whole or not at all.

    Args:
      model: a built Keras model with `serving_signatures`.
      directory: the model's folder, made where it is missing.
      version: a positive integer; None takes the one after the largest there.
    Returns:
      The version's folder.
    Raises:
      ValueError: if the version is not positive, or there already (a served version never changes
        under its number).
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    present = [int(path.name) for path in directory.iterdir() if path.name.isdigit()]
    if version is None:
        version = max(present, default=0) + 1
    if version < 1 or version in present:
        raise ValueError(
            f"version: expected a new positive integer for {directory}; received {version}, "
            f"with {sorted(present)} there"
        )
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, function in model.serving_signatures().items():
        archive.add_endpoint(name, function)
    with atomic_directory(directory / str(version)) as folder:
        archive.write_out(str(folder), verbose=False)
    return directory / str(version)
