"""How likely texts are under their topics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm.topic_modelling.topic_fitting import TopicFit

_DOCUMENTS, _DRAWS = 300, 50


@dataclass(frozen=True)
class TopicEvidence:
    """An importance-weighted bound on the log-likelihood of some of the documents.

    Attributes:
      nats_a_word: of their words; higher is better.
      perplexity: exp of its negative.
      documents: how many, of those that the topics were learned from.
      draws: of the posterior, for each.
    """

    nats_a_word: float
    perplexity: float
    documents: int
    draws: int


def topic_evidence(
    fit: TopicFit,
    counts: scipy.sparse.csr_matrix,
    contexts: NDArray[np.floating] | None = None,
    *,
    seed: int = 0,
) -> TopicEvidence:
    """`TopicFit.log_likelihood` of 300 documents at most, drawn by the seed, by 50 draws each.

    Args:
      fit: the topics.
      counts: [N, V], sparse; documents without words are left out, and not all are.
      contexts: [N, H], of a "ctm".
      seed: of documents and draws.
    """
    rows = np.flatnonzero(np.asarray(counts.sum(axis=1)).ravel() > 0)
    rows = np.random.default_rng(seed).permutation(rows)[:_DOCUMENTS]
    own = None if contexts is None else contexts[rows]
    nats = fit.log_likelihood(counts[rows], own, num_samples=_DRAWS, seed=seed).sum()
    mean = float(nats / counts[rows].sum())
    return TopicEvidence(mean, float(np.exp(-mean)), len(rows), _DRAWS)
