"""What every test shares: quiet TensorFlow, fixed seeds, and no dtype policy left behind."""

import gc
import os
import random
import sys

import numpy as np
import pytest

from tests.as_python import as_python
from tests.without_saved_models import without_saved_models

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

SEED = 1


def pytest_collection_finish():
    """What is imported by now stays for good: else every full collection would go through it."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    gc.unfreeze()  # What is imported now (Hypothesis, for its summary) may ask who refers to what.


@pytest.fixture(scope="session", autouse=True)
def empty_cache(tmp_path_factory):
    """No test finds what its user has fetched: an encoder there would join every labelling."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFP_DGM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def seeds():
    """The same numbers in each test, whichever ran before.

    TensorFlow throws all kernels away when its seed is set, so that every operation of a test would
    make its own anew, which takes longer than most tests: it is left where no test has changed it.
    Operations that have no seed of their own would go on from test to test; none is tested here.
    """
    random.seed(SEED)
    np.random.seed(SEED)
    keras = sys.modules.get("keras")  # Tests of tables load no TensorFlow; nor does this.
    if keras is not None:
        import tensorflow as tf

        with pytest.MonkeyPatch.context() as patch:
            seed, _ = tf.compat.v1.get_seed(1)
            if seed == SEED:
                patch.setattr(tf.random, "set_seed", lambda seed: None)
            keras.utils.set_random_seed(SEED)


@pytest.fixture
def eager():
    """`fit`, `predict` and every `tf.function` run as Python: a trace takes longer than few steps.

    Not for tests of what a trace keeps, nor for those that train in earnest or loop for long.
    """
    with as_python():
        yield


@pytest.fixture
def no_saved_model():
    """Jobs write their folders without the SavedModel: its export takes longer than most of them.

    Not for tests that load it, as `dgm predict` does, nor for those of what a folder holds.
    """
    with without_saved_models():
        yield


@pytest.fixture
def dtype_policy():
    """Sets the global dtype policy for one test: `dtype_policy("mixed_bfloat16")`."""
    import keras

    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)
