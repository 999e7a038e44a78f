"""Rows of token ids as arrays, and as strings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import PAD


def padded(rows: Sequence[NDArray[np.integer]]) -> NDArray[np.int32]:
    """Rows of token ids as one array [N, T]."""
    width = max(len(row) for row in rows)
    array = np.full((len(rows), width), PAD, np.int32)
    for n, row in enumerate(rows):
        array[n, : len(row)] = row
    return array


def strings(vocabulary: Vocabulary, token_ids: Any) -> list[str]:
    """Token ids [N, T] as Python strings."""
    return [
        text.decode("utf-8", errors="replace")
        for text in vocabulary.detokenize(token_ids).numpy().tolist()
    ]
