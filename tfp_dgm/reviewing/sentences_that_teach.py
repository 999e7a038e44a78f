"""Which sentences of a review teach most."""

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.reviewing.review_sentences import ReviewSentences, TagGuesses
from tfp_dgm.tagging.next_sentences import sentences_to_annotate

_COUNT = 300


def teaching_sentences(
    rows: ReviewSentences,
    guesses: TagGuesses | None = None,
    answered: NDArray[np.bool_] | None = None,
    *,
    count: int = _COUNT,
) -> NDArray[np.int64]:
    """Sentences whose doubtful words are doubtful in many places; see `sentences_to_annotate`.

    Args:
      rows: of the review.
      guesses: a later model's; None takes those of `rows`.
      answered: bool [N]; sentences to be left out; None for none.
      count: how many at most.
    Returns:
      int [at most `count`]; numbers from 0, best first.
    """
    doubt = (rows.guesses if guesses is None else guesses).doubt
    if answered is not None:
        doubt = [0 * own if answered[row] else own for row, own in enumerate(doubt)]
    return np.array(sentences_to_annotate(rows.tokens, doubt, count), np.int64)
