"""The rows of which something is known, and who may see them."""

from dataclasses import dataclass

import numpy as np

from tfp_dgm.labelling.guides import Guides


@dataclass(frozen=True)
class Annotated:
    """The annotated rows, as models see them.

    Attributes:
      rows: int [n]; their numbers.
      marks: int8 [n, K]; 1 = the class applies, 0 = it does not, -1 = unknown.
      counts: [n]; what each row counts (less than 1 for copies).
      fold: int [n]; that each is hidden in, from 0 on; `num_folds` where it is hidden in none.
      num_folds: how many there are.
      guides_seen: bool [G, F]; of the last G rows, which are guides, the models that see each.
    """

    rows: np.ndarray
    marks: np.ndarray
    counts: np.ndarray
    fold: np.ndarray
    num_folds: int
    guides_seen: np.ndarray | None = None

    @property
    def num_models(self) -> int:
        """F; the model of all annotations comes first, then one for each fold it did not see."""
        return self.num_folds + 1

    def seen(self, model: int) -> np.ndarray:
        """bool [n]; the rows that a model learns from."""
        seen = self.fold != model - 1
        if self.guides_seen is not None:
            seen[len(seen) - len(self.guides_seen) :] = self.guides_seen[:, model]
        return seen

    @property
    def visible(self) -> np.ndarray:
        """bool [n, F]; the same of all models."""
        return np.stack([self.seen(model) for model in range(self.num_models)], axis=1)

    def followed_by(self, guides: Guides, first: int, seen: np.ndarray) -> "Annotated":
        """These and guides as further rows.

        A class's own guide is of no other class; one of a group of them is of none outside of it,
        and leaves open which of those within it applies.

        Args:
          guides: G of them.
          first: the number of the first one's row.
          seen: bool [G, F]; the models that see each.
        """
        single = guides.allowed.sum(axis=1, keepdims=True) == 1
        marks = np.where(guides.allowed, np.where(single, 1, -1), 0).astype(np.int8)
        own = np.arange(first, first + len(marks))
        return Annotated(
            np.concatenate([self.rows, own]),
            np.concatenate([self.marks, marks]),
            np.concatenate([self.counts, guides.counts]),
            np.concatenate([self.fold, np.full(len(marks), self.num_folds)]),
            self.num_folds,
            seen,
        )

    def weights(self, classes: slice) -> np.ndarray:
        """float32 [n, K, F]; what each mark counts to each model."""
        known = (self.marks[:, classes] >= 0) * self.counts[:, np.newaxis]
        return (known[:, :, np.newaxis] * self.visible[:, np.newaxis]).astype(np.float32)

    def targets(self, classes: slice) -> np.ndarray:
        """float32 [n, K, F]; 1 where the class applies."""
        applies = (self.marks[:, classes] == 1).astype(np.float32)
        return np.repeat(applies[:, :, np.newaxis], self.num_models, axis=2)
