"""What makes the commands and the Python of README and docs brief, and no less true.

A command has every word that its page gives it, and after them, where they would take long, the
same options with smaller values: the last one given counts.
"""

import functools
import json
import subprocess
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tests.sentence_modelling.untrained_models import SMALL
from tfp_dgm import evaluation, serving
from tfp_dgm.models import Signature
from tfp_dgm.serving import replay

_TEXTS = SMALL | {"batch_size": 30, "epochs": 1, "precision": "float32"}
_CAPTIONS = {
    "units": 12,
    "embedding_units": 8,
    "experts.embedding_units": 4,
    "context_units": 8,
    "max_length": 8,
    "attention": "null",
    "batch_size": 60,
    "epochs": 1,
}
_OF_IMAGES = {"image_size": 16, "image_encoder.filters": 8, "image_encoder.blocks": 2}
_TAGS = {"num_tags": 3, "model.units": 3, "model.iterations": 2}
_GRAMMAR = {"nonterminals": 2, "preterminals": 2, "units": 3, "epochs": 1}
_VECTORS = {"num_tags": 3, "units": 3, "tag_iterations": 1, "rule_iterations": 1}
_DRAWS = ["--num-samples", "4"]

# The beginning of a command -> what is added to each line of it.
ADDED = {
    "dgm caption render": ["--num-images", "40", "--size", "16"],
    "dgm caption train": [f"--set={name}={value}" for name, value in _CAPTIONS.items()],
    "dgm caption train scenes": [f"--set={name}={value}" for name, value in _OF_IMAGES.items()],
    "dgm caption train pairs": ["--set=vocabulary.size=60"],
    "dgm caption train pairs.csv --output aligned": ["--set=attention=sampled"],
    "dgm export": ["--batch-size", "1"],
    "dgm induce constituents": [f"--set=model.{name}={value}" for name, value in _GRAMMAR.items()],
    "dgm induce dependencies": ["--set=model.iterations=1"],
    "dgm induce dependencies train.txt": [
        f"--set=model.{name}={value}" for name, value in _VECTORS.items()
    ],
    "dgm induce tags": [f"--set={name}={value}" for name, value in _TAGS.items()],
    "dgm iwae evaluate": _DRAWS,
    "dgm iwae train": ["--set=epochs=1", "--set=batch_size=12"],
    "dgm iwae train --output OUT": ["--set=latents.units=[4, 3]"],
    "dgm iwae train --output K5": ["--set=latents.units=[3]", "--set=latents.hidden_units=[6]"],
    "dgm review labelled.model": ["--port", "0"],
    "dgm review tagged.model": ["--port", "0"],
    "dgm serve saved_models/reviews": ["--embedded", "--rest-port", "0", "--grpc-port", "0"],
    "dgm serve saved_models/reviews --docker": ["--rest-port", "8501", "--grpc-port", "8500"],
    "dgm serve-check": ["--json", "checks.json"],
    "dgm text-vae evaluate": [*_DRAWS, "--num-sentences", "10"],
    "dgm text-vae impute": ["--mode-steps", "1"],
    "dgm text-vae train": [f"--set={name}={value}" for name, value in _TEXTS.items()],
}


def added(line):
    return [word for start, words in ADDED.items() if line.startswith(start) for word in words]


def brief(monkeypatch):
    """Trains one step; exports have no twins, and captioners one signature.

    Beside the fixture `eager`, for want of traces.

    What `dgm serve-check` has done by another process is done by this one, and it finds no
    compiler of C++, which would take half a minute.
    """
    fit = keras.Model.fit

    @functools.wraps(fit)
    def short(self, x, *args, **kwargs):
        first = kwargs.get("initial_epoch", 0)
        kwargs |= {"epochs": first + 1, "steps_per_epoch": 1}
        if isinstance(x, dict | np.ndarray | tf.Tensor) and kwargs.get("batch_size") is None:
            kwargs["batch_size"] = 32  # Of what is not in batches; else Keras makes one of it.
        return fit(self, x, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "fit", short)
    for name, value in {"num_samples": 4, "batch_size": 500}.items():
        monkeypatch.setitem(evaluation.latent_variable_report.__kwdefaults__, name, value)
    checked = Signature.__post_init__

    def without_twin(self):
        checked(self)
        object.__setattr__(self, "xla", False)

    monkeypatch.setattr(Signature, "__post_init__", without_twin)
    monkeypatch.setitem(serving.export.__kwdefaults__, "batch_sizes", (1,))
    captioners = serving.captioner_signatures

    def score_alone(*args, **kwargs):  # A search takes twice as long to trace.
        return {"serving_default": captioners(*args, **kwargs)["score"]}

    monkeypatch.setattr(serving, "captioner_signatures", score_alone)
    _without_other_programs(monkeypatch)


def _without_other_programs(monkeypatch):
    run = subprocess.run

    def replayed(command, **options):
        if replay.__file__ not in command:
            return run(command, **options)
        folder = Path(command[command.index(replay.__file__) + 1])
        answer = "".join(f"{json.dumps(verdict)}\n" for verdict in replay.replay(folder))
        return subprocess.CompletedProcess(command, 0, answer, "")

    def no_compiler():
        raise OSError("g++ is not asked here")

    monkeypatch.setattr(subprocess, "run", replayed)
    monkeypatch.setattr("tfp_dgm.serving.checks.check.build_runner", no_compiler)
