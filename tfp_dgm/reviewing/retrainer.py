"""Trainings in the background, after every so many answers."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, digest, read_json, write_json
from tfp_dgm.reviewing.entry_checks import LABEL
from tfp_dgm.reviewing.retraining_process import ANSWERED, JOB, LABELLED, LOG
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.review_export import export_review
from tfp_dgm.reviewing.review_rows import Guesses, ReviewRows, guesses_of, read_texts
from tfp_dgm.reviewing.rounds import Round, compared, read_rounds, round_of, write_round
from tfp_dgm.reviewing.rows_that_teach import teaching_rows
from tfp_dgm.reviewing.training_worker import TrainingWorker

_KEPT = 1  # Rounds of which table and model stay; of the others the figures.


class Retrainer:
    """Trains a review's model anew, in a process of its own, and shows the page its guesses.

    Each round has a folder beside the journal; one that was not finished when a process ended is
    removed at the next start, as is one of another journal or labelling that was there before. At
    most one runs at a time. What fails is told, and the guesses stay.

    Args:
      review: the review.
      every: after how many rows that are answered anew a training begins.
      on_guesses: called after each training whose guesses were taken up.

    Attributes:
      running: whether a training is under way.
      failed: what the last one failed by, "" where it did not.
    Raises:
      DataError: if an earlier round's record is damaged.
    """

    def __init__(
        self, review: Review, every: int, *, on_guesses: Callable[[], None] = lambda: None
    ) -> None:
        if every < 1:
            raise DataError(f"every: expected at least 1; received {every}")
        self.every = every
        self.on_guesses = on_guesses
        self.failed = ""
        self.running = False
        self._review = review
        self._source = review.rows
        self._folder = review.journal.path.parent / "rounds"
        self._worker = TrainingWorker()
        self._turn = threading.Lock()
        self._closing = False
        found = [pair for pair in read_rounds(self._folder) if pair[1].about == self._about()]
        self._rounds = [figures for _, figures in found]
        self._begun = self._rounds[-1].answers if self._rounds else 0
        self._first = round_of(
            0,
            review.rows.guesses,
            [bool(label) for label in review.rows.given],
            _metrics(review.rows),
            answers=0,
            seconds=0.0,
        )
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            if path not in [folder for folder, _ in found]:
                shutil.rmtree(path)

    @property
    def rounds(self) -> list[Round]:
        """The labelling that the review began with, and the trainings that are done."""
        return [self._first, *self._rounds]

    @property
    def to_go(self) -> int:
        """How many rows are to be answered before the next one begins."""
        return max(0, self.every - (self._review.state.num_answered - self._begun))

    def resume(self) -> None:
        """Takes up the guesses of the last round that an earlier process finished."""
        if self._rounds:
            self._take_up(self._folder / str(self._rounds[-1].number))

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
        """Writes what the process reads; returns which rows were answered by then, bool [N]."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settings = self._source.settings
        with self._review.turn:
            classes = list(self._review.state.classes)
            drawn, right = self._drawn(self._review.answered())
        export_review(self._review, folder / ANSWERED)
        answered = self._review.answered()  # What came in meanwhile counts as learnt from.
        definitions = settings.get("definitions")
        if definitions is not None:
            named = [{name: value for name, value in one.items() if value} for one in definitions]
            known = {one["name"] for one in named}
            named += [{"name": name} for name in classes if name not in known]
            (folder / "classes.yaml").write_text(json.dumps(named), encoding="utf-8")
        # An encoder that was tried and left is not tried again.
        left = settings.get("encoder_choice", {}).get("taken") == "none"
        arguments: dict[str, Any] = {
            "text_columns": settings["text_columns"],
            "label_column": self._source.label_column,
            "classes": classes if definitions is None else None,
            "definitions": None if definitions is None else "classes.yaml",
            "min_precision": settings.get("min_precision", 0.95),
            "separator": settings.get("separator", "|"),
            "encoder": "none" if left else settings["encoder"],
            "seed": settings.get("seed", 0),
        }
        write_json(
            folder / JOB,
            {
                "number": number,
                "arguments": arguments,
                "figures": {
                    "answers": answers,
                    "about": self._about(),
                    "drawn": drawn,
                    "drawn_right": right,
                },
            },
        )
        return answered

    def _drawn(self, answered: NDArray[np.bool_]) -> tuple[int, int]:
        """How many rows drawn at random were answered, and of how many the guess is right."""
        review = self._review
        rows = review.queue.sample(answered).tolist()
        right = 0
        for row in rows:
            last = max(review.state.said_of(row).values(), key=lambda verdict: verdict.number)
            right += last.kind == LABEL and last.label == review.rows.guesses.label[row]
        return len(rows), right

    def _compare(self, folder: Path, before: Guesses, trained_on: NDArray[np.bool_]) -> None:
        """Adds to a round's figures how far its guesses are others than before."""
        review = self._review
        blank = np.array([not label for label in self._source.given], bool) & ~trained_on
        found = next(figures for path, figures in read_rounds(self._folder) if path == folder)
        write_round(folder, compared(found, before, review.rows.guesses, blank))

    def _about(self) -> str:
        """What differs for another journal, by its first entry, or another labelling."""
        guesses = self._source.guesses
        first = self._review.journal.entries[:1]
        return digest(first, self._source.digest, guesses.label, guesses.probability)

    def _train(self, answers: int) -> None:
        number = self._rounds[-1].number + 1 if self._rounds else 1
        folder = self._folder / str(number)
        try:
            trained_on = self._prepare(folder, number, answers)
            code = self._worker.train(folder)
            if code == 0:
                before = self._review.rows.guesses
                self._take_up(folder, trained_on)
                self._compare(folder, before, trained_on)
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

    def _take_up(self, folder: Path, trained_on: NDArray[np.bool_] | None = None) -> None:
        frame, texts = read_texts(folder / LABELLED, self._source.settings["text_columns"])
        if texts != self._source.texts:
            raise DataError.at(folder / LABELLED, "expected the rows of the review")
        guesses = guesses_of(frame)
        review = self._review
        model = (folder / LABELLED).with_suffix(".model")
        teaching = teaching_rows(review.rows, guesses, review.answered())
        review.guess_anew(guesses, model, teaching, trained_on)

    def _drop_old(self) -> None:
        for path, _ in read_rounds(self._folder)[:-_KEPT]:
            for name in (ANSWERED, LABELLED):
                (path / name).unlink(missing_ok=True)
            shutil.rmtree((path / LABELLED).with_suffix(".model"), ignore_errors=True)


def _metrics(rows: ReviewRows) -> dict[str, Any]:
    """Of a labelling; none where the folder has lost them."""
    path = rows.model / "metrics.json"
    found = read_json(path, "the metrics of a labelling") if path.is_file() else {}
    return found if rows.column is None else found.get("columns", {}).get(rows.column, {})
