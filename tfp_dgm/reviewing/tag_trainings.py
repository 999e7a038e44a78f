"""Trainings of a review of sentences."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, digest, read_json
from tfp_dgm.reviewing.retraining_process import TAG_JOB, TAGGED_MODEL
from tfp_dgm.reviewing.review_sentences import read_review_sentences
from tfp_dgm.reviewing.rounds import Round, round_of
from tfp_dgm.reviewing.sentences_that_teach import teaching_sentences
from tfp_dgm.reviewing.tag_export import export_tags
from tfp_dgm.reviewing.tag_review import TagReview
from tfp_dgm.reviewing.trainings import Asked, Taken, Trainings
from tfp_dgm.reviewing.word_guesses import with_former_guesses, word_guesses


class TagTrainings(Trainings):
    """The source with the answers as tags, tagged as the first tagging was asked to.

    The figures are of words, whether tags are of spans or not.

    Args:
      review: with the guesses that it began with.
    """

    def __init__(self, review: TagReview) -> None:
        self._review = review
        self._source = review.rows

    @cached_property
    def first(self) -> Round:
        """See `Trainings.first`."""
        words = word_guesses(self._source.guesses)
        path = self._source.model / "metrics.json"
        return round_of(
            0,
            words,
            (~words.open).tolist(),
            read_json(path, "the metrics of a tagging") if path.is_file() else {},
            answers=0,
            seconds=0.0,
        )

    def about(self) -> str:
        """See `Trainings.about`."""
        guesses = self._source.guesses
        probabilities = [list(result.probabilities) for result in guesses.results]
        first = self._review.journal.entries[:1]
        return digest(first, self._source.digest, guesses.labels, probabilities)

    def write(self, folder: Path) -> Asked:
        """See `Trainings.write`."""
        settings = self._source.settings
        _, dot, ending = self._source.table.name.partition(".")  # Which tells the format.
        answered = self._review.answered()
        export_tags(self._review, folder / f"answered{dot}{ending}")
        # An encoder that was tried and left is not tried again.
        left = settings.get("encoder_choice", {}).get("taken") == "none"
        arguments: dict[str, Any] = {
            "source": f"answered{dot}{ending}",
            "output": f"tagged{dot}{ending}",
            "token_column": settings["token_column"],
            "tag_column": settings.get("tag_column"),
            "format": settings.get("format"),
            "scheme": self._source.scheme.kind,  # Answers may look like another one.
            "separator": settings.get("separator", "|"),
            "min_precision": settings.get("min_precision", 0.95),
            "encoder": "none" if left else settings.get("encoder"),
            "seed": settings.get("seed", 0),
        }
        return Asked(TAG_JOB, arguments, {}, answered)

    def take_up(self, folder: Path, answered: NDArray[np.bool_] | None = None) -> Taken:
        """See `Trainings.take_up`; which words were answered stands in the tagged file."""
        found = read_review_sentences(folder / TAGGED_MODEL)
        source, review = self._source, self._review
        if found.tokens != source.tokens:
            raise DataError.at(found.table, "expected the sentences of the review")
        learnt = [
            {word for word, tag in enumerate(tags) if tag != given[word]}
            for tags, given in zip(found.sentences.tags, source.sentences.tags, strict=True)
        ]
        before = review.rows.guesses
        guesses = with_former_guesses(source.scheme, found.guesses, before, learnt)
        teaching = teaching_sentences(review.rows, guesses, review.answered())
        review.guess_anew(guesses, found.model, teaching)
        words = word_guesses(found.guesses)
        return Taken(word_guesses(before), words, words.open)
