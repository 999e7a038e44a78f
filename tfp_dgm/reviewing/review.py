"""The review of a labelling's rows."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.reviewing.item_review import ItemReview
from tfp_dgm.reviewing.review_rows import Guesses, ReviewRows, read_review_rows
from tfp_dgm.reviewing.review_state import ReviewState
from tfp_dgm.reviewing.row_queue import RowQueue


class Review(ItemReview[ReviewRows, ReviewState]):
    """Answers to the rows of a labelling, of one person or of several.

    Args:
      model: the folder that `dgm label` wrote; the labelled table lies beside it.
      label_column: which of several label columns is reviewed; each has answers of its own.
    Raises:
      DataError: as `read_review_rows` and `ItemReview`.
    """

    units: ClassVar[str] = "rows"
    parts: ClassVar[str] = "of them"
    queue: RowQueue

    def __init__(self, model: str | os.PathLike[str], label_column: str | None = None) -> None:
        rows = read_review_rows(model, label_column)
        super().__init__(rows, rows.column)

    def _state(self) -> ReviewState:
        separator = str(self.rows.settings.get("separator", ""))
        return ReviewState(len(self.rows), self.rows.classes, separator)

    def _queue(self, teaching: NDArray[np.int64] | None) -> RowQueue:
        return RowQueue(self.rows, teaching, self.answered())

    def classes(self) -> list[str]:
        """The classes by now; see `ReviewState.classes`."""
        with self.turn:
            return self.state.classes

    def guess_anew(
        self,
        guesses: Guesses,
        model: Path,
        teaching: NDArray[np.int64],
        trained_on: NDArray[np.bool_] | None = None,
    ) -> None:
        """Takes up what a later model says.

        Args:
          guesses: of all rows.
          model: the later model's folder.
          teaching: which rows teach it most, best first.
          trained_on: bool [N]; the answered rows that it was trained on; None for all.
        """
        rows = replace(self.rows, guesses=guesses, model=model)
        queue = RowQueue(rows, teaching, self.answered() if trained_on is None else trained_on)
        with self.turn:
            self.rows, self.queue = rows, queue
