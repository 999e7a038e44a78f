"""The likelihoods that settings describe, and the model around them."""

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from tfp_dgm import layers, models
from tfp_dgm.data import DataError
from tfp_dgm.induction.settings import Flow, GaussianHiddenMarkov, TagSettings
from tfp_dgm.induction.word_vectors import distributional_vectors
from tfp_dgm.networks import SentenceEncoder
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
    """The vectors of the words, as a layer that is not trained; None where words are modelled.

    Raises:
      DataError: if the text has too few words for their dimensions, or there is no such encoder.
      ImportError: if an encoder is asked for, and the extra `encoder` is not installed.
    """
    model = settings.model
    if not isinstance(model, GaussianHiddenMarkov):
        return None
    vectors = distributional_vectors(
        rows,
        vocabulary.size,
        units=model.units,
        num_contexts=model.contexts,
        spellings=vocabulary.tokens if model.spelling else None,
        pretrained=None if model.encoder is None else _encoded(model.encoder, vocabulary.tokens),
        seed=settings.seed,
    )
    embedding = keras.layers.Embedding(*vectors.shape, trainable=False, name="vectors")
    embedding.build((None, None))
    embedding.embeddings.assign(vectors)
    return embedding


def _encoded(preset: str, words: Sequence[str]) -> NDArray[np.float32]:
    """The vector of each word as a text of its own, [N, E]."""
    try:
        encoder = SentenceEncoder.from_preset(preset)
    except OSError as error:
        raise DataError(f"settings: model.{error}") from error
    return encoder.encode(words)


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
