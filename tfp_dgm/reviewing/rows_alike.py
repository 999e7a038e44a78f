"""Which rows of a review are like one of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RowsAlike:
    """Orders rows by the cosine of their texts' TF-IDF vectors with that of one row.

    The vectors are made at the first call, which takes seconds for a hundred thousand rows; then
    one takes milliseconds.

    Args:
      texts: of all N rows.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._vectors: Any = None
        self._turn = threading.Lock()
        self.order = lru_cache(maxsize=8)(self._order)

    def _order(self, row: int) -> NDArray[np.int64]:
        """int64 [N]; all rows, the most alike first, of equal ones the earlier first."""
        vectors = self._made()
        likeness = np.asarray((vectors @ vectors[row].T).todense()).ravel()
        return np.argsort(-likeness, kind="stable")

    def _made(self) -> Any:
        with self._turn:
            if self._vectors is None:
                from tfp_dgm.labelling.annotate_next import tfidf_vectors

                self._vectors = tfidf_vectors(list(self._texts))
            return self._vectors
