"""Clusters of documents, fitted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.models import DocumentMixture
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.topic_modelling.cluster_directions import ClusterDirections
from tfp_dgm.topic_modelling.company_of_words import are_short, word_company
from tfp_dgm.topic_modelling.fitting_checks import require_counts, require_topics
from tfp_dgm.topic_modelling.topic_starts import start_clusters, unit_rows
from tfp_dgm.training import MixtureHistory, fit_em_of_counts

# What each word counts beforehand: at most so often, and at most this share of its mean count in a
# cluster, since a prior that outweighs their words empties small clusters.
_WORD_PRIOR = 0.5
_PRIOR_SHARE = 0.125
_AT_ONCE = 10_000  # Documents.


@dataclass(frozen=True)
class ClusterFit:
    """Clusters, and which documents are in them.

    Attributes:
      model: a Keras model, counts [B, V] (or strings, with a vocabulary) -> p(cluster | text);
        where there were vectors, {"counts": these, "context": [B, D]} -> p(cluster | both).
      topics: float32 [K, V]; p(word | cluster).
      mixtures: float32 [N, K]; p(cluster | document), by its vector too where there was one.
      shares: float32 [K]; p(cluster).
      log_likelihood: nats of all (damped) documents after each iteration.
    """

    model: DocumentMixture
    topics: NDArray[np.float32]
    mixtures: NDArray[np.float32]
    shares: NDArray[np.float32]
    log_likelihood: Sequence[float]

    @property
    def clusters(self) -> NDArray[np.int64]:
        """The likeliest cluster of each document, [N]."""
        return np.argmax(self.mixtures, axis=1)

    def top_words(self, num_words: int = 10) -> NDArray[np.int64]:
        """Ids of the words that tell each cluster, [K, n]; see `models.distinctive_words`."""
        return self.model.distinctive_words(num_words)

    def mixtures_of(
        self, counts: scipy.sparse.csr_matrix, vectors: NDArray[np.floating] | None = None
    ) -> NDArray[np.float32]:
        """p(cluster | document) of sparse counts [N, V] and vectors [N, D]; see
        `cluster_mixtures_of`.
        """
        return cluster_mixtures_of(self.model, counts, vectors)


def cluster_mixtures_of(
    model: DocumentMixture,
    counts: scipy.sparse.csr_matrix,
    vectors: NDArray[np.floating] | None = None,
) -> NDArray[np.float32]:
    """p(cluster | document) under a fitted model, [N, K], of sparse counts [N, V].

    With vectors [N, D], of a model that was learned beside some, it is by both, else by words
    alone.
    """
    counts = scipy.sparse.csr_matrix(counts)
    log_words, log_shares = np.log(np.asarray(model.topics)).T, np.log(np.asarray(model.shares))
    found = np.empty([counts.shape[0], len(log_shares)], np.float32)
    for start in range(0, len(found), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        events = counts[rows].astype(np.float32)
        if model.damped:
            events.data = np.log1p(events.data)
        joint = events @ log_words + log_shares
        if vectors is not None:
            directions = unit_rows(np.asarray(vectors[rows], np.float32))
            joint += directions @ np.asarray(model.context_weights).T
        joint = np.exp(joint - joint.max(axis=1, keepdims=True))
        found[rows] = joint / joint.sum(axis=1, keepdims=True)
    return found


def fit_clusters(
    counts: scipy.sparse.csr_matrix,
    *,
    num_clusters: int,
    vocabulary: Sequence[str] | None = None,
    seeds: Sequence[Sequence[int]] | None = None,
    seeded_documents: NDArray[np.integer] | None = None,
    company: bool | None = None,
    vectors: NDArray[np.floating] | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> ClusterFit:
    """Fits a mixture of naive Bayes models by EM, from clusters of latent semantic vectors.

    Of short documents it starts from clusters of the company of words, `word_company`, too, and the
    likelier of the two mixtures is kept.

    Args:
      counts: [N, V], sparse; a row of zeros is in each cluster by its share.
      num_clusters: K.
      vocabulary: V words, for a model that reads strings.
      seeds: of each cluster the ids of words that it shall have; none of some.
      seeded_documents: [N]; the cluster of a document where it is known, or -1.
      company: whether it starts there, too; None does where documents are short. Not with vectors.
      vectors: [N, D]; a pretrained encoder's, of the documents. Clusters are then learned from
        words and vectors, start there, and are told by both.
      seed: the same seed gives the same clusters.
      progress: told of iterations.
    Raises:
      ValueError: if an argument is out of its range; names it.
    """
    counts = require_counts("fit_clusters", counts)
    require_topics("fit_clusters", "num_clusters", counts, num_clusters, seeds, seeded_documents)
    if vectors is not None and np.shape(vectors)[:1] != counts.shape[:1]:
        raise ValueError(
            f"fit_clusters: `vectors` must be [{counts.shape[0]}, D]; received "
            f"{list(np.shape(vectors))}"
        )
    model = DocumentMixture(
        num_clusters,
        counts.shape[1],
        vocabulary=vocabulary,
        context_units=0 if vectors is None else np.shape(vectors)[1],
        seed=seed,
    )
    model.build()

    def fit(texts: scipy.sparse.csr_matrix, start: NDArray[np.int64]) -> MixtureHistory:
        posterior = np.eye(num_clusters)[start]
        directions = None if vectors is None else ClusterDirections(vectors, posterior)
        history = fit_em_of_counts(
            model,
            texts,
            posterior,
            beside=directions,
            known=seeded_documents if texts is counts else None,
            word_prior=_word_prior(texts, num_clusters, seeds),
            progress=progress,
        )
        if directions is not None:
            model.context_weights.assign(directions.weights)
        return history

    start = start_clusters(counts, num_clusters, seeds, seeded_documents, seed, vectors)
    history = fit(counts, start)
    # Known documents have none among pseudo-documents, and say themselves where clusters start.
    company = are_short(counts) if company is None else company
    if company and seeded_documents is None and vectors is None:
        first = model.get_weights()
        beside = word_company(counts)
        fit(beside, start_clusters(beside, num_clusters, seeds, None, seed))
        second = fit(counts, np.argmax(cluster_mixtures_of(model, counts), axis=1))
        # Not by the objective: seed words count so much beforehand that it likes them alone.
        if second.log_likelihood[-1] > history.log_likelihood[-1]:
            history = second
        else:
            model.set_weights(first)
    return ClusterFit(
        model,
        np.asarray(model.topics),
        history.posterior,
        np.asarray(model.shares),
        history.log_likelihood,
    )


def _word_prior(
    counts: scipy.sparse.csr_matrix, num_clusters: int, seeds: Sequence[Sequence[int]] | None
) -> float | NDArray[np.floating]:
    """What words count beforehand; a seed word in its cluster as often as texts have it."""
    mean_count = float(np.log1p(counts.data).sum()) / (num_clusters * counts.shape[1])
    word_prior = min(_WORD_PRIOR, _PRIOR_SHARE * mean_count)
    if seeds is None:
        return word_prior
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    prior = np.full([num_clusters, counts.shape[1]], word_prior)
    for cluster, words in enumerate(seeds):
        places = np.asarray(words, np.int64)
        prior[cluster, places] += frequency[places]
    return prior
