"""Which rows of a review teach most."""

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.distinct_values import numbers_of_values
from tfp_dgm.labelling.annotate_next import informative_rows
from tfp_dgm.reviewing.review_rows import Guesses, ReviewRows

_COUNT = 300


def teaching_rows(
    rows: ReviewRows,
    guesses: Guesses | None = None,
    answered: NDArray[np.bool_] | None = None,
    *,
    count: int = _COUNT,
) -> NDArray[np.int64]:
    """Rows without label that are in doubt, typical of the rest, unlike each other, of every kind.

    They are picked by `informative_rows`; a row's doubt is 1 less the margin between its two most
    probable classes, all that a labelled table tells, and its kind is its guess.

    Args:
      rows: of the review.
      guesses: a later model's; None takes those of `rows`.
      answered: bool [N]; rows to be left out; None for none.
      count: how many at most.
    Returns:
      int [at most `count`]; row numbers from 0, best first.
    """
    guesses = rows.guesses if guesses is None else guesses
    blank = np.array([not label for label in rows.given], bool)
    unlabelled = np.flatnonzero(blank if answered is None else blank & ~answered)
    margin = guesses.probability[unlabelled] - guesses.second_probability[unlabelled]
    kinds = numbers_of_values(guesses.label)
    doubt = np.clip(1 - margin, 0, 1)
    return informative_rows(rows.texts, unlabelled, doubt, kinds[unlabelled], count)
