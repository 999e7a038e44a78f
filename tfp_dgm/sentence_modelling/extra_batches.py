"""Training sentences again, for steps that are none of the epochs'."""

import numpy as np

from tfp_dgm.text import BucketedBatches

# Past every seed that settings may have: the order is another than that of any training.
_OTHER_SEEDS = 2**31


class ExtraBatches:
    """The batches of further epochs of the same sentences, by their number; the order is its own.

    Args:
      batches: those of the training, with a seed.
    """

    def __init__(self, batches: BucketedBatches) -> None:
        seed = (batches.seed or 0) + _OTHER_SEEDS
        self._batches = BucketedBatches(batches.rows, batches.batch_size, seed=seed)

    def batch(self, number: int) -> tuple[np.ndarray]:
        """Token ids int32 [B, T], as `fit` takes them."""
        return self._batches[self._place(number)]

    def mean_length(self, number: int) -> float:
        """Tokens of a sentence of batch `number`, END included."""
        rows = self._batches.index(self._place(number))
        return float(self._batches.lengths[rows].mean())

    def _place(self, number: int) -> int:
        epoch, place = divmod(number, len(self._batches))
        if epoch != self._batches.epoch:
            self._batches.epoch = epoch
        return place
