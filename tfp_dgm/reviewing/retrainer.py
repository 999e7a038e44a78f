"""Trainings in the background, after every so many answers."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, write_json
from tfp_dgm.reviewing.retraining_process import JOB, LOG
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.reviews import trainings_of
from tfp_dgm.reviewing.rounds import RECORD, Round, compared, read_rounds, write_round
from tfp_dgm.reviewing.tag_review import TagReview
from tfp_dgm.reviewing.training_worker import TrainingWorker

_KEPT = 1  # Rounds of which tables and models stay; of the others the figures.


class Retrainer:
    """Trains a review's model anew, in a process of its own, and shows the page its guesses.

    Each round has a folder beside the journal; one that was not finished when a process ended is
    removed at the next start, as is one of another journal, labelling or tagging that was there
    before. At most one runs at a time. What fails is told, and the guesses stay.

    Args:
      review: the review.
      every: after how many rows, or sentences, that are answered anew a training begins.
      on_guesses: called after each training whose guesses were taken up.

    Attributes:
      running: whether a training is under way.
      failed: what the last one failed by, "" where it did not.
    Raises:
      DataError: if an earlier round's record is damaged.
    """

    def __init__(
        self,
        review: Review | TagReview,
        every: int,
        *,
        on_guesses: Callable[[], None] = lambda: None,
    ) -> None:
        if every < 1:
            raise DataError(f"every: expected at least 1; received {every}")
        self.every = every
        self.on_guesses = on_guesses
        self.failed = ""
        self.running = False
        self._review = review
        self._trainings = trainings_of(review)
        self._folder = review.journal.path.parent / "rounds"
        self._worker = TrainingWorker()
        self._turn = threading.Lock()
        self._closing = False
        about = self._trainings.about()
        found = [pair for pair in read_rounds(self._folder) if pair[1].about == about]
        self._rounds = [figures for _, figures in found]
        self._begun = self._rounds[-1].answers if self._rounds else 0
        self._first = self._trainings.first
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            if path not in [folder for folder, _ in found]:
                shutil.rmtree(path)

    @property
    def rounds(self) -> list[Round]:
        """The labelling or tagging that the review began with, and the trainings that are done."""
        return [self._first, *self._rounds]

    @property
    def to_go(self) -> int:
        """How many rows, or sentences, are to be answered before the next one begins."""
        return max(0, self.every - (self._review.state.num_answered - self._begun))

    def resume(self) -> None:
        """Takes up the guesses of the last round that an earlier process finished."""
        if self._rounds:
            self._trainings.take_up(self._folder / str(self._rounds[-1].number))

    def consider(self) -> None:
        """Begins a training where enough was answered since the last one, and none is running."""
        with self._turn:
            answers = self._review.state.num_answered
            if answers - self._begun < self.every or self.running or self._closing:
                return
            self._begun, self.running = answers, True
        threading.Thread(
            target=self._train, args=(answers,), name="retraining", daemon=True
        ).start()

    def close(self) -> None:
        """Ends a training that is under way; its answers are in the next one."""
        with self._turn:
            self._closing = True
        self._worker.close()

    def _prepare(self, folder: Path, number: int, answers: int) -> NDArray[np.bool_]:
        """Writes what the process reads; returns which items were answered by then, bool [N]."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        asked = self._trainings.write(folder)
        figures = {"answers": answers, "about": self._trainings.about(), **asked.figures}
        write_json(
            folder / JOB,
            {
                "job": asked.job,
                "number": number,
                "arguments": asked.arguments,
                "figures": figures,
            },
        )
        return asked.answered

    def _train(self, answers: int) -> None:
        number = self._rounds[-1].number + 1 if self._rounds else 1
        folder = self._folder / str(number)
        try:
            answered = self._prepare(folder, number, answers)
            code = self._worker.train(folder)
            if code == 0:
                taken = self._trainings.take_up(folder, answered)
                found = next(one for path, one in read_rounds(self._folder) if path == folder)
                write_round(folder, compared(found, *taken))
                self._rounds = [figures for _, figures in read_rounds(self._folder)]
                self.failed = ""
                self._drop_old()
                self.on_guesses()
            elif not self._closing:
                said = (folder / LOG).read_text(encoding="utf-8", errors="replace").split("\n")
                last = next((line for line in reversed(said) if line.strip()), "")
                self.failed = last or f"the process ended with code {code}"
        except Exception as error:  # The page goes on with the guesses that it has.
            self.failed = str(error)
        finally:
            self.running = False

    def _drop_old(self) -> None:
        for folder, _ in read_rounds(self._folder)[:-_KEPT]:
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name not in (RECORD, JOB, LOG):
                    path.unlink()
