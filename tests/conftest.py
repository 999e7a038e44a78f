"""What every test shares: quiet TensorFlow, fixed seeds, and no dtype policy left behind."""

import os
import random
import sys

import numpy as np
import pytest

from tests.as_python import as_python

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture(autouse=True)
def seeds():
    random.seed(1)
    np.random.seed(1)
    keras = sys.modules.get("keras")  # Tests of tables load no TensorFlow; nor does this.
    if keras is not None:
        keras.utils.set_random_seed(1)


@pytest.fixture
def eager():
    """`fit`, `predict` and every `tf.function` run as Python: a trace takes longer than few steps.

    Not for tests of what a trace keeps, nor for those that train in earnest or loop for long.
    """
    with as_python():
        yield


@pytest.fixture
def dtype_policy():
    """Sets the global dtype policy for one test: `dtype_policy("mixed_bfloat16")`."""
    import keras

    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)
