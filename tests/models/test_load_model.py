"""What is wrong with a model's file is said of the file."""

import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from tfp_dgm import labelling, layers, models
from tfp_dgm.data import DataError
from tfp_dgm.networks import MLP


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


def test_a_class_that_is_nowhere_is_named_without_the_whole_model(saved, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(path, "w") as changed:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "config.json":
                content = content.replace(b'"module": "keras"', b'"module": "tfp_dgm.nowhere"')
            changed.writestr(name, content)
    with pytest.raises(DataError, match=r"Could not locate class '\w+'") as error:
        models.load_model(path)
    assert "object config" not in str(error.value)


@pytest.mark.slow
def test_classes_of_this_package_need_no_import_of_theirs(tmp_path):
    path = tmp_path / "model.keras"
    heads = labelling.head_layers.BagOfHeads(2, [0.5, 0.5])
    keras.Sequential([keras.Input((3,)), heads]).save(path)
    code = f"from tfp_dgm.models import load_model; print(load_model({str(path)!r}).output_shape)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "(None, 2)\n"


def test_a_model_that_never_stepped_comes_back_and_trains(tmp_path, eager):
    model = models.VAE(MLP([4]), MLP([4]), layers.IndependentBernoulli((6,)), latent_units=2)
    x = np.ones((3, 6), np.float32)
    model.compile(keras.optimizers.Adam(0.25))
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    copy = models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy.predict(x, verbose=0), expected)
    assert copy.optimizer.learning_rate == 0.25
    copy.fit(x, verbose=0)
    assert copy.optimizer.iterations == 1
