"""One training from weights of its own: expectation maximisation, gradient steps, or both."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tfp_dgm import models, training
from tfp_dgm.induction.batches import batches_by_length
from tfp_dgm.induction.building import build_likelihood, build_tagger, with_flow
from tfp_dgm.induction.gradient_steps import train_by_gradients
from tfp_dgm.induction.settings import Flow, GaussianHiddenMarkov, NeuralHiddenMarkov, TagSettings
from tfp_dgm.text import BucketedBatches, WordVocabulary

_MOST_VECTORS = 10_000  # From which first means are drawn.


@dataclass(frozen=True)
class Start:
    """A trained model and how it came about.

    Attributes:
      tagger: with the weights of the end.
      log_likelihood: nats of all sentences after each iteration or epoch; before the first, too,
        where it is by expectation maximisation.
    """

    tagger: models.StructuredLanguageModel
    log_likelihood: list[float]


def train_start(
    settings: TagSettings,
    vocabulary: WordVocabulary,
    embedding: keras.layers.Embedding | None,
    rows: Sequence[NDArray[np.int32]],
    seed: int,
    *,
    progress: training.Progress,
) -> Start:
    """Trains a tagger on sentences of token ids.

    Raises:
      NonFiniteLossError: if the loss of gradient steps is no number any more.
    """
    keras.utils.set_random_seed(seed)
    model = settings.model
    likelihood = build_likelihood(settings, vocabulary, seed)
    tagger = build_tagger(settings, vocabulary, likelihood, embedding)
    if isinstance(model, NeuralHiddenMarkov):
        return Start(tagger, _by_gradients(tagger, rows, model, seed, progress))
    batches = [tagger.events(batch) for batch in batches_by_length(rows)]
    if isinstance(model, GaussianHiddenMarkov):
        training.start_anew(likelihood, _some_vectors(batches, seed), seed)
    fitted = training.fit_em(
        models.ExactLikelihoodModel(likelihood),
        batches,
        iterations=model.iterations,
        smoothing=model.smoothing,
        progress=lambda _, done, total: progress(f"EM, seed {seed}", done, total),
    )
    curve = fitted.history["log_likelihood"]
    if not isinstance(model, GaussianHiddenMarkov) or model.flow is None:
        return Start(tagger, curve)
    tagger = build_tagger(settings, vocabulary, with_flow(likelihood, model.flow), embedding)
    return Start(tagger, curve + _by_gradients(tagger, rows, model.flow, seed, progress))


def untrained(
    settings: TagSettings, vocabulary: WordVocabulary, embedding: keras.layers.Embedding | None
) -> models.StructuredLanguageModel:
    """A tagger that is to be given its weights."""
    likelihood = build_likelihood(settings, vocabulary, settings.seed)
    flow = getattr(settings.model, "flow", None)
    whole = likelihood if flow is None else with_flow(likelihood, flow)
    return build_tagger(settings, vocabulary, whole, embedding)


def _by_gradients(
    tagger: models.StructuredLanguageModel,
    rows: Sequence[NDArray[np.int32]],
    chosen: NeuralHiddenMarkov | Flow,
    seed: int,
    progress: training.Progress,
) -> list[float]:
    """Trains by the likelihood; nats of all sentences after each epoch."""
    tagger.compile(keras.optimizers.Adam(chosen.learning_rate, clipnorm=5.0))
    return train_by_gradients(
        tagger,
        BucketedBatches(rows, chosen.batch_size, seed=seed),
        epochs=chosen.epochs,
        step=f"Epochs, seed {seed}",
        progress=progress,
    )


def _some_vectors(batches: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """Vectors of tokens anywhere, [N, 1, D]: the first batch has the shortest sentences alone."""
    flat = np.concatenate([np.asarray(batch).reshape(-1, batch.shape[-1]) for batch in batches])
    flat = flat[~np.isnan(flat).any(axis=1)]
    chosen = np.random.default_rng(seed).permutation(len(flat))[:_MOST_VECTORS]
    return flat[chosen][:, np.newaxis]
