"""What makes the commands and the Python of README and docs brief, and no less true."""

import functools

import keras
import numpy as np
import tensorflow as tf

from tests.sentence_modelling.untrained_models import SMALL
from tfp_dgm import evaluation, serving
from tfp_dgm.models import Signature

_TEXTS = SMALL | {"batch_size": 30, "epochs": 1, "precision": "float32"}
_CAPTIONS = {
    "units": 12,
    "embedding_units": 8,
    "experts.embedding_units": 4,
    "context_units": 8,
    "max_length": 8,
    "batch_size": 60,
    "epochs": 1,
}
_OF_IMAGES = {"image_size": 16, "image_encoder.filters": 8, "image_encoder.blocks": 2}
_DRAWS = ["--num-samples", "4"]

# Command -> what is added to each line of it; the last one given counts.
ADDED = {
    "dgm caption render": ["--num-images", "40", "--size", "16"],
    "dgm caption train": [f"--set={name}={value}" for name, value in _CAPTIONS.items()],
    "dgm caption train scenes": [f"--set={name}={value}" for name, value in _OF_IMAGES.items()],
    "dgm caption train pairs": ["--set=vocabulary.size=60"],
    "dgm export": ["--batch-size", "1"],
    "dgm iwae evaluate": _DRAWS,
    "dgm iwae train": ["--set=epochs=1", "--set=batch_size=12"],
    "dgm iwae train --output OUT": ["--set=latents.units=[4, 3]"],
    "dgm iwae train --output K5": ["--set=latents.units=[3]", "--set=latents.hidden_units=[6]"],
    "dgm serve-check": ["--json", "checks.json"],
    "dgm text-vae evaluate": [*_DRAWS, "--num-sentences", "10"],
    "dgm text-vae impute": ["--mode-steps", "1"],
    "dgm text-vae train": [f"--set={name}={value}" for name, value in _TEXTS.items()],
}
LEFT_OUT = {"--build"}  # A compiler of C++, for half a minute.


def added(line):
    return [word for start, words in ADDED.items() if line.startswith(start) for word in words]


def brief(monkeypatch, *, steps=None):
    """Trains without traces, and exports without twins, of captioners the default alone.

    Args:
      monkeypatch: the fixture.
      steps: those of every `fit`; None is one of those that have epochs, and else what it asks.
    """
    fit = keras.Model.fit

    @functools.wraps(fit)
    def short(self, x, *args, **kwargs):
        first = kwargs.get("initial_epoch", 0)
        if steps is not None or kwargs.get("epochs", 1) - first > 1:
            kwargs |= {"epochs": first + 1, "steps_per_epoch": steps or 1}
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
