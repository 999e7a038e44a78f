"""Topics of word counts, fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.inference import exp_expected_log, mixture_posteriors
from tfp_dgm.models import LatentDirichletAllocation, distinctive_words
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.topic_modelling.topic_starts import document_vectors, spherical_k_means, unit_rows
from tfp_dgm.training import fit_by_natural_gradients

_TOPIC_PRIOR = 0.05
_CONCENTRATION = 0.1
_OWN_SHARE = 0.7  # Of a starting topic that is its cluster's words; the rest are all words.
_DOCUMENT_SHARE = 0.5  # Of a document's words that start in its own cluster's topic.
_STOCHASTIC_FROM = 50_000  # Documents; fewer are one batch.
_BATCH = 8192


@dataclass(frozen=True)
class TopicFit:
    """Topics, and what documents have of them.

    Attributes:
      model: a Keras model, counts [B, V] (or strings, with a vocabulary) -> mixtures [B, K].
      topics: float32 [K, V]; p(word | topic), rows that sum to one.
      mixtures: float32 [N, K]; the means of the documents' posteriors.
      shares: float32 [K]; how much of all words each topic has.
      bound: nats of all documents after each pass of the fitting; the last is the fit's.
    """

    model: Any
    topics: NDArray[np.float32]
    mixtures: NDArray[np.float32]
    shares: NDArray[np.float32]
    bound: Sequence[float]

    def top_words(self, num_words: int = 10) -> NDArray[np.int64]:
        """Ids of the words that tell each topic, [K, n], best first; `models.distinctive_words`."""
        return distinctive_words(self.topics, self.shares, num_words)

    def mixtures_of(self, counts: scipy.sparse.csr_matrix) -> NDArray[np.float32]:
        """What documents have of the topics, [N, K], of sparse counts [N, V]."""
        topics = exp_expected_log(self.model.topic_concentration.numpy())
        found = mixture_posteriors(
            scipy.sparse.csr_matrix(counts),
            topics,
            self.model.concentration.numpy(),
            steps=self.model.steps,
        )
        return found / found.sum(axis=1, keepdims=True)


def fit_topics(
    counts: scipy.sparse.csr_matrix,
    *,
    num_topics: int,
    model: str = "lda",
    vocabulary: Sequence[str] | None = None,
    seeds: Sequence[Sequence[int]] | None = None,
    seeded_documents: NDArray[np.integer] | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TopicFit:
    """Fits a model of topics to word counts.

    Args:
      counts: [N, V], sparse; rows of zeros are documents of which nothing is known.
      num_topics: K, 1 and more; topics that the documents do not fill stay empty.
      model: "lda", latent Dirichlet allocation by variational inference from clusters of documents.
      vocabulary: V words, for a model that reads strings.
      seeds: of each topic the ids of words that it shall have; none of some.
      seeded_documents: [N]; the topic that a document is known to be about, or -1.
      seed: the same seed gives the same topics.
      progress: told of passes.
    Raises:
      ValueError: if an argument is out of its range; names it.
    """
    counts = scipy.sparse.csr_matrix(counts, dtype=np.float32)
    counts.sum_duplicates()
    _check(counts, num_topics, model, seeds, seeded_documents)
    lda = LatentDirichletAllocation(num_topics, counts.shape[1], vocabulary=vocabulary, seed=seed)
    lda.build()
    known = _known(counts, num_topics, seeded_documents)
    topic_prior = _topic_prior(counts, num_topics, seeds)
    clusters = _start_clusters(counts, num_topics, seeds, known, seed)
    topics, start = _start(counts, clusters, num_topics)
    lda.concentration.assign(np.full(num_topics, _CONCENTRATION, np.float32))
    lda.topic_concentration.assign(topics + topic_prior)
    history = fit_by_natural_gradients(
        lda,
        counts,
        batch_size=_BATCH if counts.shape[0] > _STOCHASTIC_FROM else None,
        topic_prior=topic_prior,
        start=start if known is None else start + known,
        document_prior=known,
        seed=seed,
        progress=progress,
    )
    mixtures = history.posterior / history.posterior.sum(axis=1, keepdims=True)
    length = np.asarray(counts.sum(axis=1), np.float32)
    shares = (mixtures * length).sum(axis=0) / max(float(length.sum()), 1.0)
    return TopicFit(lda, np.asarray(lda.topics), mixtures, shares, history.bound)


def _start(
    counts: scipy.sparse.csr_matrix, clusters: NDArray[np.int64], num_topics: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Topics [K, V] and documents' posteriors [N, K] that lean to clusters of documents."""
    own = np.eye(num_topics, dtype=np.float32)[clusters]  # [N, K]
    words = np.asarray((counts.T @ own).T)  # [K, V]
    total = np.asarray(counts.sum(axis=0), np.float32).ravel()
    size = max(float(total.sum()), 1.0)
    words = words / np.maximum(words.sum(axis=1, keepdims=True), 1)
    topics = (_OWN_SHARE * words + (1 - _OWN_SHARE) * total / size) * size / num_topics
    length = np.asarray(counts.sum(axis=1), np.float32)
    shares = _DOCUMENT_SHARE * own + (1 - _DOCUMENT_SHARE) / num_topics
    return topics.astype(np.float32), (_CONCENTRATION + length * shares).astype(np.float32)


def _start_clusters(
    counts: scipy.sparse.csr_matrix,
    num_topics: int,
    seeds: Sequence[Sequence[int]] | None,
    known: NDArray[np.float32] | None,
    seed: int,
) -> NDArray[np.int64]:
    vectors = document_vectors(counts, seed)
    weights = np.zeros([counts.shape[0], num_topics], np.float32)
    for topic, words in enumerate(seeds or ()):
        if len(words):
            weights[:, topic] += np.asarray((counts[:, list(words)] > 0).sum(axis=1)).ravel()
    if known is not None:
        weights += known > 0
    centres = {
        int(topic): unit_rows(weights[:, topic : topic + 1].T @ vectors)[0]
        for topic in np.flatnonzero(weights.any(axis=0))
    }
    return spherical_k_means(vectors, num_topics, seed, centres=centres)


def _topic_prior(
    counts: scipy.sparse.csr_matrix, num_topics: int, seeds: Sequence[Sequence[int]] | None
) -> float | NDArray[np.float32]:
    """A seed word counts in its topic, beforehand, as often as it occurs at all."""
    if not seeds:
        return _TOPIC_PRIOR
    prior = np.full([num_topics, counts.shape[1]], _TOPIC_PRIOR, np.float32)
    total = np.asarray(counts.sum(axis=0), np.float32).ravel()
    for topic, words in enumerate(seeds):
        places = np.asarray(words, np.int64)
        prior[topic, places] += total[places]
    return prior


def _known(
    counts: scipy.sparse.csr_matrix,
    num_topics: int,
    seeded_documents: NDArray[np.integer] | None,
) -> NDArray[np.float32] | None:
    """What is known of documents, as counts of words in topics: as many as they have, [N, K]."""
    if seeded_documents is None:
        return None
    seeded = np.asarray(seeded_documents)
    known = np.zeros([len(seeded), num_topics], np.float32)
    rows = np.flatnonzero(seeded >= 0)
    known[rows, seeded[rows]] = np.maximum(np.asarray(counts.sum(axis=1)).ravel()[rows], 1)
    return known


def _check(
    counts: scipy.sparse.csr_matrix,
    num_topics: int,
    model: str,
    seeds: Sequence[Sequence[int]] | None,
    seeded_documents: NDArray[np.integer] | None,
) -> None:
    if num_topics < 1:
        raise ValueError(f"fit_topics: `num_topics` must be >= 1; received {num_topics}")
    if model != "lda":
        raise ValueError(f"fit_topics: `model` must be 'lda'; received {model!r}")
    if counts.nnz == 0 or counts.data.min() < 0 or not np.all(np.isfinite(counts.data)):
        raise ValueError(
            "fit_topics: `counts` must be finite, >= 0, and not all of them 0; received "
            f"{counts.shape} with {counts.nnz} counts"
        )
    if seeds is not None:
        if len(seeds) != num_topics:
            raise ValueError(
                f"fit_topics: expected `seeds` of {num_topics} topics; received {len(seeds)}"
            )
        ids = [int(word) for words in seeds for word in words]
        if ids and not 0 <= min(ids) <= max(ids) < counts.shape[1]:
            raise ValueError(
                f"fit_topics: `seeds` must be ids of words, from 0 to {counts.shape[1] - 1}; "
                f"received {min(ids)} to {max(ids)}"
            )
    if seeded_documents is not None:
        seeded = np.asarray(seeded_documents)
        if seeded.shape != (counts.shape[0],) or not np.all((seeded >= -1) & (seeded < num_topics)):
            raise ValueError(
                f"fit_topics: `seeded_documents` must be {counts.shape[0]} topics from 0 to "
                f"{num_topics - 1}, or -1; received shape {seeded.shape}"
            )
