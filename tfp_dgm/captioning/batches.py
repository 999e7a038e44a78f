"""Batches of sources and captions, bucketed by the captions' lengths."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.captioning.sources import Sources, is_tokens, longest, take
from tfp_dgm.text import BucketedBatches
from tfp_dgm.token_ids import PAD


class CaptionBatches(BucketedBatches):
    """{"source": [B, ...], "token_ids": int32 [B, T]} for `fit`, in an order that a seed decides.

    Args:
      sources: [I, ...]; images or features, in memory or on the disk, or token ids, I rows.
      source_of: int [N]; the row of `sources` that each caption is of.
      rows: N int arrays, END included.
      batch_size: B.
      **kwargs: see `BucketedBatches`.
    """

    def __init__(
        self,
        sources: Sources,
        source_of: Sequence[int] | NDArray[np.integer],
        rows: Sequence[np.ndarray],
        batch_size: int,
        **kwargs: Any,
    ) -> None:
        self.sources = sources
        self.source_of = np.asarray(source_of)
        if len(self.source_of) != len(rows):
            raise ValueError(
                f"CaptionBatches: {len(rows)} `rows`, but `source_of` has {len(self.source_of)}"
            )
        super().__init__(rows, batch_size, **kwargs)

    def __getitem__(self, i: int) -> tuple[dict[str, np.ndarray]]:  # type: ignore[override]
        (token_ids,) = super().__getitem__(i)
        sources = take(self.sources, self.source_of[self.index(i)])
        if i == 0 and is_tokens(sources):
            # Wider than any other: Keras takes an axis for a fixed one where it is the same in the
            # first two batches.
            missing = longest(self.sources) + 1 - sources.shape[1]
            sources = np.pad(sources, [(0, 0), (0, missing)], constant_values=PAD)
        return ({"source": sources, "token_ids": token_ids},)
