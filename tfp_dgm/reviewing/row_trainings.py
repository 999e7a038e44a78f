"""Trainings of a review of rows."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.confidence import FULL, NONE, TUNED
from tfp_dgm.data import DataError, digest, read_json
from tfp_dgm.reviewing.entry_checks import LABEL
from tfp_dgm.reviewing.retraining_process import ANSWERED, LABEL_JOB, LABELLED
from tfp_dgm.reviewing.review import Review
from tfp_dgm.reviewing.review_export import export_review
from tfp_dgm.reviewing.review_rows import ReviewRows, guesses_of, read_texts
from tfp_dgm.reviewing.rounds import Round, round_of
from tfp_dgm.reviewing.rows_that_teach import teaching_rows
from tfp_dgm.reviewing.trainings import Asked, Taken, Trainings


class RowTrainings(Trainings):
    """The table with the answers, labelled as the first labelling was asked to.

    Args:
      review: with the guesses that it began with.
    """

    def __init__(self, review: Review) -> None:
        self._review = review
        self._source = review.rows

    @cached_property
    def first(self) -> Round:
        """See `Trainings.first`."""
        return round_of(
            0,
            self._source.guesses,
            [bool(label) for label in self._source.given],
            _metrics(self._source),
            answers=0,
            seconds=0.0,
        )

    def about(self) -> str:
        """See `Trainings.about`."""
        guesses = self._source.guesses
        first = self._review.journal.entries[:1]
        return digest(first, self._source.digest, guesses.label, guesses.probability)

    def write(self, folder: Path) -> Asked:
        """See `Trainings.write`."""
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
        # An encoder that was tried and left is not tried again, nor is tuning it.
        choice = settings.get("encoder_choice", {})
        taken = choice.get("taken")
        untried = taken == FULL and TUNED not in choice.get("gains", {})
        arguments: dict[str, Any] = {
            "text_columns": settings["text_columns"],
            "label_column": self._source.label_column,
            "classes": classes if definitions is None else None,
            "definitions": None if definitions is None else "classes.yaml",
            "min_precision": settings.get("min_precision", 0.95),
            "separator": settings.get("separator", "|"),
            "encoder": NONE if taken == NONE else settings["encoder"],
            "tune_encoder": taken == TUNED or (untried and settings.get("tune_encoder", False)),
            "rationales": settings.get("rationales", False),
            "seed": settings.get("seed", 0),
        }
        return Asked(LABEL_JOB, arguments, {"drawn": drawn, "drawn_right": right}, answered)

    def take_up(self, folder: Path, answered: NDArray[np.bool_] | None = None) -> Taken:
        """See `Trainings.take_up`."""
        frame, texts = read_texts(folder / LABELLED, self._source.settings["text_columns"])
        if texts != self._source.texts:
            raise DataError.at(folder / LABELLED, "expected the rows of the review")
        guesses = guesses_of(frame)
        review = self._review
        before = review.rows.guesses
        answered = review.answered() if answered is None else answered
        model = (folder / LABELLED).with_suffix(".model")
        teaching = teaching_rows(review.rows, guesses, review.answered())
        review.guess_anew(guesses, model, teaching, answered)
        blank = np.array([not label for label in self._source.given], bool) & ~answered
        return Taken(before, guesses, blank)

    def _drawn(self, answered: NDArray[np.bool_]) -> tuple[int, int]:
        """How many rows drawn at random were answered, and of how many the guess is right."""
        review = self._review
        rows = review.queue.sample(answered).tolist()
        right = 0
        for row in rows:
            last = max(review.state.said_of(row).values(), key=lambda verdict: verdict.number)
            right += last.kind == LABEL and last.label == review.rows.guesses.label[row]
        return len(rows), right


def _metrics(rows: ReviewRows) -> dict[str, Any]:
    """Of a labelling; none where the folder has lost them."""
    path = rows.model / "metrics.json"
    found = read_json(path, "the metrics of a labelling") if path.is_file() else {}
    return found if rows.column is None else found.get("columns", {}).get(rows.column, {})
