"""What the spelling of a word tells of its part of speech."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

NO_FEATURE = 0
_LONGEST_ENDING = 3


def spelling_features(words: Sequence[str]) -> np.ndarray:
    """The features of words: endings of 1 to 3 letters, a capital, a digit, a hyphen.

    Features that a single word has tell nothing, and are left out.

    Args:
      words: V of them.
    Returns:
      int32 [V, F], numbers of features from 1 on, in the order of their first words; `NO_FEATURE`
      fills the rows.
    """
    found = [list(_features(word)) for word in words]
    counts = Counter(feature for features in found for feature in features)
    shared = [feature for feature, count in counts.items() if count > 1]
    numbers = {feature: number for number, feature in enumerate(shared, NO_FEATURE + 1)}
    rows = [[numbers[feature] for feature in features if feature in numbers] for features in found]
    table = np.full((len(rows), max(map(len, rows), default=0)), NO_FEATURE, np.int32)
    for row, features in zip(table, rows, strict=True):
        row[: len(features)] = features
    return table


def _features(word: str) -> Iterator[str]:
    lowered = word.lower()
    for length in range(1, min(_LONGEST_ENDING, len(word) - 1) + 1):
        yield f"-{lowered[-length:]}"
    if word[:1].isupper():
        yield "capital"
    if any(letter.isdigit() for letter in word):
        yield "digit"
    if "-" in word:
        yield "hyphen"
