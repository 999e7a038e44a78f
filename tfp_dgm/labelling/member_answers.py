"""What members of a mixture answer, and the mixture of it, for the rows that are asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import numpy as np

from tfp_dgm.confidence import temper
from tfp_dgm.labelling.self_training import SelfTrainedHeads


class Answers(Protocol):
    """What a member answers, float32 [N, K, F]: an array, or as good as one.

    Axis F holds the model of all annotations first, then one for each fold that it did not see.
    """

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class AnswersOfHeads:
    """Answers computed anew for the rows that are asked: those of many classes are large."""

    heads: SelfTrainedHeads
    view: np.ndarray

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        return self.heads.predict(self.view[rows])


@dataclass(frozen=True)
class MixedAnswers:
    """The weighted mean of tempered answers."""

    answers: Sequence[Answers]
    temperatures: list[float]
    weights: np.ndarray

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        weighted = (
            np.float32(weight) * temper(answer[rows], temperature)
            for weight, answer, temperature in zip(
                self.weights, self.answers, self.temperatures, strict=True
            )
        )
        return reduce(np.add, weighted)


def unseen_answers(answers: Answers, rows: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The answers [n, K] to rows [n] by the models that did not see their fold [n]."""
    return answers[rows][np.arange(len(rows)), :, 1 + fold]
