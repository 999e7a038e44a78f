"""The likelihoods that settings describe, and the model around them."""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from tfp_dgm import layers, models
from tfp_dgm.induction.settings import Flow, GaussianHiddenMarkov, TagSettings
from tfp_dgm.induction.word_vectors import distributional_vectors
from tfp_dgm.text import WordVocabulary

LONGEST_DRAW = 60


def build_likelihood(
    settings: TagSettings, vocabulary: WordVocabulary, seed: int
) -> layers.HiddenMarkovLayer:
    """The model of words or of their vectors, without a flow; its weights are of the seed."""
    model, states = settings.model, settings.num_tags
    if isinstance(model, GaussianHiddenMarkov):
        return layers.GaussianHiddenMarkov(
            model.units, states, LONGEST_DRAW, min_scale=model.min_scale, seed=seed
        )
    if model.kind == "hidden_markov":
        return layers.HiddenMarkovText(vocabulary.size, states, LONGEST_DRAW, seed=seed)
    return layers.NeuralHiddenMarkovText(
        vocabulary.size,
        states,
        LONGEST_DRAW,
        embedding_units=model.units,
        spellings=vocabulary.tokens if model.spelling or model.characters else None,
        spelling_features=model.spelling,
        character_filters=model.characters,
        seed=seed,
    )


def with_flow(base: layers.DistributionLayer, flow: Flow) -> layers.ProjectedObservations:
    """The same behind a flow, which is the identity at first."""
    return layers.ProjectedObservations(
        base,
        num_couplings=flow.couplings,
        hidden_units=(flow.units,),
        volume_preserving=flow.volume_preserving,
    )


def build_embedding(
    settings: TagSettings, vocabulary: WordVocabulary, rows: Sequence[NDArray[np.int32]]
) -> keras.layers.Embedding | None:
    """The vectors of the words, as a layer that is not trained; None where words are modelled."""
    model = settings.model
    if not isinstance(model, GaussianHiddenMarkov):
        return None
    vectors = distributional_vectors(
        rows,
        vocabulary.size,
        units=model.units,
        num_contexts=model.contexts,
        spellings=vocabulary.tokens if model.spelling else None,
        seed=settings.seed,
    )
    embedding = keras.layers.Embedding(*vectors.shape, trainable=False, name="vectors")
    embedding.build((None, None))
    embedding.embeddings.assign(vectors)
    return embedding


def build_tagger(
    settings: TagSettings,
    vocabulary: WordVocabulary,
    likelihood: layers.DistributionLayer,
    embedding: keras.layers.Embedding | None,
) -> models.StructuredLanguageModel:
    """The model that reads strings, built."""
    model = models.StructuredLanguageModel(
        likelihood, vocabulary, embedding=embedding, seed=settings.seed
    )
    model.build((None, None))
    return model
