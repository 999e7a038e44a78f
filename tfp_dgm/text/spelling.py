"""What the spelling of a word tells of its part of speech."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

NO_FEATURE = 0
WORD_START, WORD_END, RARE_CHARACTER = 1, 2, 3  # Among the characters of words.
_LONGEST_ENDING = 3
_MOST_CHARACTERS = 20


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


def characters_of_words(words: Sequence[str]) -> np.ndarray:
    """The characters of words, between marks of start and end.

    Of words of more than 20 characters, the first and the last ten are read. Characters that a
    single word has are one.

    Args:
      words: V of them.
    Returns:
      int32 [V, L], numbers of characters in the order of their first words, after `WORD_START`,
      `WORD_END` and `RARE_CHARACTER`; `NO_FEATURE` fills the rows.
    """
    half = _MOST_CHARACTERS // 2
    read = [w if len(w) <= _MOST_CHARACTERS else w[:half] + w[-half:] for w in words]
    counts = Counter(character for word in read for character in dict.fromkeys(word))
    shared = [character for character, count in counts.items() if count > 1]
    numbers = {character: number for number, character in enumerate(shared, RARE_CHARACTER + 1)}
    table = np.full((len(read), max(map(len, read), default=0) + 2), NO_FEATURE, np.int32)
    for row, word in zip(table, read, strict=True):
        inner = [numbers.get(character, RARE_CHARACTER) for character in word]
        row[: len(word) + 2] = [WORD_START, *inner, WORD_END]
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
