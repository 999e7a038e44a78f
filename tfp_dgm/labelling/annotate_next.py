"""Which rows a person should annotate next, so that little work teaches much."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from tfp_dgm.labelling.outcome import Outcome

_MAX_CANDIDATES = 2000
_MAX_SAMPLE = 2000
_MAX_CHARACTERS = 1000
_NEGLIGIBLE = 1e-6


def annotate_next(outcome: Outcome, count: int = 20) -> NDArray[np.int64]:
    """Picks rows that are in doubt, typical of the rest, unlike each other, and of every kind.

    Rows are picked by `informative_rows`. Doubt is entropy / log(K); a row's kind is its predicted
    class, or that it is unlike everything annotated (`Outcome.unlike_labelled`): these are doubtful
    for another reason, and no more than half of what is picked.

    Args:
      outcome: the labelled data set.
      count: how many rows to pick.
    Returns:
      int [at most `count`]; row numbers from 0, without observed label, best first. Fewer where
      the rest is certain, has no words, or repeats what was picked.
    """
    open_rows = np.flatnonzero(outcome.observed < 0)
    doubt = stats.entropy(outcome.constrained[open_rows].astype(np.float64), axis=1)
    doubt /= np.log(max(2, len(outcome.classes)))
    novel = len(outcome.classes)  # The kind after those of the classes.
    kinds = outcome.predicted[open_rows]
    kinds[np.isin(open_rows, outcome.unlike_labelled)] = novel
    return informative_rows(outcome.texts, open_rows, doubt, kinds, count, at_most_half=novel)


def informative_rows(
    texts: Sequence[str],
    open_rows: NDArray[np.int64],
    doubt: NDArray[np.float64],
    kinds: NDArray[np.int64],
    count: int,
    *,
    at_most_half: int | None = None,
) -> NDArray[np.int64]:
    """Picks rows one by one, each time the one of the highest

        doubt * mean similarity to the open rows
            * (1 - greatest similarity to a row picked before)
            / (1 + rows of the same kind picked before)

    which is information density (Settles 2010, section 3.6) times two discounts. Similarity is
    the cosine of TF-IDF vectors, so that a second copy of a text is never picked. On large data
    the most doubtful rows of each kind compete, and an even sample stands for the rest.
    There is no randomness.

    Args:
      texts: N texts.
      open_rows: int [n]; rows that may be picked.
      doubt: [n]; from 0 to 1.
      kinds: int [n]; of what kind each row is, from 0 on.
      count: how many to pick.
      at_most_half: a kind of which no more than half are picked.
    Returns:
      int [at most `count`]; of `open_rows`, best first.
    References:
      [1] Settles. Active Learning Literature Survey. University of Wisconsin-Madison, 2010.
    """
    chosen = _most_doubtful(doubt, kinds)
    if count < 1 or not len(chosen):
        return np.zeros(0, np.int64)

    sample = _even_sample(len(open_rows))
    vectors = tfidf_vectors([texts[row] for row in open_rows[np.append(chosen, sample)]])
    candidates, others = vectors[: len(chosen)], vectors[len(chosen) :]
    typical = candidates @ np.asarray(others.mean(axis=0)).ravel()  # [candidates]
    value, kind = doubt[chosen] * typical, kinds[chosen]
    similar, picks_of = np.zeros(len(chosen)), np.zeros(int(kinds.max()) + 1)
    picked: list[int] = []
    while len(picked) < count:
        if at_most_half is not None and (kind[picked] == at_most_half).sum() >= count / 2:
            value = np.where(kind == at_most_half, 0, value)
        score = value * (1 - similar) / (1 + picks_of[kind])
        best = int(score.argmax())
        if similar[best] > 1 - _NEGLIGIBLE or value[best] <= _NEGLIGIBLE**2:
            break
        picked.append(best)
        picks_of[kind[best]] += 1
        cosine = np.asarray((candidates @ candidates[best].T).todense()).ravel()
        similar = np.clip(np.maximum(similar, cosine), 0, 1)
    return open_rows[chosen[picked]]


def _most_doubtful(doubt: NDArray[np.float64], kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most doubtful rows of each kind, about `_MAX_CANDIDATES` in all."""
    present = np.unique(kinds)
    share = -(-_MAX_CANDIDATES // max(1, len(present)))
    order = np.argsort(-doubt, kind="stable")
    chosen = [order[kinds[order] == kind][:share] for kind in present]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)


def _even_sample(length: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, length - 1, min(length, _MAX_SAMPLE)).astype(np.int64))


def tfidf_vectors(texts: list[str]) -> sparse.csr_matrix:
    """TF-IDF vectors of unit length, of a text's first characters; zero where it has no word."""
    hashing = HashingVectorizer(token_pattern=r"(?u)\w+", norm=None, alternate_sign=False)
    counts = hashing.transform([text[:_MAX_CHARACTERS] for text in texts])
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts)
