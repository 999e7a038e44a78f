"""The words by which a person knows a topic, and its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NUM_WORDS = 10
_WORDS_OF_A_NAME = 3


@dataclass(frozen=True)
class TopicWord:
    """A word of a topic.

    Attributes:
      word: itself.
      probability: in texts of the topic alone.
      lift: how many times as frequent it is there as in all texts.
    """

    word: str
    probability: float
    lift: float


def told_words(
    word_ids: NDArray[np.integer],
    topics: NDArray[np.floating],
    frequencies: NDArray[np.floating],
    vocabulary: Sequence[str],
) -> list[list[TopicWord]]:
    """Words of topics with what is to be known of them.

    Args:
      word_ids: int [K, n]; places in the vocabulary, in the order in which they are shown.
      topics: [K, V]; rows sum to one.
      frequencies: [V], how often words are used in all texts.
      vocabulary: [V].
    """
    lift = topics / _shares(frequencies)
    return [
        [TopicWord(vocabulary[v], float(topics[k, v]), float(lift[k, v])) for v in row]
        for k, row in enumerate(word_ids)
    ]


def distinctiveness(
    topics: NDArray[np.floating], frequencies: NDArray[np.floating]
) -> NDArray[np.float64]:
    """How far topics are from all texts: KL(p(v | k) || p(v)), nats [K]."""
    ratio = np.maximum(topics, 1e-12) / _shares(frequencies)
    return (topics * np.log(ratio)).sum(axis=1)


def topic_names(
    words: Sequence[Sequence[TopicWord]], given: Sequence[str | None] | None = None
) -> tuple[str, ...]:
    """A name of its own for each topic: its first words, or the name that a person gave it.

    Args:
      words: of K topics, those that tell most of each first.
      given: [K], names that are taken as they are; None where there is none.
    Returns:
      [K] distinct names.
    """
    fixed = list(given or [None] * len(words))
    taken = {name for name in fixed if name is not None}
    names = []
    for own, name in zip(words, fixed, strict=True):
        if name is None:
            name = _name([word.word for word in own], taken)
            taken.add(name)
        names.append(name)
    return tuple(names)


def _name(words: Sequence[str], taken: set[str]) -> str:
    """The first words; more of them where another topic has these, and then a number."""
    for length in range(_WORDS_OF_A_NAME, max(len(words), _WORDS_OF_A_NAME) + 1):
        name = ", ".join(words[:length])
        if name not in taken:
            return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


def _shares(frequencies: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of all tokens; no word has none."""
    counts = np.asarray(frequencies, np.float64) + 0.5
    return counts / counts.sum()
