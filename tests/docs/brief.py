"""What makes the Python of README and docs brief, and no less true."""

import functools

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm import evaluation, serving
from tfp_dgm.models import Signature


def brief(monkeypatch):
    """Trains a step without traces; exports have no twins, and captioners the default alone."""
    fit = keras.Model.fit

    @functools.wraps(fit)
    def short(self, x, *args, **kwargs):
        first = kwargs.get("initial_epoch", 0)
        kwargs |= {"epochs": first + 1, "steps_per_epoch": 1}
        if isinstance(x, dict | np.ndarray | tf.Tensor) and kwargs.get("batch_size") is None:
            kwargs["batch_size"] = 32  # Of what is not in batches; else Keras makes one of it.
        return fit(self, x, *args, **kwargs)

    always = property(lambda model: True, lambda model, value: None)
    monkeypatch.setattr(keras.Model, "fit", short)
    monkeypatch.setattr(keras.Model, "run_eagerly", always)
    monkeypatch.setitem(evaluation.latent_variable_report.__kwdefaults__, "num_samples", 4)
    checked = Signature.__post_init__

    def without_twin(self):
        checked(self)
        object.__setattr__(self, "xla", False)

    monkeypatch.setattr(Signature, "__post_init__", without_twin)
    monkeypatch.setitem(serving.export.__kwdefaults__, "batch_sizes", (1,))
    captioners = serving.captioner_signatures

    def default_alone(*args, **kwargs):
        return {"serving_default": captioners(*args, **kwargs)["serving_default"]}

    monkeypatch.setattr(serving, "captioner_signatures", default_alone)
