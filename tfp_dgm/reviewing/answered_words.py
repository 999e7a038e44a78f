"""Labels of a sentence's words: what was guessed, what was answered, and what a change makes of it.

Labels are those of the chain: tags, or O and the B, I, E and S of each type. What changes is always
whole spans, so that each sequence here is a legal one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tfp_dgm.data import Span, TagScheme
from tfp_dgm.data.tag_scheme import OUTSIDE, PLAIN


class Change(NamedTuple):
    """Neighbouring words and the labels that they get.

    Attributes:
      first: the first word, from 0.
      labels: of the words from there on; a legal sequence by itself.
    """

    first: int
    labels: list[str]

    @property
    def end(self) -> int:
        """One past the last word."""
        return self.first + len(self.labels)


def is_whole(scheme: TagScheme, labels: Sequence[str]) -> bool:
    """Whether labels are a legal sequence by themselves, so that no span is cut."""
    places = {label: place for place, label in enumerate(scheme.labels)}
    if not labels or any(label not in places for label in labels):
        return False
    path = [places[label] for label in labels]
    return bool(
        scheme.initial[path[0]]
        and scheme.final[path[-1]]
        and scheme.transitions[path[:-1], path[1:]].all()
    )


def cuts(scheme: TagScheme, answered: Mapping[int, str], change: Change) -> bool:
    """Whether a change takes words of a span that was answered, and leaves others of it."""
    if scheme.kind == PLAIN:
        return False
    before, behind = answered.get(change.first - 1, OUTSIDE), answered.get(change.end, OUTSIDE)
    return before[0] in "BI" or behind[0] in "IE"


def laid_over(scheme: TagScheme, changes: Iterable[Change]) -> dict[int, str]:
    """The labels of the words that were answered, the later change over the earlier.

    What is left of a span that a later one cuts, as another person may, is not answered.
    """
    found: dict[int, str] = {}
    for change in changes:
        if cuts(scheme, found, change):
            _drop(found, change.first - 1, -1, "BI")
            _drop(found, change.end, 1, "IE")
        found.update(enumerate(change.labels, start=change.first))
    return found


def _drop(answered: dict[int, str], place: int, step: int, letters: str) -> None:
    """Takes the words of a span away, from one of them on to the span's end."""
    while place in answered and answered[place][0] in letters:
        ends = answered.pop(place)[0] == ("B" if step < 0 else "E")
        if ends:
            return
        place += step


def shown_labels(
    scheme: TagScheme, guessed: Sequence[str], answered: Mapping[int, str]
) -> list[str]:
    """The labels of all T words: those answered, and of the others the guesses.

    A span that was guessed of words of which some were answered is none any more.
    """
    found = [answered.get(place, label) for place, label in enumerate(guessed)]
    for span in scheme.spans(guessed):
        places = range(span.first, span.last + 1)
        if any(place in answered for place in places):
            for place in places:
                found[place] = answered.get(place, OUTSIDE)
    return found


def span_at(scheme: TagScheme, labels: Sequence[str], word: int) -> Span | None:
    """The span that a word is in; None where it is in none."""
    return next((s for s in scheme.spans(labels) if s.first <= word <= s.last), None)


def named(
    scheme: TagScheme, labels: Sequence[str], first: int, last: int, name: str | None
) -> Change | None:
    """Words that get a tag, or become a span of a type, or words of no span.

    One word within a span stands for all of the span. Spans of which some words become a part of
    another one are no more.

    Args:
      scheme: of the tags.
      labels: of all T words, as they are.
      first, last: the words.
      name: a tag, or a type; None for no span.
    Returns:
      The words that change; None where there is no such tag, or there are no such words.
    """
    known = scheme.names if scheme.kind == PLAIN else (*scheme.names, None)
    if not 0 <= first <= last < len(labels) or name not in known:
        return None
    if scheme.kind == PLAIN:
        return Change(first, [str(name)] * (last - first + 1))
    touched = [s for s in scheme.spans(labels) if s.first <= last and s.last >= first]
    if first == last and touched:
        first, last = touched[0].first, touched[0].last
    begin = min([first, *(s.first for s in touched)])
    end = max([last, *(s.last for s in touched)]) + 1
    changed = [OUTSIDE] * (end - begin)
    if name is not None:
        changed[first - begin : last + 1 - begin] = span_labels(last - first + 1, name)
    return Change(begin, changed)


def with_border_moved(
    scheme: TagScheme, labels: Sequence[str], word: int, side: str, words: int
) -> Change | None:
    """A span with a border moved; the span that it takes a word from is shorter by it.

    Args:
      scheme: of the tags.
      labels: of all T words, as they are.
      word: one of the span.
      side: "first" or "last".
      words: 1 takes the next word outside in, -1 leaves the outermost out.
    Returns:
      The words that change; None where there is no span, no next word, or no other word is left.
    """
    span = span_at(scheme, labels, word)
    if span is None:
        return None
    first = span.first - words if side == "first" else span.first
    last = span.last + words if side == "last" else span.last
    if not 0 <= first <= last < len(labels):
        return None
    spans: dict[tuple[int, int], str | None] = {
        (span.first, span.last): None,
        (first, last): span.name,
    }
    taken = first if side == "first" else last
    other = span_at(scheme, labels, taken)
    if words > 0 and other is not None:
        spans[other.first, other.last] = None
        left = (other.first, other.last - 1) if side == "first" else (other.first + 1, other.last)
        if left[0] <= left[1]:
            spans[left] = other.name
    begin = min(extent[0] for extent in spans)
    end = max(extent[1] for extent in spans) + 1
    changed = [OUTSIDE] * (end - begin)
    for (one, two), name in spans.items():
        if name is not None:
            changed[one - begin : two + 1 - begin] = span_labels(two - one + 1, name)
    return Change(begin, changed)


def widened(scheme: TagScheme, labels: Sequence[str], first: int, last: int) -> Change:
    """Words as they are, and those of the spans that they are in."""
    for word in (first, last):
        span = span_at(scheme, labels, word)
        if span is not None:
            first, last = min(first, span.first), max(last, span.last)
    return Change(first, list(labels[first : last + 1]))


def span_labels(words: int, name: str) -> list[str]:
    """The labels of the words of a span; a type may have no name."""
    letters = "S" if words == 1 else f"B{'I' * (words - 2)}E"
    return [f"{letter}-{name}" if name else letter for letter in letters]
