"""Seeds that all generators take."""

from __future__ import annotations

import numbers
from typing import Annotated, Any

from annotated_types import Ge, Le

from tfp_dgm.data import DataError

LARGEST_SEED = 2**31 - 1  # Of NumPy, Keras and an int32 in the graph, the least.
Seed = Annotated[int, Ge(0), Le(LARGEST_SEED)]


def check_seed(seed: Any, argument: str = "seed") -> None:
    """Refuses what is no seed.

    Args:
      seed: what was given.
      argument: its name, for the message.
    Raises:
      DataError: if it is no whole number from 0 to `LARGEST_SEED`.
    """
    whole = isinstance(seed, numbers.Integral) and not isinstance(seed, bool)
    if not whole or not 0 <= seed <= LARGEST_SEED:
        raise DataError(
            f"{argument}: expected a whole number from 0 to {LARGEST_SEED}; received {seed!r}"
        )
