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
from tfp_dgm.models import AmortizedTopicModel, distinctive_words
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
from tfp_dgm.topic_modelling.lda_fitting import fit_lda, lda_mixtures_of, topics_of_clusters

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
    return lda_mixtures_of(model, counts)


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
    company: bool | None = None,
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
      company: whether topics are learned from the company of words; None finds out.
      seed: the same seed gives the same topics.
      progress: told of passes.
    Raises:
      ValueError: if an argument is out of its range; names it.
    """
    counts = require_counts("fit_topics", counts)
    require_topics("fit_topics", "num_topics", counts, num_topics, seeds, seeded_documents)
    require_parts_of_model("fit_topics", counts, model, num_topics, prior, vectors, contexts)
    if model == LDA:
        lda, history = fit_lda(
            counts,
            num_topics,
            vocabulary=vocabulary,
            seeds=seeds,
            seeded_documents=seeded_documents,
            company=company,
            seed=seed,
            progress=progress,
        )
        mixtures = history.posterior / history.posterior.sum(axis=1, keepdims=True)
        shares = _shares(counts, mixtures)
        return TopicFit(lda, np.asarray(lda.topics), mixtures, shares, history.bound)
    clusters = fit_clusters(
        counts,
        num_clusters=num_topics,
        seeds=seeds,
        seeded_documents=seeded_documents,
        company=company,
        seed=seed,
        progress=progress,
    ).clusters
    topics, _ = topics_of_clusters(counts, clusters, num_topics)
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
