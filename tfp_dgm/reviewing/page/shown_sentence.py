"""What the page shows of a sentence: its words, marked where they are in doubt, and the keys."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfp_dgm.data import SpanResult, digest
from tfp_dgm.data.tag_scheme import PLAIN
from tfp_dgm.reviewing.page.shown_row import Place, keyed_classes, orders_shown, shown_place
from tfp_dgm.reviewing.row_queue import DISPUTED
from tfp_dgm.reviewing.sentence_queue import SENTENCE_ORDERS
from tfp_dgm.reviewing.tag_review import TagReview

# Words of a sentence -> of each the two most probable tags, and their probabilities.
RunnersUp = Callable[[Sequence[str]], list[tuple[str, float, str, float]]]

MOST_WORDS = 300  # Of a sentence at a time.
_COLOURS = 6


@dataclass(frozen=True)
class Selection:
    """The words of a sentence that a person is at.

    Attributes:
      first, last: the words; None where none is asked for.
      part: the first word of the part that is shown; None for the part with these words.
      kept: whether something was just done to them, so that the page stays where it is.
    """

    first: int | None = None
    last: int | None = None
    part: int | None = None
    kept: bool = False


def shown_sentences(
    review: TagReview,
    place: Place,
    row: int | None,
    at: Selection,
    *,
    ask: RunnersUp | None = None,
    message: str = "",
) -> dict[str, Any]:
    """What the template of the page takes.

    Args:
      review: the review.
      place: where the person is.
      row: which sentence is shown; None where none is left.
      at: where in the sentence.
      ask: for runners-up of words; None where the model is not loaded.
      message: what was done, or why not.
    """
    common = shown_place(review, place, message=message)
    with review.turn:
        return {
            **common,
            "before": None,
            "orders": orders_shown(SENTENCE_ORDERS, place, "sentence"),
            "classes": keyed_classes(list(review.rows.scheme.names)),
            "plain": review.rows.scheme.kind == PLAIN,
            "row": None,
            "sentence": None if row is None else _shown(review, place, row, at, ask),
        }


def seen(labels: Sequence[str]) -> str:
    """What differs where other labels were shown."""
    return digest(list(labels))


def _shown(
    review: TagReview, place: Place, row: int, at: Selection, ask: RunnersUp | None
) -> dict[str, Any]:
    rows, who = review.rows, place.annotator
    tokens = rows.tokens[row]
    labels = review.labels(who, row)
    answered = review.state.words_of(who, row)
    first, last = at.first, at.last
    doubtful = rows.guesses.doubtful(row) - set(answered)
    if first is None or not 0 <= first < len(tokens):
        first = last = None
    begin, end = _part(review, labels, answered, first if at.part is None else at.part)
    if first is None:
        first = min((word for word in doubtful if begin <= word < end), default=begin)
    last = first if last is None or not first <= last < len(tokens) else last
    words = _Words(review, row, labels, answered, doubtful, ask)
    return {
        "place": row,
        "number": row + 1,
        "of": len(rows),
        "where": rows.sentences.place(row),
        "direction": _direction(tokens),
        "stretches": words.stretches(begin, end),
        "begin": begin,
        "end": end,
        "before": None if begin == 0 else max(0, begin - MOST_WORDS),
        "after": None if end == len(tokens) else end,
        "words": len(tokens),
        "left": len(tokens) - len(answered),
        "first": first,
        "last": last,
        "kept": at.kept,
        "seen": seen(labels),
        "skipped": bool(review.state.skipped(who)[row]),
        "notes": review.state.notes(row),
        "others": words.others() if place.order == DISPUTED else [],
    }


def _part(
    review: TagReview, labels: Sequence[str], answered: Mapping[int, str], word: int | None
) -> tuple[int, int]:
    """The words that are shown: all, or so many from one on, no span being cut."""
    size = len(labels)
    if size <= MOST_WORDS:
        return 0, size
    if word is None:
        begin = next((place for place in range(size) if place not in answered), 0)
    else:
        begin = max(0, min(word, size - 1)) // MOST_WORDS * MOST_WORDS
    end = min(size, begin + MOST_WORDS)
    for span in review.rows.scheme.spans(labels):
        if span.first < begin <= span.last:
            begin = span.first
        if span.first < end <= span.last:
            end = span.last + 1
    return begin, end


@dataclass(frozen=True)
class _Words:
    """The words of a sentence with what is known of each."""

    review: TagReview
    row: int
    labels: Sequence[str]
    answered: Mapping[int, str]
    doubtful: set[int]
    ask: RunnersUp | None

    def stretches(self, begin: int, end: int) -> list[dict[str, Any]]:
        """The words from `begin` to `end`, those of a span together."""
        scheme = self.review.rows.scheme
        result = self.review.rows.guesses.results[self.row]
        guessed = {(span.first, span.last, span.name): span for span in result.spans}
        spans = {span.first: span for span in scheme.spans(self.labels)}
        second = self._second() if self.doubtful else {}
        found = []
        word = begin
        while word < end:
            span = spans.get(word)
            last = word if span is None else span.last
            own = None if span is None else guessed.get((span.first, span.last, span.name))
            found.append(
                {
                    "type": None if span is None else span.name,
                    "colour": 0 if span is None else scheme.names.index(span.name) % _COLOURS,
                    "guess": self._of_span(own, word, last),
                    "words": [
                        self._word(place, place - word + 1, last - word + 1, second)
                        for place in range(word, last + 1)
                    ],
                }
            )
            word = last + 1
        return found

    def _of_span(self, own: SpanResult | None, first: int, last: int) -> dict[str, Any] | None:
        """What the model says of a span that nobody has answered, and that is in doubt."""
        if own is None or own.accept is None or not self.doubtful & {*range(first, last + 1)}:
            return None
        return {
            "probability": own.probability,
            "second": own.runner_up,
            "second_probability": own.runner_up_probability,
        }

    def _word(self, place: int, number: int, of: int, second: Mapping[int, Any]) -> dict[str, Any]:
        scheme = self.review.rows.scheme
        result = self.review.rows.guesses.results[self.row]
        label = self.labels[place]
        known = place in self.answered
        doubt: dict[str, Any] | None = None
        if place in self.doubtful:
            doubt = {
                "probability": result.probabilities[place],
                "given": result.accept[place] is None,
                **second.get(place, {}),
            }
        return {
            "place": place,
            "token": self.review.rows.tokens[self.row][place],
            "tag": label if scheme.kind == PLAIN else scheme.type_of(label),
            "number": number,
            "of": of,
            "known": known,
            "doubt": doubt,
        }

    def _second(self) -> dict[int, dict[str, Any]]:
        """Of words in doubt the most probable other tag, in a reading of the words alone."""
        if self.ask is None:
            return {}
        rows = self.review.rows
        shown = rows.scheme.written(self.labels)
        found = {}
        for place, said in enumerate(self.ask(rows.tokens[self.row])):
            if place in self.doubtful:
                best, probability, second, second_probability = said
                other = (
                    (best, probability) if best != shown[place] else (second, second_probability)
                )
                found[place] = {"second": other[0], "second_probability": other[1]}
        return found

    def others(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """What each person said: the words, and their tag or type."""
        state, scheme = self.review.state, self.review.rows.scheme
        tokens = self.review.rows.tokens[self.row]
        found = []
        for who in sorted(state.said_of(self.row)):
            words = state.words_of(who, self.row)
            if scheme.kind == PLAIN:
                found.append((who, [(tokens[n], words[n]) for n in sorted(words)]))
                continue
            whole = [words.get(n, "O") for n in range(len(tokens))]
            spans = scheme.spans(whole)
            found.append((who, [(" ".join(tokens[s.first : s.last + 1]), s.name) for s in spans]))
        return found


def _direction(tokens: Sequence[str]) -> str:
    """The direction of the first character that has one."""
    for token in tokens:
        for character in token:
            kind = unicodedata.bidirectional(character)
            if kind in ("L", "R", "AL"):
                return "ltr" if kind == "L" else "rtl"
    return "ltr"
