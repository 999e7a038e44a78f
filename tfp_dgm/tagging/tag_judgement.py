"""From what chains say to what may be trusted: calibration and acceptance of words and of spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfp_dgm.confidence import Calibration, given_label_probability
from tfp_dgm.data import TagScheme
from tfp_dgm.data.tag_scheme import OUTSIDE
from tfp_dgm.tagging.chain_readings import TagSpace
from tfp_dgm.tagging.judged_rows import AnnotatedRows, Judge, two_classes
from tfp_dgm.tagging.judgement_warnings import few_sentences, too_few_tags, unlike_tagged
from tfp_dgm.tagging.next_sentences import sentences_to_annotate
from tfp_dgm.tagging.span_results import Verdicts, checked_spans, count_spans, span_results
from tfp_dgm.tagging.tag_outcome import Acceptance, SpanCounts, TagOutcome
from tfp_dgm.tagging.tag_readings import FlatWords, TagReadings
from tfp_dgm.tagging.unlike_sentences import UnlikeSentences

_NEXT = 30
_RIGHT = 1


@dataclass(frozen=True)
class TagCalibrations:
    """What the served model holds beside the chain.

    Attributes:
      words: of the tags of words.
      word_threshold: the least calibrated probability of an accepted word; None accepts none.
      spans: of "wrong" and "right" of spans; None where tags are plain.
      span_threshold: the least calibrated probability of an accepted span.
      most_new: see `UnlikeSentences`.
    """

    words: Calibration
    word_threshold: float | None
    spans: Calibration | None = None
    span_threshold: float | None = None
    most_new: tuple[int, ...] | None = None


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
    words = FlatWords.of(readings, space)
    rows = words.annotated_rows()
    judge = Judge.of(rows, seed=seed)
    outside = [space.tags.index(OUTSIDE)] if space.types else None
    kinds = UnlikeSentences.fit(readings.tokens, readings.annotated, readings.group)
    unlike = kinds.of(readings.tokens)
    opened = words.open & _believed(words, judge) & ~np.repeat(unlike, np.diff(words.starts))
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
    calibrations = TagCalibrations(judge.calibration, threshold, most_new=kinds.most_new)
    spans: list[tuple] = [()] * len(readings.tokens)
    of_spans = counts = None
    if space.types:
        calibrations, spans, of_spans = _judged_spans(
            readings, calibrations, words, opened, space, min_precision, seed
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
            *few_sentences(len(readings.annotated), different),
            *unlike_tagged(int(unlike.sum())),
            *too_few_tags(of_words, of_spans, min_precision),
        ],
    )
    return calibrations, outcome


def _judged_spans(
    readings: TagReadings,
    calibrations: TagCalibrations,
    words: FlatWords,
    opened: np.ndarray,
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

    bounds = words.starts[1:-1]
    known = np.split(~words.open, bounds)
    believed = np.split(opened | ~words.open, bounds)
    candidates = np.array(
        [
            span.probability
            for reading, is_known, is_believed in zip(
                readings.all_sentences, known, believed, strict=True
            )
            for span in reading.spans
            for own in [slice(span.first, span.last + 1)]
            if is_believed[own].all() and not is_known[own].all()
        ]
    )
    threshold = judge.threshold(two_classes(candidates), min_precision, of=[_RIGHT])
    spans = [
        span_results(reading.spans, space.types, calibrated, threshold, *of_words)
        for reading, *of_words in zip(readings.all_sentences, known, believed, strict=True)
    ]
    acceptance = Acceptance(
        threshold, judge.effect, calibrated(raw), right, texts, calibrated(candidates)
    )
    found = replace(calibrations, spans=judge.calibration, span_threshold=threshold)
    return found, spans, acceptance


def _believed(words: FlatWords, judge: Judge) -> np.ndarray:
    """bool [W]; words whose tag may be accepted, as far as it depends on what is given of them.

    Of a choice of tags, models that did not see it must believe at least half: where they do not,
    what they say within the choice is no better founded than the choice.
    """
    believed = np.ones(len(words.observed), bool)
    left = np.where(words.allowed, judge.calibration(words.unseen_all), 0).sum(axis=1)
    believed[words.annotated] = (left >= 0.5) | (words.observed[words.annotated] >= 0)
    return believed


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
