"""In which order sentences are shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.reviewing.review_sentences import ReviewSentences
from tfp_dgm.reviewing.row_queue import DISPUTED, DOUBT, RANDOM, SUSPECT, TEACH, ItemQueue

SENTENCE_ORDERS = {
    TEACH: "what teaches most",
    DOUBT: "the most doubtful",
    SUSPECT: "tags that look wrong",
    RANDOM: "at random",
    DISPUTED: "where people differ",
}
_OVERHEAD = 5  # What a sentence takes to be read beside its words, in words.


class SentenceQueue(ItemQueue):
    """The sentences in several orders; those whose tags are all given come in no order but one.

    The most doubtful are those of which most words are expected to be wrong, by the length of what
    there is to read.

    Args:
      rows: what is reviewed.
      teaching: int [n]; the sentences that teach most, best first; the others follow by doubt.
      seed: of the random order.
    """

    def __init__(
        self, rows: ReviewSentences, teaching: NDArray[np.int64] | None = None, *, seed: int = 0
    ) -> None:
        guesses = rows.guesses
        unanswered = np.flatnonzero(~np.array(rows.given, bool))
        wrong = np.array(
            [guesses.doubt[n].sum() / (len(rows.tokens[n]) + _OVERHEAD) for n in unanswered]
        )
        doubt = unanswered[np.argsort(-wrong, kind="stable")]
        first = np.zeros(0, np.int64) if teaching is None else teaching
        least = {
            number: min(guesses.results[number].probabilities[word] for word in words)
            for number in range(len(rows))
            if (words := guesses.suspects(number))
        }

        def guessed(name: str) -> NDArray[np.bool_]:
            scheme = rows.scheme
            return np.array(
                [
                    any(name in (scheme.type_of(label), label) for label in labels)
                    for labels in guesses.labels
                ],
                bool,
            )

        super().__init__(
            rows.texts,
            {
                TEACH: np.concatenate([first, doubt[~np.isin(doubt, first)]]),
                DOUBT: doubt,
                SUSPECT: np.array(sorted(least, key=lambda n: least[n]), np.int64),
                RANDOM: np.random.default_rng(seed).permutation(unanswered),
            },
            ~np.array(rows.given, bool),
            guessed,
        )
