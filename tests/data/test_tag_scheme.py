"""What tags mean: against enumeration, and against the rules of the CoNLL evaluation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.references.tagged_spans import (
    SCHEMES,
    all_spans,
    evaluated_spans,
    labels_allowed,
    tags_of,
)
from tfp_dgm.data import Span, TagScheme

TYPES = ("ORG", "creative-work")
WORDS = 4
SPANS = list(all_spans(WORDS, TYPES))
EXAMPLES = settings(max_examples=80, deadline=None)


def labels_of(scheme, allowed):
    return [{scheme.labels[k] for k in np.flatnonzero(row)} for row in allowed]


def test_labels_and_what_may_follow_what():
    scheme = TagScheme("BIO", ("PER",))
    assert scheme.labels == ("O", "B-PER", "I-PER", "E-PER", "S-PER")
    assert scheme.initial.tolist() == [True, True, False, False, True]
    assert scheme.final.tolist() == [True, False, False, True, True]
    follows = {(a, b) for a, b in itertools.product(range(5), repeat=2) if scheme.transitions[a, b]}
    outside = {(a, b) for a in (0, 3, 4) for b in (0, 1, 4)}
    assert follows == outside | {(1, 2), (1, 3), (2, 2), (2, 3)}
    plain = TagScheme("none", ("A", "B"))
    assert plain.labels == ("A", "B")
    assert plain.initial.all()
    assert plain.final.all()
    assert plain.transitions.all()
    assert plain.spans(["A", "B"]) == []
    assert plain.type_of("B") is None
    assert plain.written(["B", "A"]) == ["B", "A"]
    assert [scheme.type_of(label) for label in scheme.labels] == [None, *["PER"] * 4]


def test_legal_sequences_are_those_of_spans():
    """The chain's initial, transitions and final hold each set of spans and nothing else."""
    scheme = TagScheme("BIOES", TYPES)
    legal = {
        sequence
        for sequence in itertools.product(range(len(scheme.labels)), repeat=3)
        if scheme.initial[sequence[0]]
        and scheme.final[sequence[-1]]
        and all(scheme.transitions[a, b] for a, b in itertools.pairwise(sequence))
    }
    expected = {tuple(tags_of(3, spans, "BIOES")) for spans in all_spans(3, TYPES)}
    assert {tuple(scheme.labels[k] for k in sequence) for sequence in legal} == expected


@pytest.mark.parametrize("kind", SCHEMES)
def test_every_set_of_spans_is_read_and_written(kind):
    scheme = TagScheme(kind, TYPES)
    for spans in SPANS:
        tags = tags_of(WORDS, spans, kind)
        allowed = scheme.allowed([(tag,) for tag in tags])
        assert (allowed.sum(axis=1) == 1).all()
        labels = [scheme.labels[k] for k in allowed.argmax(axis=1)]
        assert scheme.spans(labels) == [Span(*span) for span in spans]
        assert scheme.written(labels) == tags
        assert scheme.illegal([(tag,) for tag in tags]) == []


@pytest.mark.parametrize("kind", SCHEMES)
@EXAMPLES
@given(data=st.data())
def test_what_tags_leave_open_is_what_enumeration_finds(kind, data):
    truth = tags_of(WORDS, data.draw(st.sampled_from(SPANS)), kind)
    others = [tags_of(WORDS, spans, kind) for spans in data.draw(st.lists(st.sampled_from(SPANS)))]
    sets = [
        data.draw(st.sampled_from([(), (tag,), tuple({tag, *(tags[i] for tags in others)})]))
        for i, tag in enumerate(truth)
    ]
    scheme = TagScheme(kind, TYPES)
    found = labels_of(scheme, scheme.allowed(sets))
    expected = labels_allowed(sets, TYPES, kind)
    if kind == "IOB1":  # Whether I begins a span is for the word before to say, if it is known.
        assert all(a >= b for a, b in zip(found, expected, strict=True))
    else:
        assert found == expected
    assert scheme.illegal(sets) == []


@pytest.mark.parametrize("kind", SCHEMES)
@EXAMPLES
@given(data=st.data())
def test_illegal_sequences_are_read_as_the_evaluation_reads_them(kind, data):
    letters = {tag[0] for spans in SPANS for tag in tags_of(WORDS, spans, kind)} - {"O"}
    tags = ["O", *(f"{letter}-{name}" for letter in sorted(letters) for name in TYPES)]
    sequence = data.draw(st.lists(st.sampled_from(tags), min_size=1, max_size=7))
    scheme = TagScheme(kind, TYPES)
    allowed = scheme.allowed([(tag,) for tag in sequence])
    assert (allowed.sum(axis=1) == 1).all()
    labels = [scheme.labels[k] for k in allowed.argmax(axis=1)]
    spans = evaluated_spans(sequence)
    assert scheme.spans(labels) == [Span(*span) for span in spans]
    if kind != "IOB1":  # There a B that need not be one is harmless.
        legal = tags_of(len(sequence), spans, kind) == sequence
        assert legal == (scheme.illegal([(tag,) for tag in sequence]) == [])


def test_illegal_places_and_sets():
    scheme = TagScheme("BIO", ("LOC", "PER"))
    tags = [("I-PER",), (), ("B-PER",), ("I-LOC",), ("O",), ("I-LOC", "I-PER"), ("O", "I-PER")]
    assert scheme.illegal(tags) == [0, 3, 5]
    found = labels_of(scheme, scheme.allowed(tags))
    assert found[0] == {"B-PER", "S-PER"}
    assert found[2:5] == [{"S-PER"}, {"S-LOC"}, {"O"}]
    assert found[5] == {"S-LOC", "S-PER", "B-PER"}
    assert found[6] == {"O", "E-PER"}
    strict = TagScheme("BIOES", ("PER",))
    assert strict.illegal([("B-PER",)]) == [1]
    assert labels_of(strict, strict.allowed([("B-PER",)])) == [{"S-PER"}]
    assert labels_of(strict, strict.allowed([(), ("I-PER",), ()]))[0] == {"B-PER", "I-PER"} - {
        "I-PER"
    }


def test_neighbours_narrow_what_is_unknown():
    scheme = TagScheme("BIO", ("LOC", "PER"))
    found = labels_of(scheme, scheme.allowed([("B-PER",), (), ("I-PER",), ("O",)]))
    assert found == [{"B-PER", "S-PER"}, {"I-PER", "B-PER"}, {"E-PER"}, {"O"}]


def test_spans_without_types_and_small_letters():
    bare = TagScheme("BIO", ("",))
    assert bare.labels == ("O", "B", "I", "E", "S")
    labels = [bare.labels[k] for k in bare.allowed([("B",), ("I",), ("O",)]).argmax(axis=1)]
    assert labels == ["B", "E", "O"]
    assert bare.spans(labels) == [Span(0, 1, "")]
    assert bare.written(labels) == ["B", "I", "O"]
    small = TagScheme("BIO", ("per",), lower=True)
    labels = [small.labels[k] for k in small.allowed([("b-per",), ("o",)]).argmax(axis=1)]
    assert labels == ["S-per", "O"]
    assert small.written(labels) == ["b-per", "o"]


def test_a_long_sentence_and_none():
    scheme = TagScheme("BIO", ("PER",))
    tags = [("B-PER",), *[("I-PER",)] * 2999]
    allowed = scheme.allowed(tags)
    assert labels_of(scheme, allowed)[::2999] == [{"B-PER"}, {"E-PER"}]
    assert scheme.allowed([]).shape == (0, 5)


def test_other_kinds_are_refused():
    with pytest.raises(ValueError, match=r"kind: expected one of none, BIO.*received 'IOB3'"):
        TagScheme("IOB3", ("PER",))
