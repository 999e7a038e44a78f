"""How often words meet: in documents, or in windows that slide over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

# Added to joint probabilities, as gensim does, whose values are those of most papers.
EPSILON = 1e-12
_TOKENS_AT_ONCE = 65_536


@dataclass(frozen=True)
class WordCooccurrences:
    """In how many windows R words stand, alone and together.

    Attributes:
      words: R distinct words.
      windows: how many windows there are.
      together: int64 [R, R]; the windows that hold both words, on the diagonal those that hold one.
    """

    words: tuple[str, ...]
    windows: int
    together: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        words: Sequence[str],
        documents: Sequence[Sequence[str]],
        *,
        window: int | None = None,
        as_gensim: bool = False,
    ) -> WordCooccurrences:
        """Counts words in documents.

        A window of w tokens begins at each token of a document that has w - 1 tokens after it; a
        shorter document is one window. A word counts once in a window.

        Args:
          words: those that are asked about; repetitions count once.
          documents: N lists of tokens.
          window: tokens in a window; None takes each document as one.
          as_gensim: whether to count as gensim 4 does, whose values most papers report: a word that
            stands twice in a window is no longer seen once the first of the two has left it.
        Raises:
          ValueError: if there is no document, or `window` is less than 1.
        """
        if not len(documents):
            raise ValueError("documents: expected one or more; received none")
        if window is not None and window < 1:
            raise ValueError(f"window: expected 1 token or more; received {window}")
        distinct = tuple(dict.fromkeys(words))
        numbers = {word: number for number, word in enumerate(distinct)}
        together = np.zeros((len(distinct), len(distinct)), np.int64)
        windows = 0
        for batch in _batches(documents):
            found = _windows_of_words(batch, numbers, window, as_gensim)
            windows += found.shape[0]
            together += (found.T @ found).toarray()
        return cls(distinct, windows, together)

    def npmi(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Normalised pointwise mutual information of each pair of n words, float64 [n, n].

            npmi[i, j] = log((p[i, j] + 1e-12) / (p[i] p[j])) / -log(p[i, j] + 1e-12)

        Never NaN: a word that stands in no window has -1 with all words; two that are in every
        window say nothing of each other and have 0.

        Args:
          words: of `self.words`.
        """
        numbers = {word: number for number, word in enumerate(self.words)}
        rows = [numbers[word] for word in words]
        joint = self.together[np.ix_(rows, rows)] / self.windows
        alone = np.diag(joint)
        seen = np.outer(alone > 0, alone > 0)
        said = seen & (joint < 1)
        information = np.log(
            np.where(said, joint + EPSILON, 1.0) / np.where(said, np.outer(alone, alone), 1.0)
        )
        surprise = -np.log(np.where(said, joint + EPSILON, 0.5))
        return np.where(seen, information / surprise, -1.0)


def _batches(documents: Sequence[Sequence[str]]) -> list[list[Sequence[str]]]:
    """Documents in order, some tokens at once."""
    batches: list[list[Sequence[str]]] = [[]]
    size = 0
    for document in documents:
        if size + len(document) > _TOKENS_AT_ONCE and batches[-1]:
            batches.append([])
            size = 0
        batches[-1].append(document)
        size += len(document)
    return batches


def _windows_of_words(
    documents: Sequence[Sequence[str]],
    numbers: dict[str, int],
    window: int | None,
    as_gensim: bool,
) -> scipy.sparse.csr_matrix:
    """Which of the R words stand in each window: int64 [windows, R] of 0 and 1."""
    lengths = np.array([len(document) for document in documents])
    of_tokens = np.fromiter(
        (numbers.get(token, -1) for document in documents for token in document),
        np.int64,
        int(lengths.sum()),
    )
    size = np.full(len(lengths), np.maximum(lengths, 1) if window is None else window)
    counts = np.maximum(lengths - size + 1, 1)  # Windows of each document.
    first_window = np.cumsum(counts) - counts
    place = np.arange(len(of_tokens)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    asked = np.flatnonzero(of_tokens >= 0)
    document = np.repeat(np.arange(len(lengths)), lengths)[asked]
    first = np.maximum(place[asked] - size[document] + 1, 0)
    left = _first_of_word(of_tokens, asked, first - place[asked]) if as_gensim else 0
    last = np.minimum(place[asked] + left, counts[document] - 1)
    spans = last - first + 1  # Windows that hold each token.
    steps = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans)
    row = np.repeat(first_window[document] + first, spans) + steps
    column = np.repeat(of_tokens[asked], spans)
    found = scipy.sparse.csr_matrix(
        (np.ones(len(row), np.int64), (row, column)), shape=(int(counts.sum()), len(numbers))
    )
    found.sum_duplicates()
    found.data[:] = 1
    return found


def _first_of_word(
    of_tokens: NDArray[np.int64],
    asked: NDArray[np.int64],
    back: NDArray[np.int64],
) -> NDArray[np.int64]:
    """How far before each of the tokens `asked` [n] its word stands first, `back` or nearer."""
    order = np.lexsort((asked, of_tokens[asked]))
    keys = of_tokens[asked] * len(of_tokens) + asked  # By word, then by place.
    # A document's tokens follow each other: no place of another is as near.
    found = np.searchsorted(keys[order], keys + back)
    return asked[order][found] - asked
