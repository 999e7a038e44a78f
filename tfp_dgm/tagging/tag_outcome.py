"""What tagging a file's sentences gives: the record that files, reports and metrics are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tfp_dgm.confidence import EncoderChoice
from tfp_dgm.data import SentenceResult, SpanResult, TagScheme
from tfp_dgm.tagging.chain_readings import TagSpace


@dataclass(frozen=True)
class Acceptance:
    """What of words, or of spans, is accepted.

    Attributes:
      threshold: the least probability that is accepted; None where the tags are too few to tell.
      effect: how many annotated rows of a sentence tell as much as one of another.
      confidence: float [n]; the probabilities that annotated rows had when they were not seen.
      right: bool [n]; whether those answers were right.
      sentences: int [n]; the number of the sentence that each is in.
      open: float [N]; the probabilities of the answers that could be accepted.
    """

    threshold: float | None
    effect: float
    confidence: np.ndarray
    right: np.ndarray
    sentences: np.ndarray
    open: np.ndarray

    @property
    def accepted(self) -> int:
        """How many answers are accepted."""
        return 0 if self.threshold is None else int((self.open >= self.threshold).sum())


@dataclass(frozen=True)
class SpanCounts:
    """Spans of the sentences that are annotated whole, by models that did not see them.

    Attributes:
      sentences: int [n]; their numbers.
      right, predicted, given: int [n, C]; spans of each type.
    """

    sentences: np.ndarray
    right: np.ndarray
    predicted: np.ndarray
    given: np.ndarray


@dataclass(frozen=True)
class TagOutcome:
    """The tagged sentences of a file: S sentences of W words in all, G tags.

    Attributes:
      scheme: of the file.
      space: the labels of the chain, and the tags that they are written as.
      tokens: S lists of words.
      given: S lists of tuples of tags, as the file has them; () where there is none.
      labels: S arrays int [T]; the labels of each sentence, in agreement with what is given.
      observed: int [W]; the one tag that is given, -1 where there is none or a choice.
      probabilities: float32 [W, G], calibrated. Of a word with one given tag they are those of
        models that were trained without its sentence; else the sentence's other tags are used.
      predicted: int [W]; the most probable tag; of a word in spans, that of the best legal
        sequence.
      accept: bool [W]; words without one given tag whose tag is safe to accept: of spans, those of
        accepted spans, and those outside that are accepted by themselves.
      given_probability: float32 [W]; how likely the given tag is right, slips of annotators
        considered; NaN where none is given.
      spans: S tuples; the spans that the labels make, where tags are of spans.
      words: what of the words is accepted; of spans: of those outside them.
      of_spans: what of the spans is accepted; None where tags are plain.
      span_counts: None where tags are plain.
      min_precision: the precision asked for.
      next_sentences: the numbers of the sentences that are most worth annotating, best first.
      copies: how many annotated sentences repeat another one, or nearly.
      warnings: what the person should know, in sentences.
      seconds: how long each step took.
      encoder_choice: whether words are read with a pretrained encoder, and why.
    """

    scheme: TagScheme
    space: TagSpace
    tokens: Sequence[Sequence[str]]
    given: Sequence[Sequence[tuple[str, ...]]]
    labels: Sequence[np.ndarray]
    observed: np.ndarray
    probabilities: np.ndarray
    predicted: np.ndarray
    accept: np.ndarray
    given_probability: np.ndarray
    spans: Sequence[tuple[SpanResult, ...]]
    words: Acceptance
    of_spans: Acceptance | None
    span_counts: SpanCounts | None
    min_precision: float
    next_sentences: Sequence[int] = ()
    copies: int = 0
    warnings: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    encoder_choice: EncoderChoice = field(default_factory=EncoderChoice)

    @cached_property
    def sentences(self) -> np.ndarray:
        """int [W]; the number of each word's sentence."""
        return np.repeat(np.arange(len(self.tokens)), [len(words) for words in self.tokens])

    @cached_property
    def starts(self) -> np.ndarray:
        """int [S + 1]; the words of sentence s are those from starts[s] to starts[s + 1]."""
        return np.cumsum([0, *(len(words) for words in self.tokens)])

    @cached_property
    def annotated(self) -> np.ndarray:
        """bool [W]; words of which something is given."""
        return np.array([bool(options) for tags in self.given for options in tags], bool)

    @cached_property
    def confidence(self) -> np.ndarray:
        """float32 [W]; the probability of the predicted tag."""
        return np.take_along_axis(self.probabilities, self.predicted[:, np.newaxis], axis=1)[:, 0]

    @cached_property
    def suspects(self) -> np.ndarray:
        """bool [W]; given tags that look wrong to models that were trained without the sentence.

        The tag gets less than 5 % where another one gets more than half.
        """
        rows = np.arange(len(self.observed))
        of_given = self.probabilities[rows, np.maximum(self.observed, 0)]
        most = self.probabilities.max(axis=1)
        return np.asarray((self.observed >= 0) & (of_given < 0.05) & (most > 0.5))

    def results(self) -> list[SentenceResult]:
        """What is written of each sentence.

        Of a given tag the probability is that which models give it that were trained without it.
        """
        shown = np.where(self.observed >= 0, self.observed, self.predicted)
        probability = np.take_along_axis(self.probabilities, shown[:, np.newaxis], axis=1)[:, 0]
        found = []
        for number, (labels, given) in enumerate(zip(self.labels, self.given, strict=True)):
            rows = slice(self.starts[number], self.starts[number + 1])
            tags = self.scheme.written([self.space.labels[k] for k in labels])
            known = self.observed[rows] >= 0
            found.append(
                SentenceResult(
                    tags=[
                        options[0] if len(options) == 1 else tag
                        for tag, options in zip(tags, given, strict=True)
                    ],
                    probabilities=[float(value) for value in probability[rows]],
                    accept=[
                        None if here else bool(value)
                        for here, value in zip(known, self.accept[rows], strict=True)
                    ],
                    spans=self.spans[number],
                )
            )
        return found
