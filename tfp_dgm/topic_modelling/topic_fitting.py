"""Topics of word counts, fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.evaluation import (
    active_units,
    document_log_likelihood,
    importance_weighted_log_likelihood,
)
from tfp_dgm.inference import exp_expected_log, mixture_posteriors
from tfp_dgm.models import AmortizedTopicModel, LatentDirichletAllocation, distinctive_words
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.topic_modelling.amortized_fitting import fit_amortized, in_batches, in_order
from tfp_dgm.topic_modelling.amortized_models import begin_amortized
from tfp_dgm.topic_modelling.cluster_fitting import fit_clusters
from tfp_dgm.topic_modelling.fitting_checks import (
    LDA,
    require_counts,
    require_parts_of_model,
    require_topics,
)
from tfp_dgm.training import fit_by_natural_gradients

_TOPIC_PRIOR = 0.05
_CONCENTRATION = 0.1
_OWN_SHARE = 0.7  # Of a starting topic that is its cluster's words; the rest are all words.
_DOCUMENT_SHARE = 0.5  # Of a document's words that start in its own cluster's topic.
_STOCHASTIC_FROM = 50_000  # Documents; fewer are one batch.
_BATCH = 8192
_SAMPLES_AT_ONCE = 5


@dataclass(frozen=True)
class TopicFit:
    """Topics, and what documents have of them.

    Attributes:
      model: a Keras model, counts [B, V] (or strings, with a vocabulary) -> mixtures [B, K]; of a
        "ctm", {"counts": these, "context": [B, H]} -> mixtures.
      topics: float32 [K, V]; p(word | topic), rows that sum to one.
      mixtures: float32 [N, K]; the means of the documents' posteriors.
      shares: float32 [K]; how much of all words each topic has.
      bound: nats of all documents after each pass of the fitting; the last is the fit's, but of a
        model that early stopping took back.
    """

    model: Any
    topics: NDArray[np.float32]
    mixtures: NDArray[np.float32]
    shares: NDArray[np.float32]
    bound: Sequence[float]

    def top_words(self, num_words: int = 10) -> NDArray[np.int64]:
        """Ids of the words that tell each topic, [K, n], best first; `models.distinctive_words`."""
        weight = self.model.probability_weight
        return distinctive_words(self.topics, self.shares, num_words, probability_weight=weight)

    def mixtures_of(
        self, counts: scipy.sparse.csr_matrix, contexts: NDArray[np.floating] | None = None
    ) -> NDArray[np.float32]:
        """What documents have of the topics, [N, K], of sparse counts [N, V]; see `mixtures_of`."""
        return mixtures_of(self.model, counts, contexts)

    def word_probabilities(
        self, counts: scipy.sparse.csr_matrix, contexts: NDArray[np.floating] | None = None
    ) -> NDArray[np.float32]:
        """p(a further word | what is known of a document), [N, V], of sparse counts [N, V].

        Where topics are experts whose opinions multiply, it is no mixture of `topics`.
        """
        if isinstance(self.model, AmortizedTopicModel):
            return in_batches(self.model.word_probabilities, counts, contexts)
        return self.mixtures_of(counts) @ self.topics

    def log_likelihood(
        self,
        counts: scipy.sparse.csr_matrix,
        contexts: NDArray[np.floating] | None = None,
        *,
        num_samples: int = 100,
        seed: int = 0,
    ) -> NDArray[np.float64]:
        """An importance-weighted bound on log p(document), [N] nats, of sparse counts [N, V].

        See `evaluation.document_log_likelihood` and `importance_weighted_log_likelihood`.
        """
        if isinstance(self.model, AmortizedTopicModel):
            return importance_weighted_log_likelihood(
                self.model,
                in_order(counts, contexts),
                num_samples=num_samples,
                samples_per_step=_SAMPLES_AT_ONCE,
                seed=seed,
            )["log_likelihood"]
        concentration = np.asarray(self.model.concentration)
        return document_log_likelihood(
            counts, self.topics, concentration, num_samples=num_samples, seed=seed
        )

    def active_units(
        self, counts: scipy.sparse.csr_matrix, contexts: NDArray[np.floating] | None = None
    ) -> int | None:
        """How many of K latents vary with the document (`evaluation.active_units`).

        Few of K are a collapse of the posterior. None of LDA, whose posteriors are no network's.
        """
        if not isinstance(self.model, AmortizedTopicModel) or counts.shape[0] < 2:
            return None
        return int(active_units(self.model, in_order(counts, contexts))["active_units"])


def mixtures_of(
    model: Any,
    counts: scipy.sparse.csr_matrix,
    contexts: NDArray[np.floating] | None = None,
) -> NDArray[np.float32]:
    """What documents have of the topics of a fitted model, [N, K], of sparse counts [N, V].

    Args:
      model: `TopicFit.model`.
      counts: [N, V].
      contexts: [N, H], of a "ctm".
    """
    counts = scipy.sparse.csr_matrix(counts)
    if isinstance(model, AmortizedTopicModel):
        return in_batches(model, counts, contexts)
    topics = exp_expected_log(model.topic_concentration.numpy())
    found = mixture_posteriors(
        counts,
        topics,
        model.concentration.numpy(),
        steps=model.steps,
    )
    return found / found.sum(axis=1, keepdims=True)


def fit_topics(
    counts: scipy.sparse.csr_matrix,
    *,
    num_topics: int,
    model: str = LDA,
    prior: str | None = None,
    vectors: NDArray[np.floating] | None = None,
    contexts: NDArray[np.floating] | None = None,
    vocabulary: Sequence[str] | None = None,
    seeds: Sequence[Sequence[int]] | None = None,
    seeded_documents: NDArray[np.integer] | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TopicFit:
    """Fits topics to word counts, from the clusters of `fit_clusters`.

    By model: "lda", latent Dirichlet allocation by variational inference; "prodlda", a product of
    experts behind an inference network; "etm", topics that are vectors among those of words; "ctm",
    a "prodlda" whose inference network reads vectors of the documents by a pretrained encoder, too.
    See `models.AmortizedTopicModel` for the three.

    Args:
      counts: [N, V], sparse; rows of zeros are documents of which nothing is known.
      num_topics: K, 1 and more, but 2 and more of neural models; topics that the documents do not
        fill stay empty.
      model: one of `data.TOPIC_MODELS`.
      prior: of mixtures, for neural models: "laplace", "normal", "correlated" (a full covariance,
        learned), "flow" or "dirichlet". None takes "normal" for an "etm" and else "laplace".
      vectors: [V, E] of words, for an "etm"; None learns them from the counts.
      contexts: [N, H] of the documents, for a "ctm", which needs them.
      vocabulary: V words, for a model that reads strings.
      seeds: of each topic the ids of words that it shall have; none of some.
      seeded_documents: [N]; the topic that a document is known to be about, or -1.
      seed: the same seed gives the same topics.
      progress: told of passes.
    Raises:
      ValueError: if an argument is out of its range; names it.
    """
    counts = require_counts("fit_topics", counts)
    require_topics("fit_topics", "num_topics", counts, num_topics, seeds, seeded_documents)
    require_parts_of_model("fit_topics", counts, model, num_topics, prior, vectors, contexts)
    clusters = fit_clusters(
        counts,
        num_clusters=num_topics,
        seeds=seeds,
        seeded_documents=seeded_documents,
        seed=seed,
        progress=progress,
    ).clusters
    topics, start = _start(counts, clusters, num_topics)
    if model == LDA:
        lda = LatentDirichletAllocation(
            num_topics, counts.shape[1], vocabulary=vocabulary, seed=seed
        )
        known = _known(counts, num_topics, seeded_documents)
        topic_prior = _topic_prior(counts, num_topics, seeds)
        lda.assign(np.full(num_topics, _CONCENTRATION), topics + topic_prior)
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
        shares = _shares(counts, mixtures)
        return TopicFit(lda, np.asarray(lda.topics), mixtures, shares, history.bound)
    contexts = None if contexts is None else np.asarray(contexts, np.float32)
    amortized = begin_amortized(
        model,
        counts,
        topics / topics.sum(axis=1, keepdims=True),
        prior=prior,
        vectors=vectors,
        context_units=0 if contexts is None else contexts.shape[1],
        vocabulary=vocabulary,
        seed=seed,
    )
    bound = fit_amortized(amortized, counts, contexts, seed=seed, progress=progress).bound
    mixtures = mixtures_of(amortized, counts, contexts)
    shares = _shares(counts, mixtures)
    amortized.topic_shares.assign(shares)
    return TopicFit(amortized, np.asarray(amortized.topics), mixtures, shares, bound)


def _shares(counts: scipy.sparse.csr_matrix, mixtures: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of all words each topic has, [K]."""
    length = np.asarray(counts.sum(axis=1), np.float32)
    return (mixtures * length).sum(axis=0) / max(float(length.sum()), 1.0)


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
