"""What later trainings of a review gave: one round for each, with its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfp_dgm.data import DataError, read_json, write_json
from tfp_dgm.reviewing.review_rows import Guesses

_RECORD = "round.json"
_LITTLE = 0.005  # Of a share: what a hundred answers should add at least.
_ENOUGH = 3  # Rounds before anything is said of the next one.


@dataclass(frozen=True)
class Round:
    """A training.

    Attributes:
      number: from 1; 0 is the labelling that the review began with.
      answers: how many rows people had answered.
      open_rows: how many rows had no label.
      accepted: how many of these are safe to accept.
      expected: the share of their guesses that is expected to be right, by the calibrated
        probabilities; None where no row was open.
      checked: the share of labels that models which did not see them guessed right, weighed as the
        classes occur among the open rows; None where there are too few to tell.
      seconds: that the training took.
      about: which journal and labelling it is of; see `Retrainer`.
    """

    number: int
    answers: int
    open_rows: int
    accepted: int
    expected: float | None
    checked: float | None
    seconds: float
    about: str = ""

    @property
    def left(self) -> int:
        """How many rows are left to a person."""
        return self.open_rows - self.accepted


def round_of(
    number: int, guesses: Guesses, labelled: Sequence[bool], metrics: dict[str, Any], **more: Any
) -> Round:
    """The figures of a training.

    Args:
      number: of the round.
      guesses: of all rows.
      labelled: [N]; which rows had a label.
      metrics: that the labelling wrote.
      **more: `answers`, `seconds` and `about`.
    """
    blank = ~np.asarray(labelled, bool)
    return Round(
        number=number,
        open_rows=int(blank.sum()),
        accepted=int((guesses.accepted & blank).sum()),
        expected=float(guesses.probability[blank].mean()) if blank.any() else None,
        checked=metrics.get("cross_fitted", {}).get("accuracy"),
        **more,
    )


def write_round(folder: Path, found: Round) -> None:
    """Marks a round's folder as complete."""
    write_json(folder / _RECORD, asdict(found))


def read_rounds(folder: Path) -> list[tuple[Path, Round]]:
    """The complete rounds in a folder, in their order; none where it is not there.

    Raises:
      DataError: if a record is damaged.
    """
    found = []
    for record in folder.glob(f"*/{_RECORD}"):
        try:
            found.append((record.parent, Round(**read_json(record, "the figures of a training"))))
        except TypeError as error:
            raise DataError.at(record, f"expected the figures of a training: {error}") from error
    return sorted(found, key=lambda pair: pair[1].number)


def advice(rounds: Sequence[Round]) -> str:
    """What the rounds say of further answers, in a sentence; "" where they are too few to tell.

    The expected share of right guesses is compared over the last two intervals between trainings:
    one may be flat by chance. It is of the rows that were open each time, which are not the same
    ones; the hardest leave first, so that the gain is rather over- than understated.
    """
    shares = [(found.answers, found.expected) for found in rounds if found.expected is not None]
    if len(shares) < _ENOUGH:
        return ""
    gains = []
    for (before, low), (after, high) in zip(shares[-3:], shares[-2:], strict=False):
        if after <= before:
            return ""
        gains.append(100 * (high - low) / (after - before))
    points = " and ".join(f"{100 * gain:+.1f}" for gain in gains)
    if max(gains) < _LITTLE:
        return (
            "You can stop: a hundred answers have added "
            f"{points} points to the share of the other rows that is expected to be right, less "
            "than half a point each time. A spot check tells what is right."
        )
    return (
        f"Going on pays: a hundred answers have added {points} points to the share of the other "
        "rows that is expected to be right."
    )
