"""A review that goes on: the rows, what was answered by now, and the journal that keeps it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError
from tfp_dgm.reviewing.journal import Journal, is_about
from tfp_dgm.reviewing.review_rows import Guesses, ReviewRows, read_review_rows
from tfp_dgm.reviewing.review_state import UNDO, ReviewState, replayed
from tfp_dgm.reviewing.row_queue import DISPUTED, RowQueue, Search


def journal_of(model: str | os.PathLike[str]) -> Path:
    """Where the answers about a model's rows are kept: beside it, in a folder of their own."""
    return Path(model).resolve().with_suffix(".review") / "journal.jsonl"


def _check_nowhere_else(path: Path, head: Mapping[str, Any]) -> None:
    """Refuses to begin a journal beside one of the same rows."""
    for other in sorted(path.parent.parent.glob(f"*.review/{path.name}")):
        if is_about(other, head):
            raise DataError(
                f"{other.parent}: holds the answers to the rows of {head['table']}; rename it to "
                f"{path.parent.name} to go on, or move it away to begin anew"
            )


class Review:
    """Answers to the rows of a labelling, of one person or of several.

    Its methods may be called by several threads; who reads `state` holds `turn`.

    Args:
      model: the folder that `dgm label` wrote; the labelled table lies beside it.
    Raises:
      DataError: as `read_review_rows` and `Journal`; if the answers to these rows lie under another
        name, as they do once the model's folder was renamed.
    """

    def __init__(self, model: str | os.PathLike[str]) -> None:
        self.rows: ReviewRows = read_review_rows(model)
        path = journal_of(model)
        head = {"table": self.rows.table.name, "rows": len(self.rows), "digest": self.rows.digest}
        if not path.exists():
            _check_nowhere_else(path, head)
        path.parent.mkdir(exist_ok=True)
        self.journal = Journal(path, head)
        try:
            self.state: ReviewState = replayed(
                self.journal.entries,
                len(self.rows),
                self.rows.classes,
                str(self.rows.settings.get("separator", "")),
            )
        except BaseException:
            self.journal.close()
            raise
        self.turn = threading.RLock()
        self.queue = RowQueue(self.rows, answered=self.answered())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.journal.close()

    def answer(self, annotator: str, kind: str, **said: Any) -> None:
        """Keeps an answer; it is on the disk on return.

        Args:
          annotator: who says it; "" where nobody is named.
          kind: what it does; see `review_state`.
          **said: `rows`, `label`, `guess`, `note`, `class`, as the kind wants them.
        Raises:
          DataError: if it says nothing that can be understood, or the disk takes no more; nothing
            is kept then.
        """
        self.answers(annotator, [{"kind": kind, **said}])

    def answers(self, annotator: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Keeps several answers of one moment, one after the other; see `answer`."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.turn:
            for said in entries:
                entry = {**said, "annotator": annotator, "time": time}
                self.state.check(entry)
                self.journal.append(entry)
                self.state.apply(entry)

    def undo(self, annotator: str) -> Mapping[str, Any] | None:
        """Takes somebody's last answer back; returns it, None where there is none."""
        with self.turn:
            last = self.state.last_of(annotator)
            if last is None:
                return None
            self.answer(annotator, UNDO, of=last)
            return self.state.entries[last - 1]

    def teach(self, rows: NDArray[np.int64]) -> None:
        """Sets which rows teach most, best first."""
        queue = RowQueue(self.rows, rows, self.answered())
        with self.turn:
            self.queue = queue

    def left(self, order: str, search: Search, done: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The rows that somebody has still to see, in an order.

        Args:
          order: one of `row_queue.ORDERS`; of disputed rows are left those that the person has not
            answered.
          search: which rows are wanted.
          done: bool [N]; the rows that count as seen.
        """
        with self.turn:
            if order != DISPUTED:
                return self.queue.left(order, done, search)
            wanted = self.queue.matching(search) & ~done
            return np.array([row for row in self.state.disputed() if wanted[row]], np.int64)

    def answered(self) -> NDArray[np.bool_]:
        """bool [N]; the rows that somebody has answered."""
        with self.turn:
            found = np.zeros(len(self.rows), bool)
            found[list(self.state.verdicts())] = True
            return found

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
