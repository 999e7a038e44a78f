"""Sentences of about one length together."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.token_ids import PAD

_ROWS_AT_ONCE = 256


def batches_by_length(rows: Sequence[NDArray[np.int32]]) -> list[NDArray[np.int32]]:
    """All rows, int32 [B, T], in batches of about one length, filled with PAD."""
    return [padded([rows[i] for i in places]) for places in places_by_length(rows)]


def places_by_length(rows: Sequence[NDArray[np.int32]]) -> list[NDArray[np.int64]]:
    """Which rows each of those batches holds."""
    order = np.argsort([len(row) for row in rows], kind="stable")
    return np.split(order, range(_ROWS_AT_ONCE, len(order), _ROWS_AT_ONCE))


def padded(rows: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Rows as int32 [B, T], filled with PAD."""
    batch = np.full((len(rows), max(map(len, rows))), PAD, np.int32)
    for place, row in zip(batch, rows, strict=True):
        place[: len(row)] = row
    return batch


def places_within(lengths: Sequence[int], cells: int) -> Iterator[NDArray[np.int64]]:
    """Which sentences are parsed together, the longest first.

    Args:
      lengths: their words.
      cells: as many sentences together as have so many words times words, or one.
    """
    order = np.argsort(lengths, kind="stable")
    while len(order):
        at_once = max(1, cells // max(1, lengths[order[-1]]) ** 2)
        yield order[-at_once:]
        order = order[:-at_once]
