"""Changes of a sentence's labels against spans as sets, for all sentences of few words."""

import itertools

import pytest

from tests.references.tagged_spans import all_spans, tags_of
from tfp_dgm.data import TagScheme
from tfp_dgm.reviewing.answered_words import (
    Change,
    cuts,
    is_whole,
    laid_over,
    named,
    shown_labels,
    widened,
    with_border_moved,
)

TYPES = ("PER", "a-b")
SCHEME = TagScheme("BIO", TYPES)
PLAIN = TagScheme("none", ("A", "B", "O"))
WORDS = 4
EVERY = [frozenset(spans) for spans in all_spans(WORDS, TYPES)]


def _labels(spans):
    return tags_of(WORDS, sorted(spans), "BIOES")


def _after(labels, change):
    return [*labels[: change.first], *change.labels, *labels[change.end :]]


def _touches(span, first, last):
    return span[0] <= last and span[1] >= first


@pytest.mark.parametrize("name", [*TYPES, None])
def test_a_named_span_takes_the_place_of_those_that_it_touches(name):
    for spans, first in itertools.product(EVERY, range(WORDS)):
        for last in range(first, WORDS):
            change = named(SCHEME, _labels(spans), first, last, name)
            touched = {span for span in spans if _touches(span, first, last)}
            extent = (first, last)
            if first == last and touched:
                ((one, two, _),) = touched
                extent = (one, two)
            wanted = (spans - touched) | ({(*extent, name)} if name else set())
            assert _after(_labels(spans), change) == _labels(wanted)
            assert is_whole(SCHEME, change.labels)
            places = set(range(change.first, change.end))
            assert places >= set(range(first, last + 1))
            assert all(places >= set(range(one, two + 1)) for one, two, _ in touched)


@pytest.mark.parametrize(("side", "by"), list(itertools.product(("first", "last"), (1, -1))))
def test_a_moved_border_takes_a_word_from_the_neighbour(side, by):
    moved = 0
    for spans, word in itertools.product(EVERY, range(WORDS)):
        change = with_border_moved(SCHEME, _labels(spans), word, side, by)
        own = next((span for span in spans if _touches(span, word, word)), None)
        if own is None:
            assert change is None
            continue
        first = own[0] - by if side == "first" else own[0]
        last = own[1] + by if side == "last" else own[1]
        if not 0 <= first <= last < WORDS:
            assert change is None
            continue
        wanted = {(first, last, own[2])}
        for one, two, name in spans - {own}:
            kept = [place for place in range(one, two + 1) if not first <= place <= last]
            if kept:
                wanted.add((kept[0], kept[-1], name))
        assert _after(_labels(spans), change) == _labels(wanted)
        assert is_whole(SCHEME, change.labels)
        moved += 1
    assert moved > 100


def test_what_is_no_change_is_none():
    labels = ["O", "S-PER"]
    assert named(SCHEME, labels, 0, 2, "PER") is None
    assert named(SCHEME, labels, 1, 0, "PER") is None
    assert named(SCHEME, labels, -1, 0, "PER") is None
    assert named(SCHEME, labels, 0, 0, "LOC") is None
    assert named(PLAIN, ["A", "B"], 0, 0, None) is None
    assert named(PLAIN, ["A", "B", "O"], 1, 2, "A") == Change(1, ["A", "A"])
    assert with_border_moved(PLAIN, ["A"], 0, "first", 1) is None


@pytest.mark.parametrize(
    ("labels", "whole"),
    [
        (["O"], True),
        (["B-PER", "E-PER", "O"], True),
        (["B-PER"], False),
        (["E-PER"], False),
        (["B-PER", "E-a-b"], False),
        (["S-LOC"], False),
        ([3], False),
        ([], False),
    ],
)
def test_labels_are_whole_spans_or_are_not(labels, whole):
    assert is_whole(SCHEME, labels) == whole


def test_a_later_answer_undoes_a_span_that_it_cuts():
    span = Change(1, ["B-PER", "I-PER", "I-PER", "E-PER"])
    assert laid_over(SCHEME, [span, Change(2, ["O"])]) == {2: "O"}
    assert laid_over(SCHEME, [span, Change(4, ["S-a-b"])]) == {4: "S-a-b"}
    assert laid_over(SCHEME, [Change(0, ["O"]), span, Change(0, ["B-PER", "E-PER"])]) == {
        0: "B-PER",
        1: "E-PER",
    }
    one = Change(0, ["S-PER"])
    beside = laid_over(SCHEME, [one, span, Change(5, ["S-PER"])])
    assert beside == dict(enumerate(["S-PER", *span.labels, "S-PER"]))
    assert not cuts(SCHEME, laid_over(SCHEME, [one, span]), Change(5, ["O"]))
    assert cuts(SCHEME, laid_over(SCHEME, [span]), Change(2, ["O"]))
    assert not cuts(PLAIN, {0: "B"}, Change(1, ["A"]))


def test_whatever_is_answered_what_is_shown_is_legal():
    for spans, others in itertools.product(EVERY[::3], EVERY[::4]):
        for first, last in ((0, 1), (1, 2), (2, 3), (0, 3)):
            change = widened(SCHEME, _labels(others), first, last)
            answered = laid_over(SCHEME, [change])
            shown = shown_labels(SCHEME, _labels(spans), answered)
            assert is_whole(SCHEME, shown)
            assert [shown[place] for place in answered] == change.labels
            left = {s for s in spans if not any(s[0] <= place <= s[1] for place in answered)}
            own = {s for s in others if _touches(s, change.first, change.end - 1)}
            assert shown == _labels(left | own)
