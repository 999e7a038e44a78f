"""What encoders are worth on a sample: by how much they make labels that were not seen likelier."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse

from tfp_dgm.confidence import copies, counts_of, fit_temperature, mixture_weights, temper
from tfp_dgm.labelling.folds import FOLDS, folds
from tfp_dgm.labelling.naive_bayes import naive_bayes_em
from tfp_dgm.labelling.self_training import fit_logistic_regressions, softmax

# Prior count and temperature of naive Bayes: the one that doubts.
_PRIOR_COUNT, _TEMPERATURE = 0.03, 4.0
_MOST_ANNOTATED, _MOST_OTHERS = 1000, 1000
_STEPS = 30
_LEAST_PROBABILITY = 1e-6
_COMMON_SPREAD, _PRIOR_VALUES = 0.35, 10


class Gain(NamedTuple):
    """Nats an annotation: the mean, and its standard error."""

    mean: float
    error: float


def sampled_rows(allowed: np.ndarray, seed: int) -> np.ndarray:
    """Numbers of at most 1,000 annotated rows and 1,000 others, drawn at random, in order.

    Args:
      allowed: bool [N, K]; the classes that each annotation allows; all True = no annotation.
      seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    none = allowed.all(axis=1)
    annotated = rng.permutation(np.flatnonzero(~none))[:_MOST_ANNOTATED]
    others = rng.permutation(np.flatnonzero(none))[:_MOST_OTHERS]
    return np.sort(np.concatenate([annotated, others]))


def encoder_gains(
    vectors: Mapping[str, np.ndarray],
    texts: Sequence[str],
    words: scipy.sparse.csr_matrix,
    semantic: np.ndarray,
    allowed: np.ndarray,
    *,
    seed: int,
) -> dict[str, Gain]:
    """The log-likelihood of annotations beyond that of words, in nats an annotation.

        gain = mean_n log p(annotation_n | words, vectors) - log p(annotation_n | words)

    where each p is cross-fitted: by models that did not see the annotation, nor one of a copy of
    its text. It is a mixture, as the classifier's is: of naive Bayes by EM on the words of all rows
    and of logistic regression on latent semantic directions; with vectors, also on these alone and
    on both together.

    Args:
      vectors: by the encoder's name, float32 [n, E]; 0 in rows without an annotation, whose
        vectors are not looked at.
      texts: n texts.
      words: sparse [n, V]; TF-IDF.
      semantic: float32 [n, L]; latent semantic directions, of unit length.
      allowed: bool [n, K]; the classes that each annotation allows; all True = no annotation.
      seed: of the folds.
    """
    rows = np.flatnonzero(~allowed.all(axis=1))
    known = allowed[rows]
    group = copies([texts[int(row)] for row in rows], words[rows])
    fold = folds(known, group, seed)
    visible = fold[:, np.newaxis] != np.arange(FOLDS)  # [m, F]
    # Copies of one text count once, together.
    counts = counts_of(group)
    bayes = naive_bayes_em(
        words,
        rows,
        known,
        visible,
        counts,
        prior_count=_PRIOR_COUNT,
        temperature=_TEMPERATURE,
    ).predict(words)[rows, :, fold]
    weights = visible * counts[:, np.newaxis]
    targets = np.repeat((known / known.sum(axis=1, keepdims=True))[..., np.newaxis], FOLDS, axis=2)

    def regression(*parts: np.ndarray) -> np.ndarray:
        ones = np.ones((len(rows), 1))
        x = np.hstack([*(part[rows] for part in parts), ones]).astype(np.float32)
        heads = fit_logistic_regressions(
            x, targets.astype(np.float32), weights.astype(np.float32), steps=_STEPS
        )
        logits = (x @ heads.reshape(x.shape[1], -1)).reshape(targets.shape)
        return softmax(logits)[range(len(rows)), :, fold]

    plain = [bayes, regression(semantic)]
    base = log_likelihoods(plain, known, counts)
    gains = {}
    for name, found in vectors.items():
        members = [*plain, regression(found, semantic), regression(found)]
        gains[name] = mean_gain(
            log_likelihoods(members, known, counts) - base, counts, _COMMON_SPREAD
        )
    return gains


def log_likelihoods(
    members: list[np.ndarray],
    allowed: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """[m], of annotations under a mixture of cross-fitted answers [m, K] each.

    Its temperatures are fitted to these annotations, and its weights where they are not given.
    """
    tempered = [temper(one, fit_temperature(one, allowed, counts)) for one in members]
    if weights is None:
        weights = mixture_weights(tempered, allowed, counts, np.ones(len(members)))
    mixed = sum(weight * one for weight, one in zip(weights, tempered, strict=True))
    return np.log(np.maximum((mixed * allowed).sum(axis=1), _LEAST_PROBABILITY))


def mean_gain(values: np.ndarray, counts: np.ndarray, common_spread: float) -> Gain:
    """The mean [m] -> 1; its error, of few values, by how much such values commonly differ."""
    total = counts.sum()
    mean = float(np.average(values, weights=counts))
    squares = (counts * (values - mean) ** 2).sum() + _PRIOR_VALUES * common_spread**2
    return Gain(mean, float(np.sqrt(squares / (total + _PRIOR_VALUES) / total)))
