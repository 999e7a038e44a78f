"""Topics of word counts, fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.models import distinctive_words
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.topic_modelling.fitting_checks import require_counts, require_topics
from tfp_dgm.topic_modelling.lda_fitting import fit_lda, lda_mixtures_of


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
        return mixtures_of(self.model, counts)


def mixtures_of(model: Any, counts: scipy.sparse.csr_matrix) -> NDArray[np.float32]:
    """What documents have of the topics of a fitted model, [N, K], of sparse counts [N, V]."""
    return lda_mixtures_of(model, counts)


def fit_topics(
    counts: scipy.sparse.csr_matrix,
    *,
    num_topics: int,
    vocabulary: Sequence[str] | None = None,
    seeds: Sequence[Sequence[int]] | None = None,
    seeded_documents: NDArray[np.integer] | None = None,
    company: bool | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TopicFit:
    """Fits latent Dirichlet allocation to word counts; see `fit_lda`.

    Args:
      counts: [N, V], sparse; rows of zeros are documents of which nothing is known.
      num_topics: K, 1 and more; topics that the documents do not fill stay empty.
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
    length = np.asarray(counts.sum(axis=1), np.float32)
    shares = (mixtures * length).sum(axis=0) / max(float(length.sum()), 1.0)
    return TopicFit(lda, np.asarray(lda.topics), mixtures, shares, history.bound)
