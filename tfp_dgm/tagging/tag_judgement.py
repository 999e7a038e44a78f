"""From what chains say to what may be trusted: calibration and acceptance of words and of spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfp_dgm.confidence import MIN_ACCEPTED, Calibration, given_label_probability
from tfp_dgm.data import TagScheme
from tfp_dgm.data.tag_scheme import OUTSIDE
from tfp_dgm.tagging.chain_readings import TagSpace
from tfp_dgm.tagging.judged_rows import AnnotatedRows, Judge, two_classes
from tfp_dgm.tagging.next_sentences import sentences_to_annotate
from tfp_dgm.tagging.sentence_readings import SentenceReading
from tfp_dgm.tagging.span_results import Verdicts, checked_spans, count_spans, span_results
from tfp_dgm.tagging.tag_outcome import Acceptance, SpanCounts, TagOutcome

_NEXT = 30
_FEW_SENTENCES = 20
_RIGHT = 1


@dataclass(frozen=True)
class TagReadings:
    """What chains said of S sentences, of which n are annotated.

    Attributes:
      tokens: S lists of words.
      given: S lists of tuples of tags, as the file has them.
      allowed: S arrays bool [T, K], the labels that the tags leave open; None where all.
      annotated: int [n]; the numbers of annotated sentences.
      all_sentences: S readings by the model, with the given tags as evidence.
      cross_fitted: n readings by models that were trained without the sentence.
      fitted: n readings by the model, without evidence.
    """

    tokens: Sequence[Sequence[str]]
    given: Sequence[Sequence[tuple[str, ...]]]
    allowed: Sequence[np.ndarray | None]
    annotated: np.ndarray
    all_sentences: Sequence[SentenceReading]
    cross_fitted: Sequence[SentenceReading]
    fitted: Sequence[SentenceReading]


@dataclass(frozen=True)
class TagCalibrations:
    """What the served model holds beside the chain.

    Attributes:
      words: of the tags of words.
      word_threshold: the least calibrated probability of an accepted word; None accepts none.
      spans: of "wrong" and "right" of spans; None where tags are plain.
      span_threshold: the least calibrated probability of an accepted span.
    """

    words: Calibration
    word_threshold: float | None
    spans: Calibration | None = None
    span_threshold: float | None = None


def judge_tags(
    readings: TagReadings,
    scheme: TagScheme,
    space: TagSpace,
    *,
    min_precision: float,
    seed: int = 0,
    warnings: Sequence[str] = (),
) -> tuple[TagCalibrations, TagOutcome]:
    """Calibrates probabilities by annotations that models did not see, and accepts what is safe.

    Plain tags are accepted word by word. Where tags are spans, these are accepted as a whole, and
    words outside by themselves: of what is accepted of either, at least `min_precision` is right
    in nine runs of ten.

    Args:
      readings: of the chains.
      scheme: of the tags.
      space: the labels of the chain.
      min_precision: the share of what is accepted that must be right.
      seed: of the choice of rows where there are more than a calibration takes.
      warnings: what the person should know already.
    """
    words = _Words.of(readings, space)
    rows = words.annotated_rows()
    judge = Judge.of(rows, seed=seed)
    outside = [space.tags.index(OUTSIDE)] if space.types else None
    opened = words.open
    threshold = judge.threshold(words.raw[opened], min_precision, of=outside)
    probabilities = judge.calibration(words.raw).astype(np.float32)
    probabilities[words.unseen_rows] = judge.calibration(words.unseen).astype(np.float32)
    confidence = np.take_along_axis(probabilities, words.predicted[:, np.newaxis], axis=1)[:, 0]
    by_itself = np.ones(len(opened), bool)
    if outside:
        by_itself = (words.predicted == outside[0]) & (probabilities.argmax(axis=1) == outside[0])
    accept = opened & by_itself & (confidence >= (2 if threshold is None else threshold))
    observed = words.observed
    checked = (observed >= 0) & by_itself
    of_words = Acceptance(
        threshold,
        judge.effect,
        confidence[checked],
        (words.predicted == observed)[checked],
        words.texts[checked],
        confidence[opened & by_itself],
    )
    calibrations = TagCalibrations(judge.calibration, threshold)
    spans: list[tuple] = [()] * len(readings.tokens)
    of_spans = counts = None
    if space.types:
        calibrations, spans, of_spans = _judged_spans(
            readings, calibrations, words, space, min_precision, seed
        )
        counts = _span_counts(readings, scheme, space)
        for number, found in enumerate(spans):
            for span in found:
                own = slice(words.starts[number] + span.first, words.starts[number] + span.last + 1)
                accept[own] = bool(span.accept) & opened[own]
    given_probability = np.full(len(opened), np.nan, np.float32)
    given_probability[words.annotated] = given_label_probability(
        judge.calibration, rows.cross_fitted, rows.allowed, words.fitted
    )
    different = len(np.unique(words.texts[words.starts[readings.annotated]]))
    doubt = np.where(observed < 0, 1 - confidence, 0)
    doubts = np.split(doubt, words.starts[1:-1])
    outcome = TagOutcome(
        scheme=scheme,
        space=space,
        tokens=readings.tokens,
        given=readings.given,
        labels=[reading.labels for reading in readings.all_sentences],
        observed=observed,
        probabilities=probabilities,
        predicted=words.predicted,
        accept=accept,
        given_probability=given_probability,
        spans=spans,
        words=of_words,
        of_spans=of_spans,
        span_counts=counts,
        min_precision=min_precision,
        next_sentences=sentences_to_annotate(readings.tokens, doubts, _NEXT),
        copies=len(readings.annotated) - different,
        warnings=[
            *warnings,
            *_few(len(readings.annotated), different),
            *_too_few(of_words, of_spans, min_precision),
        ],
    )
    return calibrations, outcome


@dataclass(frozen=True)
class _Words:
    """The words of all sentences, one behind the other.

    Attributes:
      starts: int [S + 1].
      texts: int [W]; the number of the sentence that each is in, the same one of its copies.
      raw: float32 [W, G]; uncalibrated, with the given tags as evidence.
      unseen, fitted: float32 [n, G]; of the words of annotated sentences that have one given tag or
        a choice, by models that did not see it, and by the one that did.
      annotated: int [n]; these words.
      allowed: bool [n, G]; what is given of them.
      observed: int [W]; the one given tag, or -1.
      predicted: int [W]; see `TagOutcome`.
      unseen_rows: int [m]; the words with one given tag.
    """

    starts: np.ndarray
    texts: np.ndarray
    raw: np.ndarray
    unseen_all: np.ndarray
    fitted: np.ndarray
    annotated: np.ndarray
    allowed: np.ndarray
    observed: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, readings: TagReadings, space: TagSpace) -> _Words:
        lengths = [len(words) for words in readings.tokens]
        starts = np.cumsum([0, *lengths])
        texts = np.repeat(copies(readings.tokens), lengths)
        groups = np.array(space.groups)
        raw = np.concatenate([reading.tags for reading in readings.all_sentences])
        predicted = groups[np.concatenate([reading.labels for reading in readings.all_sentences])]
        number = {tag: place for place, tag in enumerate(space.tags)}
        member = np.eye(len(space.tags), dtype=bool)[groups]  # [K, G]
        observed = np.full(len(texts), -1)
        rows, allowed, unseen, fitted = [], [], [], []
        for place, sentence in enumerate(readings.annotated):
            known = readings.allowed[sentence]
            assert known is not None
            cross, own = readings.cross_fitted[place], readings.fitted[place]
            left = known @ member  # bool [T, G]
            for word, options in enumerate(readings.given[sentence]):
                if not options:
                    continue
                row = starts[sentence] + word
                if len(options) == 1:
                    tags = np.flatnonzero(left[word])
                    # An illegal tag is read as another one.
                    observed[row] = tags[0] if len(tags) == 1 else number.get(options[0], -1)
                    predicted[row] = groups[cross.labels[word]]
                rows.append(row)
                allowed.append(left[word])
                unseen.append(cross.tags[word])
                fitted.append(own.tags[word])
        return cls(
            starts,
            texts,
            raw,
            np.array(unseen),
            np.array(fitted),
            np.array(rows),
            np.array(allowed),
            observed,
            predicted,
        )

    @property
    def open(self) -> np.ndarray:
        """bool [W]; words without one given tag."""
        return self.observed < 0

    @property
    def unseen_rows(self) -> np.ndarray:
        return self.annotated[self.observed[self.annotated] >= 0]

    @property
    def unseen(self) -> np.ndarray:
        return self.unseen_all[self.observed[self.annotated] >= 0]

    def annotated_rows(self) -> AnnotatedRows:
        texts = self.texts[self.annotated]
        return AnnotatedRows(self.unseen_all, self.allowed, texts, self.fitted)


def _judged_spans(
    readings: TagReadings,
    calibrations: TagCalibrations,
    words: _Words,
    space: TagSpace,
    min_precision: float,
    seed: int,
) -> tuple[TagCalibrations, list[tuple], Acceptance]:
    verdicts: list[Verdicts] = [
        checked_spans(reading.spans, _known(readings, sentence), readings.given[sentence])
        for reading, sentence in zip(readings.cross_fitted, readings.annotated, strict=True)
    ]
    raw = np.array([span.probability for found in verdicts for span, _ in found])
    right = np.array([verdict for found in verdicts for _, verdict in found], bool)
    texts = words.texts[words.starts[readings.annotated]]
    texts = np.repeat(texts, [len(found) for found in verdicts])
    judge = Judge.of(
        AnnotatedRows(two_classes(raw), np.stack([~right, right], axis=1), texts), seed=seed
    )

    def calibrated(probability: np.ndarray) -> np.ndarray:
        return judge.calibration(two_classes(probability))[:, _RIGHT]

    opened = np.split(words.open, words.starts[1:-1])
    candidates = np.array(
        [
            span.probability
            for reading, is_open in zip(readings.all_sentences, opened, strict=True)
            for span in reading.spans
            if is_open[span.first : span.last + 1].any()
        ]
    )
    threshold = judge.threshold(two_classes(candidates), min_precision, of=[_RIGHT])
    spans = [
        span_results(reading.spans, space.types, calibrated, threshold, ~is_open)
        for reading, is_open in zip(readings.all_sentences, opened, strict=True)
    ]
    acceptance = Acceptance(
        threshold, judge.effect, calibrated(raw), right, texts, calibrated(candidates)
    )
    found = TagCalibrations(
        calibrations.words, calibrations.word_threshold, judge.calibration, threshold
    )
    return found, spans, acceptance


def _known(readings: TagReadings, sentence: int) -> np.ndarray:
    known = readings.allowed[sentence]
    assert known is not None
    return known


def _span_counts(readings: TagReadings, scheme: TagScheme, space: TagSpace) -> SpanCounts:
    """Of sentences whose words all have one given tag."""
    rows = []
    counts = []
    for reading, sentence in zip(readings.cross_fitted, readings.annotated, strict=True):
        given = readings.given[sentence]
        if not all(len(options) == 1 for options in given):
            continue
        known = _known(readings, sentence)
        truth = scheme.spans([space.labels[k] for k in known.argmax(axis=1)])
        predicted = scheme.spans([space.labels[k] for k in reading.labels])
        right = [span for span in predicted if span in set(truth)]
        rows.append(sentence)
        counts.append([count_spans(spans, space.types) for spans in (right, predicted, truth)])
    table = np.array(counts, int).reshape(len(rows), 3, len(space.types))
    return SpanCounts(np.array(rows, int), table[:, 0], table[:, 1], table[:, 2])


def copies(tokens: Sequence[Sequence[str]]) -> np.ndarray:
    """The number int [S] of each sentence; copies, whatever their case, have the same one."""
    numbers: dict[tuple[str, ...], int] = {}
    return np.array(
        [
            numbers.setdefault(tuple(word.lower() for word in words), len(numbers))
            for words in tokens
        ]
    )


def _few(annotated: int, different: int) -> list[str]:
    """Sentences on how little is annotated."""
    found = []
    if different < _FEW_SENTENCES:
        found.append(
            f"Only {different:,} different sentences have tags. With fewer than {_FEW_SENTENCES} "
            "what is promised of accepted tags rests on little; annotate the sentences that the "
            "report lists first."
        )
    if annotated > different:
        found.append(
            f"{annotated - different:,} of the {annotated:,} sentences with tags are copies of "
            "others, which tell together as much as one."
        )
    return found


def _too_few(words: Acceptance, spans: Acceptance | None, min_precision: float) -> list[str]:
    """Sentences on that nothing can be accepted."""
    found = []
    of_words = "tags" if spans is None else "words outside spans"
    for acceptance, name in ((words, of_words), (spans, "spans")):
        if acceptance is None or acceptance.threshold is not None:
            continue
        if len(acceptance.open) >= MIN_ACCEPTED:
            found.append(
                f"Too few tags are given to tell which predicted {name} are right "
                f"{min_precision:.0%} of the time: none is accepted. Annotate the sentences that "
                "the report lists first."
            )
    return found
