"""Language models that judge texts: real texts by models of drawn ones, and the other way round."""

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm import inference
from tfp_dgm.models import LanguageModel, QuantizedTextVAE, TextVAE
from tfp_dgm.sentence_modelling.building import compiled_model
from tfp_dgm.sentence_modelling.settings import TextModelSettings
from tfp_dgm.text import BucketedBatches, Vocabulary
from tfp_dgm.token_ids import PAD

Rows = Sequence[NDArray[np.integer]]
_AT_ONCE = 64


def fit_language_model(
    settings: TextModelSettings, vocabulary: Vocabulary, rows: Rows, held_out: Rows
) -> LanguageModel:
    """A language model of rows of token ids, of the epoch that is best on the held-out ones.

    Trained on texts that a model drew, its perplexity on real ones is the reverse perplexity [1] of
    that model; on real ones, that on drawn ones is the forward perplexity. The first sees texts
    that are never drawn, the second those that are no texts.

    Args:
      settings: of a language model.
      vocabulary: of the token ids.
      rows: to learn from, END included.
      held_out: like `rows`, and others.
    Raises:
      ValueError: if the settings are those of another model.
    References:
      [1] Zhao, Kim, Zhang, Rush and LeCun. Adversarially Regularized Autoencoders. ICML 2018.
        arXiv:1706.04223
    """
    if settings.model != "language_model":
        raise ValueError(
            "fit_language_model: `settings.model` must be language_model; received "
            f"{settings.model}"
        )
    batches = BucketedBatches(rows, settings.batch_size, seed=settings.seed)
    model = compiled_model(settings, vocabulary, steps=len(batches))
    assert isinstance(model, LanguageModel)
    stopping = keras.callbacks.EarlyStopping(
        "val_bound", mode="max", patience=settings.patience, restore_best_weights=True
    )
    model.fit(
        batches,
        validation_data=BucketedBatches(held_out, settings.batch_size),
        epochs=settings.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[stopping],
    )
    return model


def perplexity(model: LanguageModel, rows: Rows) -> float:
    """exp(-log p / tokens) of rows of token ids, END counted."""
    batches = BucketedBatches(rows, _AT_ONCE)
    total = sum(float(tf.reduce_sum(model(batches[i][0]))) for i in range(len(batches)))
    return math.exp(-total / batches.num_tokens)


def draw_rows(
    model: TextVAE | QuantizedTextVAE, count: int, *, seed: int = 0
) -> list[NDArray[np.int32]]:
    """Texts drawn from a model, latent and words, as rows of token ids without PAD."""
    rows: list[NDArray[np.int32]] = []
    for start in range(0, count, _AT_ONCE):
        size = min(_AT_ONCE, count - start)
        seeds = tf.stack([tf.fill([size], seed), tf.range(start, start + size)], axis=1)  # [B, 2]
        z = inference.latents_of_texts(model.prior(None), seeds)
        rows += without_padding(inference.sample_texts(model.decode(z), seeds).numpy())
    return rows


def without_padding(token_ids: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """Token ids [N, T] as N rows."""
    return [row[row != PAD] for row in token_ids]
