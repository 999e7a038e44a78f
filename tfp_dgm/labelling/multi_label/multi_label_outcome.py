"""What labelling a data set with several labels a row gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tfp_dgm.confidence import EncoderChoice


@dataclass(frozen=True)
class MultiLabelOutcome:
    """A labelled data set of N rows, each of which any of K classes may apply to.

    Attributes:
      classes: K names, sorted.
      texts: N texts, as the model read them.
      marks: int8 [N, K]; the annotation: 1 = the class applies, 0 = it does not, -1 = unknown.
      probabilities: float32 [N, K], calibrated; that each class applies. A row that carries an
        annotation is judged by models that did not train on it (cross-fitting), and its annotation
        is not used.
      constrained: float32 [N, K]; the same, given what is known of a row that is annotated in part.
      row_probability: float32 [N]; that `predicted` is right, and all.
      weights: float32 [N]; what each annotated row counts (copies, once together); 0 elsewhere.
      thresholds: float [K]; the probability from which on a class is predicted.
      acceptance: float [K]; from which on it is accepted; NaN where too few labels tell.
      min_precision: the precision asked for.
      row_threshold: the least `row_probability` of an accepted row; None as above.
      components: of the mixture that says which classes go together; 1 = independent.
      gain: what that mixture is worth, nats a row, on rows that it did not see.
      copies: how many annotated rows repeat the text of another one.
      terms: for each class, the words that speak for it and their weights, strongest first.
      warnings: what the person should know, in sentences.
      seconds: how long each step took.
      encoder_choice: which encoder the texts were read with, and why.
    """

    classes: tuple[str, ...]
    texts: Sequence[str]
    marks: np.ndarray
    probabilities: np.ndarray
    constrained: np.ndarray
    row_probability: np.ndarray
    weights: np.ndarray
    thresholds: np.ndarray
    acceptance: np.ndarray
    min_precision: float
    row_threshold: float | None
    components: int = 1
    gain: float = 0.0
    copies: int = 0
    terms: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    encoder_choice: EncoderChoice = field(default_factory=EncoderChoice)

    @cached_property
    def annotated(self) -> np.ndarray:
        """bool [N]; rows of which something is known."""
        return np.any(self.marks >= 0, axis=1)

    @cached_property
    def complete(self) -> np.ndarray:
        """bool [N]; rows of which everything is known."""
        return np.all(self.marks >= 0, axis=1)

    @cached_property
    def predicted(self) -> np.ndarray:
        """bool [N, K]; the classes that each row gets (cross-fitted where all are annotated)."""
        return self.constrained >= self.thresholds

    @cached_property
    def accepted(self) -> np.ndarray:
        """bool [N, K]; predicted classes that are safe to accept, of what is not annotated."""
        safe = self.constrained >= np.where(np.isnan(self.acceptance), 2, self.acceptance)
        return safe & (self.marks < 0)

    @cached_property
    def accepted_rows(self) -> np.ndarray:
        """bool [N]; rows whose predicted classes are safe to take for all of them."""
        if self.row_threshold is None:
            return np.zeros(len(self.texts), bool)
        return ~self.complete & (self.row_probability >= self.row_threshold)

    @cached_property
    def suspects(self) -> np.ndarray:
        """bool [N, K]; marks that look wrong to models that did not train on them.

        What is marked gets less than 5 % where the class has been seen to apply and not to.
        """
        seen = np.any(self.marks == 1, axis=0) & np.any(self.marks == 0, axis=0)
        given = np.where(self.marks == 1, self.probabilities, 1 - self.probabilities)
        return np.logical_and((self.marks >= 0) & seen, given < 0.05)
