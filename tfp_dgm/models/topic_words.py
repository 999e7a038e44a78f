"""The words that tell a topic from the others."""

import numpy as np
from numpy.typing import NDArray

# The weight of a word's probability beside its lift: both count the same.
PROBABILITY_WEIGHT = 0.5


def distinctive_words(
    topics: NDArray[np.floating],
    shares: NDArray[np.floating],
    num_words: int = 10,
    *,
    probability_weight: float = PROBABILITY_WEIGHT,
) -> NDArray[np.int64]:
    """The words most relevant to each topic, int64 [K, n], best first.

        relevance(w, k) = a log p(w | k) + (1 - a) log (p(w | k) / p(w))

    The words that are commonest in a topic are common in others too; those of the largest lift
    alone are rare everywhere. [1] finds a weight of 0.6 best for people; of 0.3, 0.5, 0.7 and 1,
    0.5 is the most coherent at which 25 words a topic stay diverse on all collections that were
    asked (`benchmarks/topic_choices.py`). Ties stand in the order of the vocabulary.

    Args:
      topics: [K, V]; p(w | k), rows that sum to one.
      shares: [K]; p(k).
      num_words: n, at most V.
      probability_weight: a, from 0 to 1.
    References:
      [1] Sievert and Shirley. LDAvis: A method for visualizing and interpreting topics. 2014.
    """
    topics = np.asarray(topics, np.float64)
    marginal = np.asarray(shares, np.float64) @ topics / np.sum(shares)  # [V]
    tiny = np.finfo(np.float64).tiny
    relevance = np.log(np.maximum(topics, tiny)) - (1 - probability_weight) * np.log(
        np.maximum(marginal, tiny)
    )
    return np.argsort(-relevance, axis=1, kind="stable")[:, :num_words]
