"""What later trainings of a review gave: one round for each, with its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import DataError, read_json, write_json

RECORD = "round.json"
_LITTLE = 0.005  # Of a share: what a hundred answers should add at least.
# Of the guesses that a training changes, how many more become right than become wrong, at most,
# where few are changed. It was 0.07 to 0.28 on posts, which no reported figure uses; more where a
# training puts a bad model right.
_MENDED = 0.5
_ENOUGH = 3  # Rounds before anything is said of the next one.


class Guessed(Protocol):
    """What a model says of N rows, or of the N words of all sentences."""

    @property
    def label(self) -> Sequence[str]:
        """[N]; the guesses."""

    @property
    def probability(self) -> NDArray[np.float64]:
        """float64 [N]; theirs."""

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """bool [N]; whether they are safe to accept."""


@dataclass(frozen=True)
class Round:
    """A training.

    Of a tagging the rows are words, those of all sentences, and their labels are tags; but for
    `answers`, and nothing is drawn.

    Attributes:
      number: from 1; 0 is the labelling, or the tagging, that the review began with.
      answers: how many rows, or sentences, people had answered.
      open_rows: how many rows had no label.
      accepted: how many of these are safe to accept.
      expected: the share of their guesses that is expected to be right, by the calibrated
        probabilities; None where no row was open.
      checked: the share of all labels, the answers among them, that models which did not see them
        guessed right, weighed as the classes occur among the open rows; None where there are too
        few to tell. Where people answer what is doubtful, it is far below that of the open rows.
      seconds: that the training took.
      about: which journal and labelling it is of; see `Retrainer`.
      drawn: how many rows drawn at random from those that were open were answered since the round
        before; see `RowQueue.sample`.
      drawn_right: of how many of them the guess of the round before was right.
      changed: the share of the open rows whose guess is another than in the round before; None
        where that is not known.
    """

    number: int
    answers: int
    open_rows: int
    accepted: int
    expected: float | None
    checked: float | None
    seconds: float
    about: str = ""
    drawn: int = 0
    drawn_right: int = 0
    changed: float | None = None
    made_safe: float | None = None

    @property
    def left(self) -> int:
        """How many rows are left to a person."""
        return self.open_rows - self.accepted


def round_of(
    number: int, guesses: Guessed, labelled: Sequence[bool], metrics: dict[str, Any], **more: Any
) -> Round:
    """The figures of a training.

    Args:
      number: of the round.
      guesses: of all rows.
      labelled: [N]; which rows had a label.
      metrics: that the labelling, or the tagging, wrote.
      **more: `answers` and `seconds`, and what is known of the attributes with a default.
    """
    blank = ~np.asarray(labelled, bool)
    checked = metrics.get("cross_fitted", {}).get("accuracy")
    return Round(
        number=number,
        open_rows=int(blank.sum()),
        accepted=int((guesses.accepted & blank).sum()),
        expected=float(guesses.probability[blank].mean()) if blank.any() else None,
        checked=checked["value"]
        if isinstance(checked, dict)
        else checked,  # Of tags it has bounds.
        **more,
    )


def write_round(folder: Path, found: Round) -> None:
    """Marks a round's folder as complete."""
    write_json(folder / RECORD, asdict(found))


def read_rounds(folder: Path) -> list[tuple[Path, Round]]:
    """The complete rounds in a folder, in their order; none where it is not there.

    Raises:
      DataError: if a record is damaged.
    """
    found = []
    for record in folder.glob(f"*/{RECORD}"):
        try:
            found.append((record.parent, Round(**read_json(record, "the figures of a training"))))
        except TypeError as error:
            raise DataError.at(record, f"expected the figures of a training: {error}") from error
    return sorted(found, key=lambda pair: pair[1].number)


def compared(found: Round, before: Guessed, after: Guessed, open_rows: NDArray[np.bool_]) -> Round:
    """A round with what differs on the rows [N] that are open still; as it is without such rows."""
    if not open_rows.any():
        return found
    other = np.array(before.label, object) != np.array(after.label, object)
    safe = after.accepted.astype(int) - before.accepted.astype(int)
    return replace(
        found,
        changed=float(other[open_rows].mean()),
        made_safe=float(safe[open_rows].mean()),
    )


def advice(rounds: Sequence[Round]) -> str:
    """What the rounds say of further answers, in a sentence; "" where they are too few to tell.

    A training mends no more guesses than it changes, and breaks some of these, so that half of what
    it changed is a high estimate of what it was worth to the rows still open: of the last two
    trainings the greater, since one may be flat by chance. And they are worth something where more
    of these rows have become safe to accept: in both together, since the threshold wavers. What the
    model expects of itself is no measure: from training to training it wavers by half a point.
    """
    last = rounds[-_ENOUGH:]
    if len(last) < _ENOUGH:
        return ""
    changed, hundreds, safer = [], 0.0, 0.0
    for before, after in pairwise(last):
        if after.answers <= before.answers or after.changed is None or after.made_safe is None:
            return ""
        part = (after.answers - before.answers) / 100
        changed.append(after.changed / part)
        hundreds += part
        safer += after.made_safe
    safer /= hundreds
    said = " and ".join(f"{100 * share:.1f}%" for share in changed)
    told = f"a hundred answers have changed the guesses of {said} of the other rows"
    if safer >= _LITTLE:
        return f"Going on pays: {told}, and made {100 * safer:.1f}% more of them safe to accept."
    if _MENDED * max(changed) >= _LITTLE:
        return f"Going on may pay: {told}."
    return (
        f"You can stop: {told}, and made no more of them safe to accept, so that the next hundred "
        "are worth less than half a point. A spot check tells what is right."
    )
