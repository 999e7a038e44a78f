"""`tf.function` and `fit` without traces."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def as_python() -> Iterator[None]:
    """`fit`, `predict` and every `tf.function` run as Python herein."""
    import keras
    import tensorflow as tf

    if tf.config.functions_run_eagerly():  # Within another, which may end before this one.
        yield
        return
    always = property(lambda model: True, lambda model, value: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "run_eagerly", always)
        tf.config.run_functions_eagerly(True)
        try:
            yield
        finally:
            tf.config.run_functions_eagerly(False)
