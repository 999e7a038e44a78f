"""What several annotators' answers come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfp_dgm.labelling.annotators.reliability import ADVERSARY, SPAMMER, Reliability

CROWD_COLUMNS = ("inferred_label", "inferred_probability")


@dataclass(frozen=True)
class Crowd:
    """The truths that were inferred for N rows, and the annotators behind them.

    Attributes:
      truth: float [N, K]; p(class | answers, text).
      answered: bool [N]; rows with at least one answer.
      answers: how many there are.
      annotators: each annotator who gave an answer.
    """

    truth: np.ndarray
    answered: np.ndarray
    answers: int
    annotators: Sequence[Reliability]

    @property
    def expected_right(self) -> float:
        """The share of the inferred truths that is expected to be right."""
        return float(self.truth[self.answered].max(axis=1).mean())

    def columns(self, classes: Sequence[str]) -> dict[str, list[Any]]:
        """`CROWD_COLUMNS` of each row: the likeliest class and its probability; else empty."""
        best, probability = self.truth.argmax(axis=1), self.truth.max(axis=1)
        values = (
            [classes[k] for k in best],
            [round(float(value), 6) for value in probability],
        )
        return {
            name: [
                value if here else None for value, here in zip(column, self.answered, strict=True)
            ]
            for name, column in zip(CROWD_COLUMNS, values, strict=True)
        }

    def warnings(self) -> list[str]:
        """What a person should know of the labels, in sentences."""
        found = [
            "The labels are truths inferred from the answers of "
            f"{len(self.annotators):,} annotators and from the texts; about "
            f"{self.expected_right:.1%} of them are right if annotators err independently of each "
            "other. Accuracies and what is accepted are measured against them, so that they hold "
            "as far as these do."
        ]
        for verdict, what in (
            (SPAMMER, "Answers that do not depend on the truth, and count for nothing"),
            (ADVERSARY, "Answers that are systematically wrong, and are used as such"),
        ):
            of_it = [one for one in self.annotators if one.verdict == verdict]
            of_it.sort(key=lambda one: -one.answers)
            named = ", ".join(f"{one.name} ({one.answers:,})" for one in of_it[:10])
            if of_it:
                more = f" and of {len(of_it) - 10} more" if len(of_it) > 10 else ""
                found.append(f"{what}: those of {named}{more}.")
        return found
