"""The numbers of tagged sentences, ready for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from tfp_dgm.evaluation import clopper_pearson_interval
from tfp_dgm.tagging.resampling import band, calibration_error, mean_f1, per_sentence, ratio
from tfp_dgm.tagging.tag_outcome import Acceptance, TagOutcome

TOO_FEW_TAGS = "too few tags to tell"
_BINS = 15


def tag_metrics(outcome: TagOutcome) -> dict[str, Any]:
    """Counts, quality on tags that models did not see, and what was accepted.

    Quality is measured on the words with one given tag, and the spans whose words all have one,
    each judged by models that were trained without its sentence. Scores are dictionaries of
    `value`, `low` and `high`, between which 95 % of draws of other sentences lie (bootstrap over
    sentences). A number that nothing tells is None.

    Returns:
      A dictionary of these, JSON-ready:
        sentences: `all`, `whole` (each word has a tag), `part`, `none`, and `copies` among those
          with tags.
        words: `all`, `given` (one tag), `choices` (one of several), `open`.
        cross_fitted: of words `count`, `accuracy`, `macro_f1` over the tags that are given,
          `expected_calibration_error`; where tags are spans, under `spans` the number of sentences
          that are annotated whole, of their spans (`count`), `precision`, `recall`, `f1`, and the
          `expected_calibration_error` of the probabilities of predicted spans.
        acceptance: `asked_precision`; of `words` (of spans: outside them) and of `spans` each
          `threshold`, `accepted`, `of` (how many could be), `coverage`, `expected_precision`
          (mean probability of what is accepted), `measured` (answers to what is annotated above the
          threshold: `count`, `precision`, and its interval from `low` to `high`), `effect` (how
          many words of a sentence tell as much as one), and `note`, which says why there is no
          threshold.
        tags: for each, `name`, how often it is `given`, `predicted` and `accepted` of other words,
          cross-fitted `precision` and `recall`.
        types: the same of the types of spans; of spans, whole sentences.
        suspects: `count` of given tags that look wrong, and how many of them are expected to be
          (`expected_wrong`).
        encoder: whether words are read with a pretrained one, and why.
        warnings, seconds: as in the outcome.
    """
    numbers = {
        "sentences": _sentences(outcome),
        "words": _words(outcome),
        "cross_fitted": _cross_fitted(outcome),
        "acceptance": {
            "asked_precision": outcome.min_precision,
            "words": _acceptance(outcome.words),
            "spans": None if outcome.of_spans is None else _acceptance(outcome.of_spans),
        },
        "tags": _tags(outcome),
        "types": _types(outcome),
        "suspects": _suspects(outcome),
        "warnings": list(outcome.warnings),
        "encoder": asdict(outcome.encoder_choice),
        "seconds": dict(outcome.seconds),
    }
    return _json_ready(numbers)


def _sentences(outcome: TagOutcome) -> dict[str, int]:
    known = [sum(map(bool, tags)) for tags in outcome.given]
    whole = sum(count == len(tags) for count, tags in zip(known, outcome.given, strict=True))
    none = known.count(0)
    return {
        "all": len(known),
        "whole": whole,
        "part": len(known) - whole - none,
        "none": none,
        "copies": outcome.copies,
    }


def _words(outcome: TagOutcome) -> dict[str, int]:
    given = int((outcome.observed >= 0).sum())
    choices = int(outcome.annotated.sum()) - given
    size = len(outcome.observed)
    return {"all": size, "given": given, "choices": choices, "open": size - given}


def _cross_fitted(outcome: TagOutcome) -> dict[str, Any]:
    rows = np.flatnonzero(outcome.observed >= 0)
    given, predicted = outcome.observed[rows], outcome.predicted[rows]
    sentences = outcome.sentences[rows]
    right = given == predicted
    one_hot = np.eye(len(outcome.space.tags))
    by_tag = per_sentence(
        sentences, one_hot[given] * right[:, np.newaxis], one_hot[predicted], one_hot[given]
    )
    numbers: dict[str, Any] = {
        "count": len(rows),
        "accuracy": band(ratio, per_sentence(sentences, right, np.ones(len(rows)))),
        "macro_f1": band(mean_f1, by_tag),
        "expected_calibration_error": _calibration(outcome.confidence[rows], right, sentences),
    }
    counts, spans = outcome.span_counts, outcome.of_spans
    if counts is not None and spans is not None:
        sums = [part.sum(axis=1) for part in (counts.right, counts.predicted, counts.given)]
        found, predicted_spans, true = sums
        numbers["spans"] = {
            "sentences": len(counts.sentences),
            "count": int(true.sum()),
            "precision": band(ratio, np.stack([found, predicted_spans], axis=1)),
            "recall": band(ratio, np.stack([found, true], axis=1)),
            "f1": band(ratio, np.stack([2 * found, predicted_spans + true], axis=1)),
            "expected_calibration_error": _calibration(
                spans.confidence, spans.right, spans.sentences
            ),
        }
    return numbers


def _calibration(
    confidence: np.ndarray, right: np.ndarray, sentences: np.ndarray
) -> dict[str, float]:
    bins = np.eye(_BINS)[np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)]
    rows = (bins, bins * right[:, np.newaxis], bins * confidence[:, np.newaxis])
    return band(calibration_error, per_sentence(sentences, *rows))


def _acceptance(acceptance: Acceptance) -> dict[str, Any]:
    told = acceptance.threshold is not None
    least = acceptance.threshold if told else math.inf
    above = acceptance.confidence >= least
    accepted = acceptance.open[acceptance.open >= least]
    precision = acceptance.right[above].mean() if above.any() else math.nan
    low, high = clopper_pearson_interval(precision, above.sum() / acceptance.effect)
    size = len(acceptance.open)
    return {
        "threshold": acceptance.threshold,
        "accepted": len(accepted),
        "of": size,
        "coverage": len(accepted) / size if size else None,
        "expected_precision": accepted.mean(dtype=np.float64) if len(accepted) else None,
        "measured": {"count": int(above.sum()), "precision": precision, "low": low, "high": high}
        if told
        else None,
        "effect": acceptance.effect,
        "note": None if told else TOO_FEW_TAGS,
    }


def _tags(outcome: TagOutcome) -> list[dict[str, Any]]:
    size = len(outcome.space.tags)
    known = outcome.observed >= 0
    given, predicted = outcome.observed[known], outcome.predicted[known]
    right = np.bincount(given[given == predicted], minlength=size)
    times, answered = np.bincount(given, minlength=size), np.bincount(predicted, minlength=size)
    others = np.bincount(outcome.predicted[~known], minlength=size)
    accepted = np.bincount(outcome.predicted[outcome.accept], minlength=size)
    return [
        {
            "name": name,
            "given": times[k],
            "predicted": others[k],
            "accepted": accepted[k],
            **_precision_and_recall(right[k], answered[k], times[k]),
        }
        for k, name in enumerate(outcome.space.tags)
    ]


def _types(outcome: TagOutcome) -> list[dict[str, Any]]:
    counts = outcome.span_counts
    if counts is None:
        return []
    right, answered, given = (
        part.sum(axis=0) for part in (counts.right, counts.predicted, counts.given)
    )
    spans = [span for found in outcome.spans for span in found if span.accept is not None]
    return [
        {
            "name": name,
            "given": given[k],
            "predicted": sum(span.name == name for span in spans),
            "accepted": sum(span.name == name and bool(span.accept) for span in spans),
            **_precision_and_recall(right[k], answered[k], given[k]),
        }
        for k, name in enumerate(outcome.space.types)
    ]


def _precision_and_recall(right: int, predicted: int, given: int) -> dict[str, float]:
    return {
        "precision": right / predicted if predicted else math.nan,
        "recall": right / given if given else math.nan,
    }


def _suspects(outcome: TagOutcome) -> dict[str, Any]:
    wrong = 1 - outcome.given_probability[outcome.suspects]
    return {"count": int(outcome.suspects.sum()), "expected_wrong": wrong.sum(dtype=np.float64)}


def _json_ready(value: Any) -> Any:
    """Numbers, lists and dictionaries as JSON has them: NumPy's as Python's, NaN as None."""
    if isinstance(value, dict):
        return {name: _json_ready(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_json_ready(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
