"""Sentences, and models of them that nobody trained."""

import numpy as np

from tfp_dgm.sentence_modelling import TextModelSettings, compiled_model, fit_vocabulary
from tfp_dgm.settings import read_settings

# Quick to compile.
SMALL = {
    "encoder.kind": "bag_of_words",
    "encoder.units": 8,
    "encoder.embedding_units": 6,
    "encoder.dropout": 0.0,
    "decoder.kind": "inputless",
    "decoder.units": 8,
    "decoder.embedding_units": 6,
    "decoder.dropout": 0.0,
    "latent_units": 3,
    "max_length": 8,
}


def sentences(count, seed):
    random = np.random.default_rng(seed)
    parts = (["a", "the"], ["man", "dog", "girl"], ["runs", "sits"], ["here.", "now, there."])
    return "".join(
        " ".join(part[i] for part, i in zip(parts, random.integers(0, 2, 4), strict=True)) + "\n"
        for _ in range(count)
    )


def settings_of(chosen=None):
    """The small settings, and others over them, by their dotted names."""
    both = SMALL | (chosen or {})
    return read_settings(TextModelSettings, None, [f"{name}={both[name]}" for name in both])


def untrained(folder, chosen=None):
    """The folder of a model as it is built."""
    settings = settings_of(chosen)
    vocabulary = fit_vocabulary(settings, sentences(60, 0).splitlines())
    model = compiled_model(settings, vocabulary, steps=1)
    model.build_optimizers()
    folder.mkdir()
    model.save(folder / "model.keras")
    return folder
