"""What linear heads learn from: a class for each row and head, seldom a distribution."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SoftLabels:
    """What H heads are to say of N rows: a class, and of a few rows a distribution over K.

    Attributes:
      label: int [N, H]; the class.
      rows: int [m]; the rows that have a distribution in its place.
      distribution: float32 [m, K, H], or [m, K, 1] where all heads have the same.
    """

    label: np.ndarray
    rows: np.ndarray
    distribution: np.ndarray

    @classmethod
    def of_sets(cls, allowed: np.ndarray, num_heads: int) -> "SoftLabels":
        """The uniform distribution over what annotations allow, bool [N, K]."""
        rows = np.flatnonzero(allowed.sum(axis=1) != 1)
        sets = allowed[rows].astype(np.float32)
        shares = sets / sets.sum(axis=1, keepdims=True)
        label = np.tile(allowed.argmax(axis=1)[:, np.newaxis], (1, num_heads))
        return cls(label, rows, shares[:, :, np.newaxis])

    def of_rows(self, chosen: np.ndarray) -> "SoftLabels":
        """Those of some rows, int, ascending and each once."""
        kept = np.isin(self.rows, chosen)
        return SoftLabels(
            self.label[chosen],
            np.searchsorted(chosen, self.rows[kept]),
            self.distribution[kept],
        )

    def subtract_from(self, answers: np.ndarray, block: slice) -> None:
        """Takes the targets of a block of rows from what is answered there [b, K, H], in place."""
        label = self.label[block]
        first, last = np.searchsorted(self.rows, [block.start, block.stop])
        soft = self.rows[first:last] - block.start
        heads = np.arange(label.shape[1])
        plain = np.setdiff1d(np.arange(len(label)), soft, assume_unique=True)[:, np.newaxis]
        answers[plain, label[plain[:, 0]], heads] -= 1
        answers[soft] -= self.distribution[first:last]

    def sizes(self, importance: np.ndarray, num_classes: int) -> np.ndarray:
        """What each class counts in all, [K, H], of rows that count importance float32 [N, H]."""
        sizes = np.einsum("mkh,mh->kh", self._spread(importance), importance[self.rows])
        counted = importance.copy()
        counted[self.rows] = 0
        for head in range(importance.shape[1]):
            sizes[:, head] += np.bincount(self.label[:, head], counted[:, head], num_classes)
        return sizes

    def expected(self, values: np.ndarray) -> np.ndarray:
        """The mean of values of the classes [K, H] under each row's target, [N, H]."""
        found = np.take_along_axis(values, self.label, axis=0)
        found[self.rows] = np.einsum("mkh,kh->mh", self._spread(found), values)
        return found

    def _spread(self, like: np.ndarray) -> np.ndarray:
        shape = (*self.distribution.shape[:2], like.shape[1])
        return np.broadcast_to(self.distribution, shape)


def told(allowed: np.ndarray) -> np.ndarray:
    """What annotations [n, K] say of all there is to say, float32 [n]: 1 - log |allowed| / log K.

    One for a class, next to nothing for "not this one" of many: until more is known of the classes
    that it leaves, its row must not teach that they are equal.
    """
    num_classes = allowed.shape[1]
    share = np.log(allowed.sum(axis=1)) / np.log(max(2, num_classes))
    return (1 - share).astype(np.float32)
