"""Topics that are none: equal to another, or most of no text."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EQUAL = 0.2  # Hellinger distance.


@dataclass(frozen=True)
class TopicCollapse:
    """What of K topics is none of its own.

    Attributes:
      unused: topics that no document has most of, in order.
      equal: pairs of other topics whose words are the same, within a Hellinger distance of 0.2.
    """

    unused: list[int]
    equal: list[tuple[int, int]]

    def __str__(self) -> str:
        told = []
        if self.unused:
            told.append(f"topics that no text has most of: {', '.join(map(str, self.unused))}")
        if self.equal:
            pairs = ", ".join(f"{first} and {second}" for first, second in self.equal)
            told.append(f"topics of the same words: {pairs}")
        if not told:
            return "every topic is used, and no two are equal"
        return f"{'; '.join(told)}: ask for fewer topics"


def empty_topics(mixtures: NDArray[np.floating]) -> NDArray[np.int64]:
    """The topics of mixtures [N, K] that no document has most of, in order."""
    return np.setdiff1d(np.arange(mixtures.shape[1]), mixtures.argmax(axis=1))


def topic_collapse(topics: NDArray[np.floating], mixtures: NDArray[np.floating]) -> TopicCollapse:
    """Which topics have collapsed.

    Args:
      topics: [K, V]; rows that sum to one.
      mixtures: [N, K]; what each document has of each topic.
    """
    num_topics = len(topics)
    unused = empty_topics(np.asarray(mixtures))
    roots = np.sqrt(np.asarray(topics, np.float64))
    distance = np.sqrt(np.maximum(1 - roots @ roots.T, 0))
    equal = [
        (first, second)
        for first in range(num_topics)
        for second in range(first + 1, num_topics)
        if distance[first, second] < _EQUAL and not np.isin([first, second], unused).any()
    ]
    return TopicCollapse(unused.tolist(), equal)
