"""Agreement of induced tags, or clusters, with what people gave."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, v_measure_score
from sklearn.metrics.cluster import contingency_matrix


def many_to_one_accuracy(gold: Sequence[object], induced: Sequence[object]) -> float:
    """The share of tokens that are right if each induced tag stands for its commonest gold tag.

    It rises with the number of induced tags; compare at one number, usually that of the gold tags.

    Args:
      gold, induced: N tags each.
    Returns:
      From 0 to 1.
    Raises:
      ValueError: if there are none, or not as many of both.
    """
    counts = _counts(gold, induced)
    return float(counts.max(axis=0).sum() / counts.sum())


def one_to_one_accuracy(gold: Sequence[object], induced: Sequence[object]) -> float:
    """The share of tokens that are right if each induced tag stands for a gold tag of its own.

    By the best assignment (the Hungarian algorithm); where there are more of one kind, some are
    left without a partner, and their tokens are wrong.

    Args, returns, raises: see `many_to_one_accuracy`.
    """
    counts = _counts(gold, induced)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / counts.sum())


def v_measure(gold: Sequence[object], induced: Sequence[object]) -> float:
    """The harmonic mean of homogeneity and completeness, from 0 to 1 [1].

    Args, raises: see `many_to_one_accuracy`.

    References:
      [1] Rosenberg and Hirschberg. V-Measure: A conditional entropy-based external cluster
        evaluation measure. EMNLP-CoNLL 2007.
    """
    _counts(gold, induced)
    return float(v_measure_score(gold, induced))


def tag_induction_scores(gold: Sequence[object], induced: Sequence[object]) -> dict[str, float]:
    """All three: "many_to_one", "one_to_one", "v_measure"."""
    return {
        "many_to_one": many_to_one_accuracy(gold, induced),
        "one_to_one": one_to_one_accuracy(gold, induced),
        "v_measure": v_measure(gold, induced),
    }


def clustering_scores(gold: Sequence[object], clusters: Sequence[object]) -> dict[str, float]:
    """How well clusters of documents agree with their classes.

    Args, raises: see `many_to_one_accuracy`.
    Returns:
      "accuracy", see `one_to_one_accuracy`; "normalized_mutual_information", over the mean of both
      entropies, from 0 to 1; and "adjusted_rand_index", 0 for clusters by chance, at most 1 [1].
    References:
      [1] Hubert and Arabie. Comparing partitions. Journal of Classification, 1985.
    """
    return {
        "accuracy": one_to_one_accuracy(gold, clusters),
        "normalized_mutual_information": float(normalized_mutual_info_score(gold, clusters)),
        "adjusted_rand_index": float(adjusted_rand_score(gold, clusters)),
    }


def _counts(gold: Sequence[object], induced: Sequence[object]) -> NDArray[np.int64]:
    """[gold tags, induced tags], how many tokens have both."""
    if len(gold) != len(induced) or not len(gold):
        raise ValueError(
            f"gold: expected as many tags as induced ones, at least one; received {len(gold)} and "
            f"{len(induced)}"
        )
    return contingency_matrix(gold, induced)
