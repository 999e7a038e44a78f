"""Values numbered by which are equal."""

from collections.abc import Hashable, Iterable

import numpy as np


def numbers_of_values(values: Iterable[Hashable]) -> np.ndarray:
    """Numbers int64 [N] of N values, equal ones alike, from 0 in the order of their first places.

    Unlike `np.unique`, which makes an array of strings, each as wide as the longest.
    """
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)
