"""Words that say nothing of what a text is about, known by the company they keep."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.stats import poisson

_DOCUMENTS = 5_000
_CANDIDATES = 500  # The words in most documents.
_COMPANY = 4_000  # Words that are looked for beside them.
_LEAST_SHARE = 0.005  # Of the documents.
_MOST_TOKENS = 0.5  # About what articles, pronouns and the like are in languages of Europe.
_SPECIFIC = 0.15  # Nats.


def common_words(counts: scipy.sparse.csr_matrix) -> NDArray[np.bool_]:
    """Finds a corpus's stop words without a list, in any language.

    A stop word stands in many documents, whose other words are those of all documents; a word with
    a topic stands beside words of its topic. Of the 500 words in most documents, those are taken
    whose company q(v | w) is nearest to the corpus's q(v),

        KL(w) = sum_v q(v | w) log(q(v | w) / q(v)),

    until half of all tokens are covered. The plain estimate of KL is the larger the rarer a word
    is, as is wanted here. Never taken is a word whose KL is 0.15 nats above what chance would give
    it: a corpus whose stop words are gone already has few.

    Args:
      counts: word counts [N, V]; of more than 5,000 documents every so many are read.
    Returns:
      bool [V].
    """
    counts = scipy.sparse.csr_matrix(counts)
    step = -(-counts.shape[0] // _DOCUMENTS)
    counts = counts[::step]
    tokens = np.asarray(counts.sum(axis=0)).ravel()
    present = (counts > 0).astype(np.float64)
    documents = np.asarray(present.sum(axis=0)).ravel()
    order = np.argsort(-documents, kind="stable")
    asked = order[:_CANDIDATES]
    asked = asked[documents[asked] >= max(2, _LEAST_SHARE * counts.shape[0])]
    common = np.zeros(counts.shape[1], np.bool_)
    if not len(asked):
        return common
    divergence, excess = _divergences(present[:, order[:_COMPANY]], len(asked))
    ranked = np.argsort(divergence, kind="stable")
    ranked = ranked[excess[ranked] < _SPECIFIC]
    covered = np.cumsum(tokens[asked[ranked]]) / tokens.sum()
    common[asked[ranked[covered <= _MOST_TOKENS]]] = True
    return common


def _divergences(
    present: scipy.sparse.csr_matrix, number: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """KL of the first words' company, and how far it is above what chance gives: [number] each."""
    together = (present[:, :number].T @ present).toarray()  # [number, V]
    share = np.tile(np.asarray(present.sum(axis=0)).ravel(), (number, 1))
    itself = np.arange(number)
    together[itself, itself] = 0
    share[itself, itself] = 0
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1)
    seen = together.sum(axis=1)
    expected = seen[:, np.newaxis] * share
    ratio = np.where(together > 0, together, 1) / np.where(together > 0, expected, 1)
    total = np.maximum(seen, 1)
    divergence = (together * np.log(ratio)).sum(axis=1) / total
    return divergence, divergence - _by_chance(expected).sum(axis=1) / total


def _by_chance(expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """E[n log(n / m)] of a Poisson n of mean m, from a table."""
    logs = np.linspace(np.log(1e-4), np.log(1e3), 100)  # Above 1,000 it is a half.
    table = []
    for mean in np.exp(logs):
        n = np.arange(1, int(mean + 12 * np.sqrt(mean) + 30))
        table.append((n * np.log(n / mean) * poisson.pmf(n, mean)).sum())
    return np.interp(np.log(np.maximum(expected, 1e-4)), logs, table)
