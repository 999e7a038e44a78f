"""Which rows of a review teach most."""

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.labelling.annotate_next import informative_rows
from tfp_dgm.reviewing.review_rows import ReviewRows

_COUNT = 300


def teaching_rows(rows: ReviewRows, count: int = _COUNT) -> NDArray[np.int64]:
    """Rows without label that are in doubt, typical of the rest, unlike each other, of every kind.

    They are picked by `informative_rows`; a row's doubt is 1 less the margin between its two most
    probable classes, all that a labelled table tells, and its kind is its guess.

    Returns:
      int [at most `count`]; row numbers from 0, best first.
    """
    guesses = rows.guesses
    unlabelled = np.flatnonzero([not label for label in rows.given])
    margin = guesses.probability[unlabelled] - guesses.second_probability[unlabelled]
    _, kinds = np.unique(guesses.label, return_inverse=True)
    doubt = np.clip(1 - margin, 0, 1)
    return informative_rows(rows.texts, unlabelled, doubt, kinds[unlabelled], count)
