"""Spans that chains found, as they are judged and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tfp_dgm.data import Span, SpanResult
from tfp_dgm.data.tag_scheme import OUTSIDE
from tfp_dgm.tagging.sentence_readings import SpanReading

Verdicts = list[tuple[SpanReading, bool]]


def checked_spans(
    spans: Sequence[SpanReading], allowed: np.ndarray, given: Sequence[tuple[str, ...]]
) -> Verdicts:
    """The predicted spans of a sentence on which its annotation has a verdict: right or wrong.

    Those are the spans whose words have a tag each, and so have their neighbours, which tell where
    the span begins and ends: whether there is a verdict does not depend on what it is.

    Args:
      spans: of the best labels of a model that did not see the annotation.
      allowed: bool [T, K]; the labels that the annotation leaves open.
      given: T tuples of tags.
    """
    known = [len(options) == 1 for options in given]
    found = []
    for span in spans:
        if all(known[max(span.first - 1, 0) : span.last + 2]):
            path = np.array(span_labels(span.first, span.last, span.type))
            right = allowed[np.arange(span.first, span.last + 1), path].all()
            found.append((span, bool(right)))
    return found


def span_labels(first: int, last: int, type_: int) -> list[int]:
    """The labels of the words of a span: B I ... E, or S, of its type."""
    begin, inside, end, single = (1 + 4 * type_ + role for role in range(4))
    if first == last:
        return [single]
    return [begin, *[inside] * (last - first - 1), end]


def span_results(
    readings: Sequence[SpanReading],
    names: Sequence[str],
    calibrated: Callable[[np.ndarray], np.ndarray],
    threshold: float | None,
    known: np.ndarray,
    believed: np.ndarray,
) -> tuple[SpanResult, ...]:
    """What is written of the spans of a sentence.

    The runner-up is the most probable other reading of the words: another type, `O` for no span,
    or the same type of other words, as `PER:3-5`, counted from 1. It gets the part of what the
    span is not believed that it has of that in the chain.

    Args:
      readings: the spans.
      names: of the types.
      calibrated: makes probabilities [n] of spans what they should be.
      threshold: the least probability that is accepted; None accepts nothing.
      known: bool [T]; words whose tags are given. Where all words of a span are, nothing is said
        of whether it is safe.
      believed: bool [T]; words of which what is given is likely, or nothing is. A span with others
        is not safe.
    """
    if not readings:
        return ()
    raw = np.array([span.probability for span in readings])
    probability = calibrated(raw)
    rest = np.minimum(
        np.array([span.other_probability for span in readings]) / np.maximum(1 - raw, 1e-6), 1
    )
    found = []
    for span, own, share in zip(readings, probability, rest, strict=True):
        words = slice(span.first, span.last + 1)
        sure = threshold is not None and bool(own >= threshold and believed[words].all())
        found.append(
            SpanResult(
                first=span.first,
                last=span.last,
                name=names[span.type],
                probability=float(own),
                accept=None if known[words].all() else sure,
                runner_up=runner_up(
                    [*names, OUTSIDE][span.other],
                    span.other_first,
                    span.other_last,
                    moved=(span.other_first, span.other_last) != (span.first, span.last),
                ),
                runner_up_probability=float((1 - own) * share),
            )
        )
    return tuple(found)


def runner_up(name: str, first: int, last: int, *, moved: bool) -> str:
    """What is written of another reading.

    Args:
      name: of its type; "O" for no span.
      first, last: its words, from 0.
      moved: whether these are others than those of the span.
    """
    return f"{name}:{first + 1}-{last + 1}" if moved else name


def count_spans(spans: Sequence[Span], names: Sequence[str]) -> np.ndarray:
    """How many spans there are of each of C types, int [C]."""
    number = {name: place for place, name in enumerate(names)}
    return np.bincount([number[span.name] for span in spans], minlength=len(names))
