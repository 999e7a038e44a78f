"""Batches of sparse counts, each dense while it is looked at."""

from typing import Any

import keras
import numpy as np
import scipy.sparse
from numpy.typing import NDArray


class CountBatches(keras.utils.PyDataset):
    """Counts [B, V], or {"counts": these, "context": [B, H]}, of documents in batches.

    All batches are of nearly one size; no more than one of them is dense at a time.

    Args:
      counts: [N, V], sparse.
      contexts: [N, H], vectors of the documents; None where there are none.
      batch_size: B, at most.
      seed: of the order, another one in each epoch; None keeps the documents' own.
    """

    def __init__(
        self,
        counts: scipy.sparse.csr_matrix,
        contexts: NDArray[np.floating] | None = None,
        *,
        batch_size: int,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.counts, self.contexts = counts, contexts
        self.number = max(1, -(-counts.shape[0] // batch_size))
        self.random = None if seed is None else np.random.default_rng(seed)
        self.order = np.arange(counts.shape[0])
        self.on_epoch_end()

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> tuple[Any]:
        rows = np.array_split(self.order, self.number)[index]
        counts = self.counts[rows].toarray()
        if self.contexts is None:
            return (counts,)
        return ({"counts": counts, "context": self.contexts[rows]},)

    def on_epoch_end(self) -> None:
        if self.random is not None:
            self.order = self.random.permutation(len(self.order))
