"""Batches of texts of about one length, in an order that a seed decides."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.generated_data import generated_dataset
from tfp_dgm.text.stored_rows import StoredRows
from tfp_dgm.token_ids import PAD


class BucketedBatches(keras.utils.PyDataset):
    """Token rows -> int32 [B, T] batches for `fit`, sorted by length so that little is padding.

    Each epoch orders texts of one length and then the batches at random, by `seed` and the number
    of the epoch alone: whoever sets `epoch` gets that epoch's batches, whatever came before. `fit`
    must leave that order alone: `model.fit(batches, shuffle=False)`. The first two batches differ
    in T where any do: Keras takes the axis for a fixed one otherwise, and fails at another length.

    Args:
      rows: int arrays, END included.
      batch_size: B.
      seed: int; None keeps one order, about sorted by length, for evaluation.
      multiple_of: T is rounded up to it; a few static lengths compile faster under XLA.
      **kwargs: see `keras.utils.PyDataset`.
    """

    def __init__(
        self,
        rows: Sequence[np.ndarray],
        batch_size: int,
        *,
        seed: int | None = None,
        multiple_of: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not len(rows):
            raise ValueError("BucketedBatches: `rows` is empty; expected at least one text")
        if batch_size < 1 or multiple_of < 1:
            raise ValueError(
                "BucketedBatches: `batch_size` and `multiple_of` must be >= 1; "
                f"received {batch_size} and {multiple_of}"
            )
        self.rows = rows
        self.batch_size = batch_size
        self.seed = seed
        self.multiple_of = multiple_of
        # Those of stored rows are known without reading them.
        if isinstance(rows, StoredRows):
            self.lengths = rows.lengths
        else:
            self.lengths = np.array([len(row) for row in rows])
        self._within_epoch = False
        self.epoch = 0

    @property
    def epoch(self) -> int:
        """Number of the epoch whose batches stand ready; `fit` counts it up."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch = epoch
        if self.seed is None:
            order = np.argsort(self.lengths, kind="stable")
        else:
            random = np.random.default_rng([self.seed, epoch])
            order = random.permutation(len(self.rows))
            order = order[np.argsort(self.lengths[order], kind="stable")]
        starts = range(0, len(order), self.batch_size)
        self._batches = [order[start : start + self.batch_size] for start in starts]
        if self.seed is not None:
            self._batches = [self._batches[i] for i in random.permutation(len(self._batches))]
        widths = [self._width(batch) for batch in self._batches]
        other = next((i for i, width in enumerate(widths) if width != widths[0]), 0)
        if other > 1:
            self._batches[1], self._batches[other] = self._batches[other], self._batches[1]

    @property
    def num_tokens(self) -> int:
        """Tokens of an epoch, END included and PAD not."""
        return int(self.lengths.sum())

    @property
    def padding_share(self) -> float:
        """Share of the cells of an epoch's batches that are PAD."""
        cells = sum(len(batch) * self._width(batch) for batch in self._batches)
        return 1 - self.num_tokens / cells

    def index(self, i: int) -> np.ndarray:
        """Which rows stand in batch i: int [B]."""
        return self._batches[i]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, i: int) -> tuple[np.ndarray]:
        batch = self._batches[i]
        token_ids = np.full((len(batch), self._width(batch)), PAD, np.int32)
        for b, row in enumerate(batch):
            token_ids[b, : self.lengths[row]] = self.rows[row]
        return (token_ids,)

    def dataset(self) -> tf.data.Dataset:
        """The batches as they stand, as a dataset of int32 [B, T]."""

        def batches() -> Iterator[np.ndarray]:
            for i in range(len(self)):
                yield self[i][0]

        return generated_dataset(batches, tf.TensorSpec([None, None], tf.int32))

    def on_epoch_begin(self) -> None:
        self._within_epoch = True

    def on_epoch_end(self) -> None:
        # `fit` also calls this before its first epoch.
        if self._within_epoch:
            self.epoch += 1
        self._within_epoch = False

    def _width(self, batch: np.ndarray) -> int:
        longest = int(self.lengths[batch].max())
        return -(-longest // self.multiple_of) * self.multiple_of
