"""What a model says of the words of all sentences, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data import SentenceResult, SpanResult, TagScheme
from tfp_dgm.reviewing.answered_words import shown_labels
from tfp_dgm.reviewing.review_sentences import TagGuesses


@dataclass(frozen=True)
class WordGuesses:
    """What a model says of the W words of all sentences.

    Attributes:
      label: [W]; their tags, in the scheme of the file.
      probability: float64 [W]; theirs.
      accepted: bool [W]; whether they are safe to accept.
      open: bool [W]; words without one given tag.
    """

    label: list[str]
    probability: NDArray[np.float64]
    accepted: NDArray[np.bool_]
    open: NDArray[np.bool_]


def word_guesses(guesses: TagGuesses) -> WordGuesses:
    """The words of all sentences."""
    results = guesses.results
    accept = list(chain.from_iterable(result.accept for result in results))
    return WordGuesses(
        list(chain.from_iterable(result.tags for result in results)),
        np.array(list(chain.from_iterable(result.probabilities for result in results)), np.float64),
        np.array([said is True for said in accept], bool),
        np.array([said is not None for said in accept], bool),
    )


def with_former_guesses(
    scheme: TagScheme, guesses: TagGuesses, former: TagGuesses, learnt: Sequence[set[int]]
) -> TagGuesses:
    """Guesses in which words that a model learnt from answers are as they were guessed before.

    Else one person's answers would be shown to the next one as guesses, and an answer that is taken
    back would stay as one.

    Args:
      scheme: of the tags.
      guesses: of N sentences.
      former: of the same.
      learnt: N sets of words.
    Returns:
      The guesses; where a span of one is in the way of a span of the other, the former one stays,
      and words beside it are in no span.
    """
    labels, results = [], []
    for new, old, said, before, words in zip(
        guesses.labels, former.labels, guesses.results, former.results, learnt, strict=True
    ):
        if not words:
            labels.append(new)
            results.append(said)
            continue
        kept = set(words)
        for span in scheme.spans(old):
            places = range(span.first, span.last + 1)
            if any(place in words for place in places):
                kept.update(places)
        labels.append(shown_labels(scheme, new, {word: old[word] for word in kept}))
        results.append(_joined(scheme, new, labels[-1], said, before, kept))
    return TagGuesses(labels, results)


def _joined(
    scheme: TagScheme,
    new: Sequence[str],
    labels: Sequence[str],
    said: SentenceResult,
    before: SentenceResult,
    kept: set[int],
) -> SentenceResult:
    """A result of which some words are those of the one before."""
    probabilities, accept = list(said.probabilities), list(said.accept)
    for word, label in enumerate(labels):
        if word in kept:
            probabilities[word], accept[word] = before.probabilities[word], before.accept[word]
        elif label != new[word]:  # Of a span that is none any more.
            probabilities[word] = 1 - probabilities[word]  # At most.
            accept[word] = None if accept[word] is None else False
    spans = [span for span in before.spans if span.first in kept]
    spans += [span for span in said.spans if not kept & _places(span)]
    spans.sort(key=lambda span: span.first)
    return SentenceResult(scheme.written(labels), probabilities, accept, spans)


def _places(span: SpanResult) -> set[int]:
    return set(range(span.first, span.last + 1))
