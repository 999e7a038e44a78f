"""What is wrong with a model's file is said of the file."""

import keras
import pytest

from tfp_dgm import models
from tfp_dgm.data import DataError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    return path


def test_a_whole_file_is_loaded(saved):
    assert models.load_model(saved).output_shape == (None, 1)


def test_a_file_that_is_missing_or_no_archive_or_damaged_is_named(saved, tmp_path):
    whole, path = saved.read_bytes(), tmp_path / "model.keras"
    with pytest.raises(DataError, match=r"model.keras: expected a model that Keras saved"):
        models.load_model(path)
    for content in (b"junk", b"", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"model.keras: cannot be loaded: damaged, or no"):
            models.load_model(path)
    for start in (b"config.json", b"model.weights.h5"):  # A few bytes of what follows the name.
        place = whole.index(start) + len(start)
        path.write_bytes(whole[:place] + b"\xff" * 40 + whole[place + 40 :])
        with pytest.raises(DataError, match=r"model.keras: cannot be loaded: "):
            models.load_model(path)
