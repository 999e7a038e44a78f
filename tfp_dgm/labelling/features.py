"""Texts -> vectors, learned from all texts and no labels."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar, cast

import keras
import numpy as np
import scipy.sparse
import tensorflow as tf
from sklearn.utils.extmath import randomized_svd

from tfp_dgm.confidence import EncoderChoice, asked_encoder
from tfp_dgm.generated_data import generated_dataset
from tfp_dgm.labelling.encoder_choice import choose_encoder
from tfp_dgm.labelling.text_views import ENCODER, VAE_SHARE, meaning
from tfp_dgm.labelling.vectors_of_sentences import read_encoder, text_vectors
from tfp_dgm.labelling.word_order import WordOrder
from tfp_dgm.models import BagOfWordsVAE
from tfp_dgm.networks import TextEncoder, TunedSentenceEncoder
from tfp_dgm.objectives import ELBO
from tfp_dgm.text import TfIdf, WordCounts
from tfp_dgm.training import KLWeightSchedule, Linear, Progress

LSA_UNITS = 300
VAE_WORDS = 3000
_VAE_STEPS = 800
_VAE_BATCH = 128
_ROWS_AT_ONCE = 2048

Found = TypeVar("Found")


@dataclass(frozen=True)
class Features:
    """What was learned from the texts, and the texts as vectors.

    Attributes:
      word_counts: string -> counts [V].
      tf_idf: counts [V] -> TF-IDF [V].
      lsa: float32 [V, L]; the singular vectors that TF-IDF is projected on.
      vae: its posterior means, divided by `vae_scale` [Z], are the deep generative features.
      vae_words: int [V']; the words that the VAE sees.
      encoder: the pretrained encoder, a light one made of it, or None.
      words: sparse [N, V]; the texts as TF-IDF.
      views: the inputs of the linear heads, each float32 [N, D] with a last column of ones; see
        `TextViews`.
      encoder_choice: why it is that encoder.
      word_order: what stands beside what; None where no two texts have that in common.
    """

    word_counts: WordCounts
    tf_idf: TfIdf
    lsa: np.ndarray
    vae: BagOfWordsVAE
    vae_words: np.ndarray
    vae_scale: np.ndarray
    encoder: TextEncoder | None
    words: scipy.sparse.csr_matrix
    views: tuple[np.ndarray, ...]
    encoder_choice: EncoderChoice
    word_order: WordOrder | None = None
    _kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def kept(self, name: Hashable, find: Callable[[], Found]) -> Found:
        """What `find` finds of these texts and no labels; a later training finds it here."""
        if name not in self._kept:
            self._kept[name] = find()
        return cast(Found, self._kept[name])

    @cached_property
    def lsa_layer(self) -> keras.layers.Dense:
        """`lsa` as a layer, one for all classifiers of these features."""
        layer = keras.layers.Dense(self.lsa.shape[1], use_bias=False, dtype="float32")
        layer.build((None, len(self.lsa)))
        layer.set_weights([self.lsa])
        return layer

    @property
    def vectors(self) -> np.ndarray:
        """Texts by meaning [N, D]: the encoder's vectors where there is one, else LSA and VAE."""
        if self.encoder is None:
            return self.views[0][:, :-1]
        return meaning(self.encoder, self.views[ENCODER][:, :-1])

    def followed_by(self, texts: Sequence[str]) -> "Features":
        """The same features of the same texts and, after them, of others [G], learned from none."""
        if not texts:
            return self
        counts = self.word_counts.count_matrix(texts)
        words = self.tf_idf.transform(counts)
        means = _posterior_means(self.vae, counts[:, self.vae_words])
        vectors = None if self.encoder is None else text_vectors(self.encoder, texts)
        order = None
        if self.word_order is not None:
            order = self.word_order.of_texts(texts, self.word_counts)
        views = _views(words @ self.lsa, means / self.vae_scale, vectors, order)
        return replace(
            self,
            words=scipy.sparse.vstack([self.words, words]).tocsr(),
            views=tuple(map(np.vstack, zip(self.views, views, strict=True))),
        )


def fit_features(
    texts: Sequence[str],
    *,
    encoder: str | TextEncoder | None = None,
    annotations: Sequence[np.ndarray] = (),
    word_order: bool = True,
    seed: int = 0,
    progress: Progress = lambda step, done, total: None,
) -> Features:
    """Learns the features of a set of texts.

    Args:
      texts: N texts, at least one of them with a word.
      encoder: "auto", "none" or None, a preset, or an encoder; see `choose_encoder`.
      annotations: what "auto" decides by: for each question bool [N, K], the classes that each
        annotation allows; all True = no annotation.
      word_order: whether there is a view of it, for who reads it.
      seed: the same seed gives the same features, whatever the process has drawn before.
      progress: called with a step's name, how much of it is done, and how much there is.
    """
    keras.utils.set_random_seed(seed)
    if isinstance(encoder, TunedSentenceEncoder):
        encoder = encoder.untuned()  # It was tuned to other labels.
    named = asked_encoder(encoder, TextEncoder, read_encoder)
    step = "Counting words"
    progress(step, 0, len(texts))
    word_counts = WordCounts.fit(texts)
    counts = word_counts.count_matrix(texts)
    tf_idf = TfIdf.fit(counts)
    words = tf_idf.transform(counts)
    progress(step, len(texts), len(texts))

    step = "Finding latent semantic dimensions"
    progress(step, 0, 1)
    units = max(1, min(LSA_UNITS, min(words.shape) - 1))
    _, _, components = randomized_svd(words, units, n_iter=4, random_state=seed)
    lsa = np.ascontiguousarray(components.T, np.float32)  # [V, L]
    learned = WordOrder.fit(texts, word_counts, seed=seed) if word_order else None
    layer, order = learned or (None, None)
    progress(step, 1, 1)

    semantic = words @ lsa  # [N, L]
    text_encoder, choice = named or choose_encoder(
        texts, words, unit_length(semantic), annotations, seed=seed, progress=progress
    )

    vae_words = np.sort(np.argsort(-np.diff(counts.tocsc().indptr), kind="stable")[:VAE_WORDS])
    vae_counts = counts[:, vae_words]
    vae = fit_vae(vae_counts, tf_idf.idf[vae_words], seed=seed, progress=progress)
    means = _posterior_means(vae, vae_counts)
    vae_scale = means.std(axis=0) + 1e-6

    vectors = None
    if text_encoder is not None:
        vectors = text_vectors(text_encoder, texts, progress)  # [N, E]
    return Features(
        word_counts=word_counts,
        tf_idf=tf_idf,
        lsa=lsa,
        vae=vae,
        vae_words=vae_words,
        vae_scale=vae_scale,
        encoder=text_encoder,
        words=words,
        views=_views(semantic, means / vae_scale, vectors, order),
        encoder_choice=choice,
        word_order=layer,
    )


def _views(
    semantic: np.ndarray,
    topics: np.ndarray,
    vectors: np.ndarray | None,
    order: np.ndarray | None,
) -> tuple[np.ndarray, ...]:
    """The inputs of the heads, by LSA [N, L], VAE [N, Z] and, if any, encoder and word order."""
    latent = np.hstack([unit_length(semantic), VAE_SHARE * unit_length(topics)])
    views = [latent, latent[:, : semantic.shape[1]]]
    if vectors is not None:
        views += [np.hstack([vectors, latent]), vectors]
    if order is not None:
        views.append(order)
    ones = np.ones((len(latent), 1), np.float32)
    return tuple(np.hstack([view, ones]).astype(np.float32) for view in views)


def fit_vae(
    counts: scipy.sparse.csr_matrix, idf: np.ndarray, *, seed: int, progress: Progress
) -> BagOfWordsVAE:
    """Trains the VAE of word counts [N, V']."""
    frequencies = np.asarray(counts.log1p().sum(axis=0)).ravel() + 0.1
    vae = BagOfWordsVAE(
        idf, word_log_probabilities=np.log(frequencies / frequencies.sum()), seed=seed
    )
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, _VAE_STEPS)
    vae.compile(keras.optimizers.Adam(schedule, global_clipnorm=100.0), objective=ELBO())
    batches = generated_dataset(
        lambda: _batches(counts, seed), tf.TensorSpec([None, counts.shape[1]], tf.float32)
    ).prefetch(2)
    report = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: progress(
            "Training the variational autoencoder", batch + 1, _VAE_STEPS
        )
    )
    vae.fit(
        batches,
        steps_per_epoch=_VAE_STEPS,
        shuffle=False,
        callbacks=[KLWeightSchedule(Linear(_VAE_STEPS // 2)), report],
        verbose=0,
    )
    return vae


def _batches(counts: scipy.sparse.csr_matrix, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    size = min(_VAE_BATCH, counts.shape[0])
    while True:
        order = rng.permutation(counts.shape[0])
        for start in range(0, len(order) - size + 1, size):
            yield counts[order[start : start + size]].toarray()


def _posterior_means(vae: BagOfWordsVAE, counts: scipy.sparse.csr_matrix) -> np.ndarray:
    starts = range(0, counts.shape[0], _ROWS_AT_ONCE)
    return np.concatenate(
        [vae(counts[start : start + _ROWS_AT_ONCE].toarray()).numpy() for start in starts]
    )


def unit_length(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their lengths; a zero row stays zero."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
