"""Topics that are none: equal to another, or had by no text."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_UNUSED = 0.1  # Of an even share of all words.
_EQUAL = 0.2  # Hellinger distance.


@dataclass(frozen=True)
class TopicCollapse:
    """What of K topics is none of its own.

    Attributes:
      unused: topics that have less than a tenth of an even share of all words, in order.
      equal: pairs of other topics whose words are the same, within a Hellinger distance of 0.2.
    """

    unused: list[int]
    equal: list[tuple[int, int]]

    def __str__(self) -> str:
        told = []
        if self.unused:
            told.append(f"topics that almost no text has: {', '.join(map(str, self.unused))}")
        if self.equal:
            pairs = ", ".join(f"{first} and {second}" for first, second in self.equal)
            told.append(f"topics of the same words: {pairs}")
        if not told:
            return "every topic is used, and no two are equal"
        return f"{'; '.join(told)}: ask for fewer topics"


def topic_collapse(topics: NDArray[np.floating], shares: NDArray[np.floating]) -> TopicCollapse:
    """Which topics have collapsed.

    Args:
      topics: [K, V]; rows that sum to one.
      shares: [K]; how much of all words each has, which sum to one.
    """
    num_topics = len(topics)
    unused = np.asarray(shares) * num_topics < _UNUSED
    roots = np.sqrt(np.asarray(topics, np.float64))
    distance = np.sqrt(np.maximum(1 - roots @ roots.T, 0))
    equal = [
        (first, second)
        for first in range(num_topics)
        for second in range(first + 1, num_topics)
        if distance[first, second] < _EQUAL and not (unused[first] or unused[second])
    ]
    return TopicCollapse(np.flatnonzero(unused).tolist(), equal)
