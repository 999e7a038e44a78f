"""Sets of labels along a sentence, narrowed to what some legal sequence has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class LegalLabels:
    """What can follow what among K labels.

    A set of labels is a whole number whose bit k says whether label k is in it: sets are few, and
    what follows each is remembered, which is far faster than arrays.

    Args:
      initial: which labels may stand first; bool [K].
      transitions: which [second axis] may follow which [first axis]; bool [K, K].
      final: which may stand last; bool [K].
      closed: for each label, the one that says the same and may stand last; K numbers.
      opened: for each label, the one that says the same and may stand first; K numbers.
    """

    def __init__(
        self,
        initial: NDArray[np.bool_],
        transitions: NDArray[np.bool_],
        final: NDArray[np.bool_],
        closed: Sequence[int],
        opened: Sequence[int],
    ) -> None:
        self._size = len(initial)
        self._rows: dict[int, NDArray[np.bool_]] = {}
        self._initial, self._final = _set(np.flatnonzero(initial)), _set(np.flatnonzero(final))
        self._following = _Remembered([_set(np.flatnonzero(row)) for row in transitions])
        self._leading = _Remembered([_set(np.flatnonzero(row)) for row in transitions.T])
        self._closed = _Remembered([1 << k for k in closed])
        self._opened = _Remembered([1 << k for k in opened])

    def narrowed(self, given: Sequence[Sequence[int]]) -> tuple[NDArray[np.bool_], list[int]]:
        """Narrows the labels of T words to those of legal sequences.

        Where nothing legal goes on, a sequence ends and another begins: the labels before and
        behind are closed and opened.

        Args:
          given: the labels of each word, from 0; none where any may be.
        Returns:
          bool [T, K], a label at least for each word; the words before which a sequence was cut,
          T where its end was.
        """
        every = (1 << self._size) - 1
        sets = [_set(labels) or every for labels in given]
        illegal: list[int] = []
        reached = self._initial
        for place, labels in enumerate(sets):
            if not reached & labels:
                illegal.append(place)
                if place:
                    sets[place - 1] = self._closed(sets[place - 1])
                labels = self._opened(labels)
                reached = self._initial
            sets[place] = labels & reached
            reached = self._following(sets[place])
        if sets and not sets[-1] & self._final:
            illegal.append(len(sets))
            sets[-1] = self._closed(sets[-1])
        leading = self._final
        for place in reversed(range(len(sets))):
            sets[place] &= leading
            leading = self._leading(sets[place])
        allowed = np.zeros([len(sets), self._size], np.bool_)
        for place, labels in enumerate(sets):
            allowed[place] = self._row(labels)
        return allowed, illegal

    def _row(self, labels: int) -> NDArray[np.bool_]:
        if labels not in self._rows:
            row = np.zeros([self._size], np.bool_)
            row[_members(labels)] = True
            self._rows[labels] = row
        return self._rows[labels]


class _Remembered:
    """The union of what the members of a set stand for.

    Args:
      of: a set for each label.
    """

    def __init__(self, of: list[int]) -> None:
        self._of = of
        self._known: dict[int, int] = {}

    def __call__(self, labels: int) -> int:
        if labels not in self._known:
            union = 0
            for k in _members(labels):
                union |= self._of[k]
            self._known[labels] = union
        return self._known[labels]


def _set(labels: Sequence[int] | NDArray[np.int64]) -> int:
    found = 0
    for k in labels:
        found |= 1 << int(k)
    return found


def _members(labels: int) -> list[int]:
    found = []
    while labels:
        lowest = labels & -labels
        found.append(lowest.bit_length() - 1)
        labels ^= lowest
    return found
