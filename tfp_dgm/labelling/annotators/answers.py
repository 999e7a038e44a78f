"""Who said what of which row."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse


@dataclass(frozen=True)
class Answers:
    """n answers, by A annotators, on N rows; of most rows and annotators there are none.

    Attributes:
      row: int [n], below N.
      annotator: int [n], below A.
      label: int [n], below K.
      num_rows: N.
      num_classes: K.
      names: A names of the annotators.
    Raises:
      ValueError: if shapes disagree or a number is out of range; names the argument.
    """

    row: np.ndarray
    annotator: np.ndarray
    label: np.ndarray
    num_rows: int
    num_classes: int
    names: Sequence[str]

    def __post_init__(self) -> None:
        sizes = {"row": self.num_rows, "annotator": len(self.names), "label": self.num_classes}
        for name, size in sizes.items():
            values = np.asarray(getattr(self, name))
            if values.shape != np.shape(self.row) or values.ndim != 1:
                raise ValueError(
                    f"{name}: expected shape {np.shape(self.row)}, for each answer; received "
                    f"{values.shape}"
                )
            if len(values) and not 0 <= values.min() <= values.max() < size:
                raise ValueError(
                    f"{name}: expected numbers from 0 to {size - 1}; received "
                    f"{values.min()} to {values.max()}"
                )

    @property
    def num_annotators(self) -> int:
        """A."""
        return len(self.names)

    @cached_property
    def one_hot(self) -> scipy.sparse.csr_matrix:
        """Sparse [N, A K]; how often an annotator gave an answer to a row.

        Its products are both steps of EM: with log confusions [A K, K] the rows' log-likelihoods,
        and, transposed, with posteriors [N, K] the expected counts.
        """
        column = self.annotator.astype(np.int64) * self.num_classes + self.label
        shape = (self.num_rows, self.num_annotators * self.num_classes)
        return scipy.sparse.csr_matrix((np.ones(len(column)), (self.row, column)), shape)

    @cached_property
    def votes(self) -> np.ndarray:
        """float [N, K]; how many gave each answer to a row."""
        cell = self.row.astype(np.int64) * self.num_classes + self.label
        counts = np.bincount(cell, minlength=self.num_rows * self.num_classes)
        return counts.reshape(self.num_rows, self.num_classes).astype(float)

    @cached_property
    def answered(self) -> np.ndarray:
        """bool [N]; rows with at least one answer."""
        return np.bincount(self.row, minlength=self.num_rows) > 0

    @cached_property
    def given(self) -> np.ndarray:
        """int [A, K]; how often each annotator gave each answer."""
        cell = self.annotator.astype(np.int64) * self.num_classes + self.label
        counts = np.bincount(cell, minlength=self.num_annotators * self.num_classes)
        return counts.reshape(self.num_annotators, self.num_classes)

    def of_one(self) -> "Answers":
        """The same answers as if one annotator had given all of them."""
        everyone = np.zeros_like(self.annotator)
        return Answers(
            self.row, everyone, self.label, self.num_rows, self.num_classes, ["everyone"]
        )

    def agreement(self) -> np.ndarray:
        """float [A]; how often others who answered the same row agree; NaN where none did."""
        others = self.votes.sum(axis=1)[self.row] - 1
        agree = (self.votes[self.row, self.label] - 1) / np.maximum(others, 1)
        seen = np.bincount(self.annotator, others > 0, self.num_annotators)
        total = np.bincount(self.annotator, agree * (others > 0), self.num_annotators)
        return np.where(seen > 0, total / np.maximum(seen, 1), np.nan)
