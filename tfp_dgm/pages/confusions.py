"""What is confused with what: a table or a heat map, and the commonest pairs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from tfp_dgm.pages.figures import confusion_figure

_NUM_PAIRS = 20


def confused(
    observed: NDArray[np.integer],
    predicted: NDArray[np.integer],
    names: Sequence[str],
    *,
    most_in_a_table: int,
    alt: str,
) -> dict[str, Any]:
    """Counts answers by what was given, for a page.

    Args:
      observed: int [n]; what was given.
      predicted: int [n]; what models say that did not see it.
      names: K of them.
      most_in_a_table: the largest K of which there is a table.
      alt: says in words what is to be seen in a heat map.
    Returns:
      "counts" [K, K], None where that is too large a table; "given" [K]; "figure", a heat map where
      there is no table; "pairs" of two names that are most often confused.
    """
    size = len(names)
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (observed, predicted), 1)
    given = counts.sum(axis=1)
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_NUM_PAIRS]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    is_small = size <= most_in_a_table
    return {
        "counts": counts.tolist() if is_small else None,
        "given": given.tolist(),
        "figure": None if is_small else Markup(confusion_figure(counts, alt=alt)),
        "pairs": [
            {
                "given": names[k],
                "predicted": names[j],
                "count": int(wrong[k, j]),
                "of": int(given[k]),
            }
            for k, j in pairs
            if wrong[k, j]
        ],
    }
