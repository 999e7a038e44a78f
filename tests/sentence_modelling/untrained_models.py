"""Sentences, and models of them that nobody trained."""

import numpy as np

from tfp_dgm.sentence_modelling import TextVAESettings, build_model
from tfp_dgm.text import WordVocabulary

# Quick to compile.
SMALL = {
    "units": 8,
    "embedding_units": 6,
    "latent_units": 3,
    "max_length": 8,
    "encoder": "bag_of_words",
    "decoder": "inputless",
    "dropout": 0.0,
}


def sentences(count, seed):
    random = np.random.default_rng(seed)
    parts = (["a", "the"], ["man", "dog", "girl"], ["runs", "sits"], ["here.", "now, there."])
    return "".join(
        " ".join(part[i] for part, i in zip(parts, random.integers(0, 2, 4), strict=True)) + "\n"
        for _ in range(count)
    )


def untrained(folder, **chosen):
    """The folder of a model as it is built."""
    settings = TextVAESettings(**SMALL | chosen)
    vocabulary = WordVocabulary.fit(
        sentences(60, 0).splitlines(), size=settings.vocabulary_size, lower=settings.lower
    )
    model = build_model(settings, vocabulary)
    model.build((None, None))
    folder.mkdir()
    model.save(folder / "model.keras")
    return folder
