"""Texts unlike everything labelled: a population among the rest that the labels lack."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
from scipy.special import xlogy

from tfp_dgm.data.data_error import listing, shorten
from tfp_dgm.data.distinct_values import numbers_of_values
from tfp_dgm.labelling.naive_bayes import NaiveBayes, clamp

_SHARES = (0.05, 0.1, 0.15, 0.2, 0.3)  # Of the unlabelled rows: the windows that are looked at.
_DRAWS = 999
_DOUBT = 2.0  # By what factor a predicted share of a class may be too low.
_SIGNIFICANCE = 0.02
_LEAST_ROWS, _LEAST_SHARE = 10, 0.02
_START_SHARE, _ITERATIONS = 0.15, 20
_MAX_REFERENCES, _ROWS_AT_ONCE = 4000, 4096
_EXAMPLES, _WORDS, _QUOTED = 3, 6, 80


def unlike_labelled(
    texts: Sequence[str],
    words: scipy.sparse.csr_matrix,
    vectors: np.ndarray,
    rows: np.ndarray,
    allowed: np.ndarray,
    fold: np.ndarray,
    fold_probabilities: np.ndarray,
    *,
    seed: int = 0,
) -> np.ndarray:
    """Finds the rows without annotation that stand for what no annotation stands for.

    If every class is annotated, annotated rows that a model did not see are as novel as those
    without annotation, once they count so that each class has the share that is predicted of it
    (annotators may draw the classes unevenly). Novelty is measured in two ways, for each fold
    without its annotations:

    - by the probability of one class more, which starts from the least confident rows of every
      predicted class and is learned by EM beside the others;
    - by the cosine distance to the nearest annotated text.

    In the most novel 5 to 30 % of the unannotated rows, e annotated ones are expected and o are
    found (weighted; in all as many as would vary as much without weights). The likelihood ratio
    of a scan for low rates (Kulldorff 1997, eq. 4), the greatest over windows and both measures,
    is compared with that of unannotated rows drawn in the place of the annotated ones, each
    predicted to be of the same class, at a level of 2 %. Of a window of m rows, m (1 - o/e) are
    beyond what the annotated classes explain.

    Args:
      texts: N texts; of copies with annotations only the first is counted.
      words: sparse [N, V]; the texts as TF-IDF.
      vectors: float32 [N, D]; the texts as vectors, whose cosine is their similarity.
      rows: int [n]; the annotated rows.
      allowed: bool [n, K]; what their annotations allow.
      fold: int [n] in 0 to F - 1; the fold of each annotated row.
      fold_probabilities: float32 [N, K, F]; class probabilities by the model of each fold, which
        did not see that fold's annotations.
      seed: of the draws.
    Returns:
      int [m]; row numbers, the most novel first; none where chance explains them, where they are
      fewer than 10 or than 2 % of the unannotated rows.
    References:
      [1] Kulldorff. A spatial scan statistic. Communications in Statistics 26(6), 1997.
    """
    rng = np.random.default_rng(seed)
    unannotated = np.setdiff1d(np.arange(len(texts)), rows)
    judged = _judged([texts[row] for row in rows], fold)
    if not len(unannotated) or not judged.any():
        return np.zeros(0, np.int64)
    visible = fold[:, np.newaxis] != np.arange(fold_probabilities.shape[2])  # [n, F]
    measures = np.stack(
        [
            _extra_class(words, rows, allowed, visible, fold_probabilities),
            _distance(vectors, rows, visible, rng),
        ],
        axis=2,
    )  # [N, F, 2]
    windows = _windows(measures, unannotated)  # [N, F, 2, windows]
    unseen = fold_probabilities[rows, :, fold]  # [n, K]
    observed, expected, drawn, total = _counts(
        windows,
        rows[judged],
        fold[judged],
        np.where(allowed, unseen, -1).argmax(axis=1)[judged],
        unannotated,
        fold_probabilities.argmax(axis=1),
        rng,
    )
    ratio = _log_likelihood_ratio(observed, expected, total)  # [2, windows]
    chance = _log_likelihood_ratio(drawn, expected, total)  # [draws, 2, windows]
    if _p_value(ratio.max(axis=1), chance.max(axis=2)) > _SIGNIFICANCE:
        return np.zeros(0, np.int64)
    measure, window = np.unravel_index(ratio.argmax(), ratio.shape)
    excess = 1 - observed[measure, window] / expected[measure, window]
    count = round(_SHARES[window] * len(unannotated) * excess)
    if count < max(_LEAST_ROWS, _LEAST_SHARE * len(unannotated)):
        return np.zeros(0, np.int64)
    order = np.argsort(-measures[unannotated, :, measure].mean(axis=1), kind="stable")
    return unannotated[order[:count]]


def unlike_labelled_warning(
    found: np.ndarray,
    texts: Sequence[str],
    words: scipy.sparse.csr_matrix,
    vocabulary: Sequence[str],
    unannotated: int,
) -> str:
    """What a person should know of the rows that `unlike_labelled` found among `unannotated`."""
    mean = np.asarray(words.mean(axis=0)).ravel()
    theirs = np.asarray(words[found].mean(axis=0)).ravel()
    marks = [vocabulary[v] for v in np.argsort(mean - theirs, kind="stable")[:_WORDS]]
    examples = listing([shorten(texts[row], _QUOTED) for row in found[:_EXAMPLES]])
    return (
        f"About {len(found):,} of the {unannotated:,} rows without a label "
        f"({len(found) / unannotated:.0%}) look unlike everything labelled, such as {examples}; "
        f"words that mark them: {listing(marks, limit=_WORDS)}. They may belong to a class that "
        "has no labels, or too few; the precision promised for accepted labels does not cover "
        "them. Read some, and label them, with a class of their own where none fits."
    )


def _judged(texts: Sequence[str], fold: np.ndarray) -> np.ndarray:
    """bool [n]; the first of each text, unless a model of its fold has seen a copy."""
    copies = numbers_of_values(" ".join(text.split()).casefold() for text in texts)
    first = np.unique(copies, return_index=True)[1]
    judged = np.zeros(len(texts), bool)
    judged[first] = True
    seen = np.zeros(len(first), bool)
    np.logical_or.at(seen, copies, fold != fold[first][copies])
    return judged & ~seen[copies]


def _extra_class(
    words: scipy.sparse.csr_matrix,
    rows: np.ndarray,
    allowed: np.ndarray,
    visible: np.ndarray,
    probabilities: np.ndarray,
) -> np.ndarray:
    """The probability [N, F] of a class beside the K annotated ones, by EM of naive Bayes."""
    start = _least_confident(probabilities)  # [N, F]
    masks = np.pad(allowed, ((0, 0), (0, 1)))[:, :, np.newaxis].astype(np.float32)  # [n, K + 1, 1]
    found = np.empty(start.shape, np.float32)
    for model in range(start.shape[1]):  # One by one: all together are large.
        own = start[:, np.newaxis, model : model + 1]
        kept = probabilities[:, :, model : model + 1] * ~own
        known = np.concatenate([kept, own], axis=1).astype(np.float32)  # [N, K + 1, 1]
        for _ in range(_ITERATIONS):
            seen = visible[:, model : model + 1]
            known = clamp(known, rows, masks, seen, np.ones(len(rows)))
            known = NaiveBayes.fit(words, known).predict(words)
        found[:, model] = known[:, -1, 0]
    return found


def _least_confident(probabilities: np.ndarray) -> np.ndarray:
    """bool [N, F]; the least confident rows of each predicted class."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)  # [N, F]
    least = np.zeros(predicted.shape, bool)
    for model in range(predicted.shape[1]):
        for k in np.unique(predicted[:, model]):
            members = np.flatnonzero(predicted[:, model] == k)
            order = np.argsort(confidence[members, model], kind="stable")
            least[members[order[: int(_START_SHARE * len(members))]], model] = True
    return least


def _distance(
    vectors: np.ndarray, rows: np.ndarray, visible: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The cosine distance [N, F] to the nearest annotated text that each model may see."""
    chosen = rng.permutation(len(rows))[:_MAX_REFERENCES]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, 1e-9)
    references = [unit[rows[chosen[seen]]].T for seen in visible[chosen].T]  # F of [D, seen]
    nearest = np.full((len(vectors), len(references)), -1.0, np.float32)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        block = slice(start, start + _ROWS_AT_ONCE)
        for model, reference in enumerate(references):
            nearest[block, model] = (unit[block] @ reference).max(axis=1, initial=-1.0)
    return 1 - nearest


def _windows(measures: np.ndarray, unannotated: np.ndarray) -> np.ndarray:
    """bool [N, F, M, windows]; whether a row is among the most novel, by the unannotated ones."""
    ranked = np.sort(measures[unannotated], axis=0)[::-1]  # [N', F, M]
    last = [max(0, round(share * len(unannotated)) - 1) for share in _SHARES]
    limits = np.moveaxis(ranked[last], 0, -1)  # [F, M, windows]
    return measures[..., np.newaxis] >= limits


def _counts(
    windows: np.ndarray,
    rows: np.ndarray,
    fold: np.ndarray,
    given: np.ndarray,
    unannotated: np.ndarray,
    predicted: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Annotated rows in each window, weighted so that classes count as often as they are predicted.

    Returns:
      observed: float [M, windows]; as many as classes of twice the predicted share would explain,
        since the shares are only predicted.
      expected: float [M, windows].
      drawn: float [draws, M, windows]; observed, for unannotated rows of the class in their place.
      total: of the annotated rows; as many as, without weights, would vary as much (Kish).
    """
    expected = np.zeros(windows.shape[2:])
    drawn = np.zeros((_DRAWS, *windows.shape[2:]))
    weights = np.zeros(len(rows))
    for model in range(windows.shape[1]):
        for k in np.unique(given[fold == model]):
            theirs = np.flatnonzero((fold == model) & (given == k))
            others = unannotated[predicted[unannotated, model] == k]
            if len(others):
                weight = len(others) / (given == k).sum()
                weights[theirs] = weight
                expected += weight * len(theirs) * windows[others, model].mean(axis=0)
                for row in rng.choice(others, (len(theirs), _DRAWS)):
                    drawn += weight * windows[row, model]
    if not weights.any():
        return expected, expected, drawn, 0.0
    total = weights.sum() ** 2 / (weights**2).sum()
    scale = total / weights.sum()
    hits = windows[rows, fold]  # [n, M, windows]
    present = np.unique(given)
    rates = np.stack([hits[given == k].mean(axis=0) for k in present])  # [K, M, windows]
    shares = np.array([weights[given == k].sum() for k in present]) / weights.sum()
    return total * _most(rates, shares), expected * scale, drawn * scale, total


def _most(rates: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The greatest mean of rates [K, ...] where no class has more than twice its share [K]."""
    order = np.argsort(-rates, axis=0, kind="stable")
    room = np.minimum(np.cumsum(_DOUBT * shares[order], axis=0), 1)
    taken = np.diff(room, axis=0, prepend=0)
    return (taken * np.take_along_axis(rates, order, axis=0)).sum(axis=0)


def _log_likelihood_ratio(observed: np.ndarray, expected: np.ndarray, total: float) -> np.ndarray:
    """Of a rate in the window that is lower than elsewhere, in nats; 0 where it is not lower."""
    outside = total - expected
    ratio = xlogy(observed, observed / np.maximum(expected, 1e-12)) + xlogy(
        total - observed, (total - observed) / np.maximum(outside, 1e-12)
    )
    return np.where(observed < expected, ratio, 0.0)


def _p_value(found: np.ndarray, chance: np.ndarray) -> float:
    """That one of M statistics [M] is as extreme in draws [draws, M] of none: the least p's p."""
    together = np.concatenate([found[np.newaxis], chance])  # [1 + draws, M]
    ranks = np.sort(together, axis=0)
    below = np.stack(
        [
            np.searchsorted(column, values)
            for column, values in zip(ranks.T, together.T, strict=True)
        ]
    )
    least = (1 - below / len(together)).min(axis=0)  # [1 + draws]
    return float((least <= least[0]).mean())
