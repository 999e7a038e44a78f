"""How good topics are: coherent, diverse, predictive, and found again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tfp_dgm.evaluation.word_cooccurrences import WordCooccurrences

_ROWS_AT_ONCE = 1024
_C_V_WINDOW = 110

# Counts [n, V] of what is known of documents -> probabilities [n, V] of their further words.
WordProbabilities = Callable[[scipy.sparse.csr_matrix], NDArray[np.floating]]


def topic_npmi(
    topics: Sequence[Sequence[str]],
    documents: Sequence[Sequence[str]],
    *,
    window: int | None = None,
    as_gensim: bool = False,
) -> NDArray[np.float64]:
    """Coherence of topics: the mean NPMI of the pairs of their words [1].

    With `window=10` and `as_gensim` this is gensim's c_npmi, which OCTIS reports of ten words a
    topic. Words that never meet have a low value, and none is NaN; see `WordCooccurrences.npmi`.

    Args:
      topics: the words of K topics, two or more each.
      documents: N lists of tokens, in which words are looked for.
      window: words meet within so many tokens; None where they meet in a document.
      as_gensim: whether windows are counted as gensim does; see `WordCooccurrences.of`.
    Returns:
      float64 [K], from -1 to 1.
    Raises:
      ValueError: if there is no document, no topic, or a topic of fewer than two words.
    References:
      [1] Lau, Newman and Baldwin. Machine reading tea leaves: automatically evaluating topic
        coherence and topic model quality. EACL 2014.
    """
    found = _cooccurrences(topics, documents, window, as_gensim)
    coherences = []
    for topic in topics:
        values = found.npmi(topic)
        coherences.append(values[~np.eye(len(topic), dtype=bool)].mean())
    return np.array(coherences)


def topic_c_v(
    topics: Sequence[Sequence[str]],
    documents: Sequence[Sequence[str]],
    *,
    window: int = _C_V_WINDOW,
    as_gensim: bool = False,
) -> NDArray[np.float64]:
    """Coherence C_v of topics: how alike the company of each word is to that of all [1].

    A word's vector is its NPMI with all words of its topic; C_v is the mean cosine of these vectors
    and their sum.

    Args:
      topics, documents, as_gensim, raises: see `topic_npmi`.
      window: words meet within so many tokens.
    Returns:
      float64 [K]; words that never stand in a document count 0.
    References:
      [1] Roeder, Both and Hinneburg. Exploring the space of topic coherence measures. WSDM 2015.
    """
    found = _cooccurrences(topics, documents, window, as_gensim)
    coherences = []
    for topic in topics:
        vectors = found.npmi(topic)
        unseen = np.diag(vectors) < 0
        vectors[unseen], vectors[:, unseen] = 0, 0
        total = vectors.sum(axis=0)
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(total)
        coherences.append((vectors @ total / np.where(lengths > 0, lengths, 1)).mean())
    return np.array(coherences)


def topic_diversity(topics: Sequence[Sequence[str]]) -> float:
    """The share of distinct words among the words of all topics, from 0 to 1 [1].

    Args:
      topics: the words of K topics; usually 25 each.
    Raises:
      ValueError: if there is none.
    References:
      [1] Dieng, Ruiz and Blei. Topic modeling in embedding spaces. TACL 2020.
    """
    words = [word for topic in topics for word in topic]
    if not words:
        raise ValueError("topics: expected at least one word; received none")
    return len(set(words)) / len(words)


def document_completion(
    counts: scipy.sparse.csr_matrix, predict: WordProbabilities, *, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How probable one half of each document's words is, given the other half [1].

    Each token falls in either half at random.

    Args:
      counts: word counts [N, V] of documents that the model has not seen.
      predict: counts [n, V] of the known halves -> probabilities [n, V] of any further word; a
        topic model's are its mixtures times its topics.
      seed: of the halves.
    Returns:
      float64 [N], nats, the log-probability of each other half's tokens; and int64 [N], how many
      they are.
    References:
      [1] Wallach, Murray, Salakhutdinov and Mimno. Evaluation methods for topic models. ICML 2009.
    """
    counts = scipy.sparse.csr_matrix(counts)
    known = counts.copy()
    whole = counts.data.astype(np.int64)
    known.data = np.random.default_rng(seed).binomial(whole, 0.5).astype(counts.dtype)
    asked = counts - known
    known.eliminate_zeros()
    asked.eliminate_zeros()
    likelihood = np.zeros(counts.shape[0])
    for start in range(0, counts.shape[0], _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        probabilities = np.asarray(predict(known[rows]), np.float64)
        tokens = asked[rows].tocoo()
        logs = np.log(np.maximum(probabilities[tokens.row, tokens.col], np.finfo(float).tiny))
        likelihood[rows] = np.bincount(
            tokens.row, weights=tokens.data * logs, minlength=tokens.shape[0]
        )
    return likelihood, np.asarray(asked.sum(axis=1)).ravel().astype(np.int64)


def document_completion_perplexity(
    counts: scipy.sparse.csr_matrix, predict: WordProbabilities, *, seed: int = 0
) -> float:
    """exp of the mean negative log-probability of a held-out word; lower is better.

    Args: see `document_completion`.
    Raises:
      ValueError: if no word falls in the halves that are asked for.
    """
    likelihood, tokens = document_completion(counts, predict, seed=seed)
    if not tokens.sum():
        raise ValueError("counts: expected documents with words; received none to be asked for")
    return float(np.exp(-likelihood.sum() / tokens.sum()))


def match_topics(
    first: NDArray[np.floating], second: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which topic of one model is which of another: the best assignment (the Hungarian algorithm).

    Two topics are alike by 1 - JS / log 2, where JS is the Jensen-Shannon divergence of their
    words.

    Args:
      first: [K, V]; rows are distributions over words.
      second: [L, V].
    Returns:
      int64 [K], the partner of each topic of the first, -1 where L < K leaves none; and float64
      [K], how alike they are, from 0 to 1, 0 without partner.
    Raises:
      ValueError: if the vocabularies differ.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"second: expected topics [L, V] over as many words as the first, {first.shape}; "
            f"received {second.shape}"
        )
    alike = np.array([_similarity(topic, second) for topic in first.astype(np.float64)])
    rows, columns = linear_sum_assignment(alike, maximize=True)
    partner = np.full(len(first), -1)
    similarity = np.zeros(len(first))
    partner[rows], similarity[rows] = columns, alike[rows, columns]
    return partner, similarity


def topic_stability(
    fits: Sequence[NDArray[np.floating]], *, top_words: int = 10
) -> tuple[float, NDArray[np.float64]]:
    """How far models from different seeds find the same topics.

    Topics are matched as `match_topics` does; two that are matched are as stable as the share of
    their most probable words that they have in common, of all that either has (Jaccard's index).

    Args:
      fits: two or more models' topics [K, V].
      top_words: how many words stand for a topic.
    Returns:
      The mean over all pairs of models and their topics, from 0 to 1; and float64 [K], that of each
      topic of the first model, over the other models.
    Raises:
      ValueError: if there are fewer than two models.
    """
    if len(fits) < 2:
        raise ValueError(f"fits: expected two or more; received {len(fits)}")
    found = {
        (a, b): _overlaps(np.asarray(fits[a]), np.asarray(fits[b]), top_words)
        for a, b in combinations(range(len(fits)), 2)
    }
    of_first = np.mean([found[0, b] for b in range(1, len(fits))], axis=0)
    return float(np.mean([overlaps.mean() for overlaps in found.values()])), of_first


def _overlaps(
    first: NDArray[np.floating], second: NDArray[np.floating], top_words: int
) -> NDArray[np.float64]:
    partner, _ = match_topics(first, second)
    words = [
        [set(np.argsort(-topic, kind="stable")[:top_words].tolist()) for topic in topics]
        for topics in (first, second)
    ]
    return np.array(
        [
            0.0 if other < 0 else len(mine & words[1][other]) / len(mine | words[1][other])
            for mine, other in zip(words[0], partner.tolist(), strict=True)
        ]
    )


def _similarity(topic: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """1 - JS / log 2 of a topic [V] and each of [L, V]."""
    middle = (topic + others) / 2

    def divergence(p: NDArray[np.floating]) -> NDArray[np.floating]:
        ratio = np.where(p > 0, p, 1.0) / np.where(p > 0, middle, 1.0)
        return (p * np.log(ratio)).sum(axis=-1)

    both = (divergence(np.broadcast_to(topic, others.shape)) + divergence(others)) / 2
    return np.clip(1 - both / np.log(2), 0, 1)


def _cooccurrences(
    topics: Sequence[Sequence[str]],
    documents: Sequence[Sequence[str]],
    window: int | None,
    as_gensim: bool,
) -> WordCooccurrences:
    few = [number for number, topic in enumerate(topics) if len(topic) < 2]
    if few or not len(topics):
        raise ValueError(
            "topics: expected one or more of two words or more; received "
            + (f"topic {few[0]} of {len(topics[few[0]])}" if few else "none")
        )
    words = [word for topic in topics for word in topic]
    return WordCooccurrences.of(words, documents, window=window, as_gensim=as_gensim)
