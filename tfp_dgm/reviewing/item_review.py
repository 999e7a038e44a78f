"""A review that goes on: the items, what was answered by now, and the journal that keeps it."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, column_folders, read_label_settings
from tfp_dgm.reviewing.entry_checks import UNDO
from tfp_dgm.reviewing.journal import Journal, is_about
from tfp_dgm.reviewing.review_state import ReviewState, replayed
from tfp_dgm.reviewing.row_queue import ALIKE, DISPUTED, TEACH, ItemQueue, Search
from tfp_dgm.reviewing.rows_alike import RowsAlike


class ReviewItems(Protocol):
    """What a review is about: the rows of a labelling, or the sentences of a tagging."""

    @property
    def model(self) -> Path:
        """The folder that the command wrote."""

    @property
    def table(self) -> Path:
        """The file beside it that holds the items and what was guessed of them."""

    @property
    def title(self) -> str:
        """What is reviewed, for people."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Of the labelling or the tagging."""

    @property
    def texts(self) -> list[str]:
        """[N]; what a search looks at."""

    @property
    def digest(self) -> str:
        """What differs where other items are reviewed."""

    def __len__(self) -> int:
        """N."""


Items = TypeVar("Items", bound=ReviewItems)
State = TypeVar("State", bound=ReviewState)


def journal_of(model: str | os.PathLike[str], column: str | None = None) -> Path:
    """Where the answers about a model's items are kept: beside it, in a folder of their own.

    Args:
      model: its folder.
      column: which of several label columns they are about; None where there is but one.
    """
    folder = Path(model).resolve().with_suffix(".review")
    if column is not None:
        columns = read_label_settings(model)["label_columns"]
        folder = folder / "columns" / column_folders(columns)[column]
    return folder / "journal.jsonl"


def _check_nowhere_else(path: Path, folder: Path, head: Mapping[str, Any]) -> None:
    """Refuses to begin a journal beside one of the same rows in another model's folder."""
    for other in sorted(folder.parent.glob("*.review")):
        if is_about(other / path.relative_to(folder), head):
            raise DataError(
                f"{other}: holds the answers to the rows of {head['table']}; rename it to "
                f"{folder.name} to go on, or move it away to begin anew"
            )


class ItemReview(ABC, Generic[Items, State]):
    """Answers to N items, of one person or of several.

    Its methods may be called by several threads; who reads `state` holds `turn`.

    Args:
      rows: the items.
      column: which of several label columns is reviewed; None where there is but one.

    Attributes:
      units: what the items are called.
      parts: what of them is answered, as in "12 of them".
    Raises:
      DataError: as `Journal`; if the answers to these items lie under another name, as they do once
        the model's folder was renamed.
    """

    units: ClassVar[str]
    parts: ClassVar[str]

    def __init__(self, rows: Items, column: str | None = None) -> None:
        self.rows = rows
        path = journal_of(rows.model, column)
        head: dict[str, Any] = {"table": rows.table.name, "rows": len(rows), "digest": rows.digest}
        if column is not None:
            head["column"] = column
        if not path.exists():
            _check_nowhere_else(path, journal_of(rows.model).parent, head)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(path, head)
        try:
            self.state: State = replayed(self.journal.entries, self._state(), self.journal.lines)
        except BaseException:
            self.journal.close()
            raise
        self.turn = threading.RLock()
        self.queue = self._queue(None)
        self._alike = RowsAlike(rows.texts)

    @abstractmethod
    def _state(self) -> State:
        """That of a review of which nothing is answered."""

    @abstractmethod
    def _queue(self, teaching: NDArray[np.int64] | None) -> ItemQueue:
        """The items in their orders, those that teach most being known, or not."""

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
        queue = self._queue(rows)
        with self.turn:
            self.queue = queue

    def left(
        self, order: str, search: Search, done: NDArray[np.bool_], like: int | None = None
    ) -> NDArray[np.int64]:
        """The rows that somebody has still to see, in an order.

        Args:
          order: one of `row_queue.ORDERS`; of disputed rows are left those that the person has not
            answered.
          search: which rows are wanted.
          done: bool [N]; the rows that count as seen.
          like: the row that others are to be like, where that is the order.
        """
        # Before its turn: others answer while vectors are made.
        alike = self._alike.order(like) if order == ALIKE and like is not None else None
        with self.turn:
            if alike is not None:
                wanted = self.queue.matching(search) & ~done
                wanted &= self.queue.unlabelled if search == Search() else True
                return alike[wanted[alike]]
            if order == ALIKE:
                order = TEACH
            if order != DISPUTED:
                return self.queue.left(order, done, search)
            wanted = self.queue.matching(search) & ~done
            return np.array([row for row in self.state.disputed() if wanted[row]], np.int64)

    def answered(self) -> NDArray[np.bool_]:
        """bool [N]; the rows that somebody has answered."""
        with self.turn:
            found = np.zeros(len(self.rows), bool)
            found[self.state.answered_rows()] = True
            return found
