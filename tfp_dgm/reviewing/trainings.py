"""What trainings on rows and trainings on sentences differ in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.reviewing.rounds import Guessed, Round


class Asked(NamedTuple):
    """What a training is asked for.

    Attributes:
      job: "label" or "tag".
      arguments: of the job, JSON-ready.
      figures: of the round, known before it.
      answered: bool [N]; which items were answered by then.
    """

    job: str
    arguments: dict[str, Any]
    figures: dict[str, Any]
    answered: NDArray[np.bool_]


class Taken(NamedTuple):
    """What a training's guesses are others in.

    Attributes:
      before, after: guesses of rows, or of words.
      open_rows: bool; which of them are open still.
    """

    before: Guessed
    after: Guessed
    open_rows: NDArray[np.bool_]


class Trainings(ABC):
    """A review's trainings: what they read, which job runs, how its guesses are taken up."""

    @property
    @abstractmethod
    def first(self) -> Round:
        """The figures of what the review began with."""

    @abstractmethod
    def about(self) -> str:
        """What differs for another journal, by its first entry, or other guesses to begin with."""

    @abstractmethod
    def write(self, folder: Path) -> Asked:
        """Writes what the process reads into a round's folder."""

    @abstractmethod
    def take_up(self, folder: Path, answered: NDArray[np.bool_] | None = None) -> Taken:
        """Gives the review the guesses of a round that is done.

        Args:
          folder: of the round.
          answered: as `write` gave it; None for those that are answered now.
        Raises:
          DataError: if they are of other items.
        """
