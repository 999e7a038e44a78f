"""CIDEr-D: agreement of a caption with the consensus of its references."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MAX_ORDER = 4
_SIGMA = 6.0

Words = Sequence[str]
_NGram = tuple[str, ...]


def cider_d(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]]
) -> NDArray[np.float64]:
    """CIDEr-D [1] of each candidate, from 0 to 10.

        10 / 4 sum_n mean_j exp(-(|c| - |r_j|)^2 / (2 sigma^2)) min(g(c), g(r_j)) . g(r_j)
                                                               / (|g(c)| |g(r_j)|)

    with sigma = 6, g the vector of counts of n-grams, each times log(N / images whose references
    hold it). The frequencies are those of the references given, so that one image alone scores 0.
    As in the authors' evaluation code, words are not stemmed, and lengths count pairs of words.

    Args:
      candidates: N lists of words.
      references: N lists of at least one list of words.
    Returns:
      float64 [N].
    References:
      [1] Vedantam, Zitnick and Parikh. CIDEr: Consensus-based Image Description Evaluation.
        CVPR 2015. arXiv:1411.5726
    """
    counted = [[_ngrams(words) for words in texts] for texts in references]
    documents = Counter(gram for texts in counted for gram in set().union(*texts))
    log_images = math.log(len(references))
    weight = {gram: log_images - math.log(count) for gram, count in documents.items()}
    scores = []
    for words, texts in zip(candidates, counted, strict=True):
        candidate = _Vectors(_ngrams(words), weight, log_images)
        others = [_Vectors(counts, weight, log_images) for counts in texts]
        scores.append(np.mean([_similarity(candidate, other) for other in others]))
    return 10 * np.array(scores)


def _ngrams(words: Words) -> Counter[_NGram]:
    return Counter(
        tuple(words[start : start + order])
        for order in range(1, _MAX_ORDER + 1)
        for start in range(len(words) - order + 1)
    )


class _Vectors:
    """The weighted n-grams of a text, by order, with their norms and the text's length."""

    def __init__(self, counts: Counter[_NGram], weight: dict[_NGram, float], unseen: float) -> None:
        self.by_order: list[dict[_NGram, float]] = [{} for _ in range(_MAX_ORDER)]
        for gram, count in counts.items():
            self.by_order[len(gram) - 1][gram] = count * weight.get(gram, unseen)
        self.norms = [math.sqrt(sum(v * v for v in part.values())) for part in self.by_order]
        self.length = sum(count for gram, count in counts.items() if len(gram) == 2)


def _similarity(candidate: _Vectors, reference: _Vectors) -> float:
    """Mean over the orders, with the penalty of different lengths."""
    total = 0.0
    for order in range(_MAX_ORDER):
        norms = candidate.norms[order] * reference.norms[order]
        if norms > 0:
            other = reference.by_order[order]
            dot = sum(
                min(value, other[gram]) * other[gram]
                for gram, value in candidate.by_order[order].items()
                if gram in other
            )
            total += dot / norms
    penalty = math.exp(-((candidate.length - reference.length) ** 2) / (2 * _SIGMA**2))
    return penalty * total / _MAX_ORDER
