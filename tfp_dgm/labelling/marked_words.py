"""The words of a text that are marked for a person: reasons, and those of its rationale."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.reasons import WordReasons
from tfp_dgm.labelling.word_rationales import rationales_of


class MarkedWord(NamedTuple):
    """A word that is marked wherever it stands in a text.

    Attributes:
      word: as the vocabulary has it, in lower case.
      added: what it adds to the log-odds; 0 where it is no reason.
      kept: whether the rationale holds it.
    """

    word: str
    added: float = 0.0
    kept: bool = False


class WordMarks:
    """What reports and pages mark in a text, of one class against another.

    `WordReasons`, the strongest for to the strongest against; and, of a classifier with
    rationales, whether these keep the word, and after the reasons the other words that they keep.

    Args:
      classifier: trained, or loaded again.
    """

    def __init__(self, classifier: TextClassifier) -> None:
        self.classes = classifier.classes
        self._reasons = WordReasons(classifier)
        self._rationales = rationales_of(classifier)

    def __call__(
        self, texts: Sequence[str], answers: np.ndarray, others: np.ndarray
    ) -> list[list[MarkedWord]]:
        """The marked words of each text.

        Args:
          texts: N texts.
          answers: int [N]; a class of each, whose rationale it is.
          others: int [N]; the class that it is compared with.
        """
        reasons = self._reasons(texts, answers, others)
        kept: list[list[str]] = [[] for _ in texts]
        if self._rationales is not None:
            kept = self._rationales(texts, answers)
        return [_marked(*both) for both in zip(reasons, kept, strict=True)]


def _marked(reasons: list[tuple[str, float]], kept: list[str]) -> list[MarkedWord]:
    marked = {word: MarkedWord(word, added, word in kept) for word, added in reasons}
    for word in kept:
        marked.setdefault(word, MarkedWord(word, kept=True))
    return [*marked.values()]
