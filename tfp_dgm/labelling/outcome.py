"""What labelling a data set gives: the one record that tables, reports and metrics are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tfp_dgm.confidence import EncoderChoice
from tfp_dgm.labelling.annotators import Crowd
from tfp_dgm.labelling.class_levels import JudgedLevel
from tfp_dgm.labelling.no_class import NONE, label_names, label_probabilities


@dataclass(frozen=True)
class RationaleScores:
    """What rationales are worth, on texts that they were not learnt from.

    Attributes:
      held_out: how many texts these are.
      kept: the mean share of a text's known words that is kept; None without such texts.
      agreement: in how many of them the words kept alone tell the predicted label; None likewise.
    """

    held_out: int
    kept: float | None
    agreement: float | None


@dataclass(frozen=True)
class Outcome:
    """A labelled data set of N rows and K classes.

    Attributes:
      classes: K names, sorted.
      texts: N texts, as the model read them.
      allowed: bool [N, K]; the annotation: all True = none, one True = the observed label.
      probabilities: float32 [N, K], calibrated, of a row that is of one of the classes. A row that
        carries an annotation is judged by models that did not train on it (cross-fitting), and
        its annotation is not used.
      given_probability: float32 [N]; the probability that the annotation is right, of slips of
        annotators as often as the labels show; NaN where there is none.
      class_shares: float [S, K]; draws of the classes' shares among the rows without annotation
        from what is known of them.
      levels: groups of classes at which an answer may stop, from the deepest to the top.
      copies: how many annotated rows repeat the text of another one; all copies count once.
      weights: float32 [N]; what each row with an observed label counts in estimates for the
        unlabelled rows (annotators rarely draw classes as often as they occur; the first of
        copies stands for all); 0 elsewhere.
      min_precision: the precision asked for.
      threshold: the least probability that is accepted; None where the labels are too few to tell.
      terms: for each class, the words that speak for it and their weights, strongest first.
      unlike_labelled: int; rows without annotation that are unlike everything annotated, the most
        novel first; see `unlike_labelled`.
      warnings: what the person should know, in sentences.
      seconds: how long each step took.
      encoder_choice: which encoder of texts was taken, and why.
      none: float32 [N]; the probability that a row is of no class, judged like `probabilities`.
      none_share: the share of such rows among those without annotation, and a range that holds it
        with probability 0.8; None where nothing speaks for any.
      far: bool [N]; texts of another world than the others', of which no prediction is accepted.
      held_out: how many texts told how far texts like these are from each other.
      crowd: where the annotations were inferred from several annotators' answers, these and the
        annotators.
      rationales: how good rationales are; None where none were asked for.
    """

    classes: tuple[str, ...]
    texts: Sequence[str]
    allowed: np.ndarray
    probabilities: np.ndarray
    weights: np.ndarray
    given_probability: np.ndarray
    class_shares: np.ndarray
    min_precision: float
    threshold: float | None
    levels: Sequence[JudgedLevel] = ()
    copies: int = 0
    terms: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    unlike_labelled: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    warnings: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    encoder_choice: EncoderChoice = field(default_factory=EncoderChoice)
    none: np.ndarray | None = None
    none_share: tuple[float, float, float] | None = None
    far: np.ndarray | None = None
    held_out: int = 0
    crowd: Crowd | None = None
    rationales: RationaleScores | None = None

    @cached_property
    def observed(self) -> np.ndarray:
        """int [N]; the observed class, -1 where there is none."""
        return np.where(self.allowed.sum(axis=1) == 1, self.allowed.argmax(axis=1), -1)

    @cached_property
    def unannotated(self) -> np.ndarray:
        """bool [N]; rows whose annotation says nothing."""
        return np.all(self.allowed, axis=1)

    @cached_property
    def constrained(self) -> np.ndarray:
        """float32 [N, K]; the probabilities, given that a set-valued annotation holds."""
        several = (self.observed < 0)[:, np.newaxis]
        kept = np.where(several & ~self.allowed, 0, self.probabilities)
        total = kept.sum(axis=1, keepdims=True)
        return np.where(total > 0, kept / np.maximum(total, 1e-30), self.probabilities)

    @cached_property
    def ranking(self) -> np.ndarray:
        """int [N, K]; classes from the most to the least probable."""
        return np.argsort(-self.constrained, axis=1, kind="stable")

    @property
    def predicted(self) -> np.ndarray:
        """int [N]; the most probable class (cross-fitted where a label was observed)."""
        return self.ranking[:, 0]

    @cached_property
    def none_probability(self) -> np.ndarray:
        """float32 [N]; `none`, given that a set-valued annotation holds.

        A set of classes is known to hold the row's, so that it is 0 there, but where a class of the
        set is named "(none)": that is the rows of no class, which the set leaves possible.
        """
        if self.none is None:
            return np.zeros(len(self.texts), np.float32)
        several = (self.observed < 0) & ~self.unannotated
        left = self.none * self._none_allowed
        given = left / np.maximum(left + (1 - self.none) * self._believed, 1e-30)
        return np.where(several, given, self.none)

    @cached_property
    def confidence(self) -> np.ndarray:
        """float32 [N]; the probability that a row is of the predicted class, and not of none."""
        return self.constrained.max(axis=1) * (1 - self.none_probability)

    @cached_property
    def labels(self) -> list[str]:
        """What rows may be predicted to be: the classes, and "(none)"."""
        return label_names(self.classes)

    @cached_property
    def label_probabilities(self) -> np.ndarray:
        """float32 [N, K], or K + 1; the probabilities of `labels`."""
        return label_probabilities(self.constrained, self.none_probability, self.classes)

    @cached_property
    def label_ranking(self) -> np.ndarray:
        """int [N, K], or K + 1; `labels` from the most to the least probable."""
        return np.argsort(-self.label_probabilities, axis=1, kind="stable")

    @cached_property
    def accepted(self) -> np.ndarray:
        """bool [N]; rows without an observed label whose prediction is safe to accept."""
        if self.threshold is None:
            return np.zeros(len(self.texts), bool)
        of_a_class = self.label_ranking[:, 0] == self.predicted
        return self._open & (self.confidence >= self.threshold) & of_a_class

    @cached_property
    def safe_level(self) -> np.ndarray:
        """int [N]; the deepest level that accepts: 0 the classes, 1 the first of `levels`; else -1.

        Of rows without an observed label.
        """
        found = np.where(self.accepted, 0, -1)
        for number, judged in enumerate(self.levels, start=1):
            if judged.threshold is not None:
                confidence = self.of_groups(number).max(axis=1)
                sure = (confidence >= judged.threshold) & (confidence > self.none_probability)
                found[(found < 0) & self._open & sure] = number
        return found

    @cached_property
    def _open(self) -> np.ndarray:
        """bool [N]; rows without an observed label whose prediction may be accepted.

        Of a set-valued annotation the model must believe at least half: where it does not, its
        choice within the set is no better founded than the set.
        """
        believed = self._believed
        if self.none is not None:
            believed = (1 - self.none) * believed + self.none * self._none_allowed
        may = np.logical_and(self.observed < 0, believed >= 0.5)
        return may if self.far is None else may & ~self.far

    @property
    def _believed(self) -> np.ndarray:
        """float32 [N]; the probability of the allowed classes, of a row that is of a class."""
        return np.where(self.allowed, self.probabilities, np.float32(0)).sum(axis=1)

    @property
    def _none_allowed(self) -> np.ndarray:
        """bool [N]; rows that may be of no class for all that their annotation says."""
        named = [name == NONE for name in self.classes]
        return self.allowed[:, named].any(axis=1) | self.unannotated

    def of_groups(self, number: int) -> np.ndarray:
        """The groups' probabilities [N, G] at a level, counted as in `safe_level` from 1 on."""
        groups = self.levels[number - 1].probabilities(self.constrained)
        return groups * (1 - self.none_probability)[:, np.newaxis]

    @cached_property
    def suspects(self) -> np.ndarray:
        """bool [N]; annotations that look wrong to models that did not train on them.

        The annotation gets less than 5 % where another class gets more than half. How many of
        these are wrong `given_probability` tells: a model is sure of the wrong class, too, where
        it has not seen the like. A class named "(none)" gets the rows of no class, too.
        """
        annotated, probabilities = ~self.unannotated, self.probabilities
        if self.none is not None and NONE in self.classes:
            probabilities = label_probabilities(probabilities, self.none, self.classes)
        given = np.where(self.allowed, probabilities, 0).sum(axis=1)
        other = np.where(self.allowed, 0, probabilities).max(axis=1)
        return np.logical_and(annotated, (given < 0.05) & (other > 0.5))
