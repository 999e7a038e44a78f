"""Sentences and tags from Python: what is refused, and by what name."""

import re

import numpy as np
import pytest

from tfp_dgm.data import DataError, TagScheme
from tfp_dgm.tagging import tag_sentences
from tfp_dgm.tagging.judgement_warnings import few_sentences, too_few_tags
from tfp_dgm.tagging.tag_outcome import Acceptance

_PLAIN = TagScheme("none", ("NOUN", "VERB"))
_SPANS = TagScheme("BIO", ("PER",))
_TOKENS = [["a", "b"], ["c"]]
_GIVEN = [[("NOUN",), ("VERB",)], [()]]


@pytest.mark.parametrize(
    ("given", "scheme", "message"),
    [
        (_GIVEN[:1], _PLAIN, "given: expected 2 sentences, as in `tokens`; received 1"),
        ([_GIVEN[0], [(), ()]], _PLAIN, "given: expected 1 words, as in `tokens`, in sentence 1"),
        ([["NOUN", "VERB"], [()]], _PLAIN, "at word 0 of sentence 0; received 'NOUN'"),
        ([[("NOUN",), None], [()]], _PLAIN, "at word 1 of sentence 0; received None"),
        ([[("X",), ()], [()]], _PLAIN, "tags: expected tags NOUN, VERB; received 'X'"),
        ([[("B-LOC",), ()], [()]], _SPANS, "tags: expected tags in BIO of PER; received 'B-LOC'"),
        ([[("PER",), ()], [()]], _SPANS, "tags: expected tags in BIO of PER; received 'PER'"),
        ([[("S-PER",), ()], [()]], _SPANS, "tags: expected tags in BIO of PER; received 'S-PER'"),
    ],
)
def test_tags_that_do_not_stand_beside_words_are_refused(given, scheme, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        tag_sentences(_TOKENS, given, scheme)


@pytest.mark.parametrize("words", [["a", 1], ["a", None], ["a", ["b"]], ["a", ""], "ab", [], 5])
def test_what_is_no_sentence_of_words_is_refused(words):
    message = f"at least one; received {words!r} in sentence 1"
    with pytest.raises(ValueError, match=re.escape(message)):
        tag_sentences([["a", "b"], words], [_GIVEN[0], [()]], _PLAIN)


@pytest.mark.parametrize(
    ("tokens", "given", "message"),
    [
        (5, _GIVEN, "tokens: expected a list of sentences; received 5"),
        ("ab", _GIVEN, "tokens: expected a list of sentences; received 'ab'"),
        (_TOKENS, None, "given: expected a list of sentences; received None"),
        (_TOKENS, [None, [()]], "given: expected a list of tuples of tags in sentence 0"),
        (_TOKENS, [[("NOUN",), 5], [()]], "at word 1 of sentence 0; received 5"),
    ],
)
def test_what_is_no_list_of_sentences_is_refused(tokens, given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        tag_sentences(tokens, given, _PLAIN)


@pytest.mark.parametrize("share", [0, 1, 2, float("nan"), "0.9", None])
def test_what_is_no_precision_is_refused(share):
    with pytest.raises(
        DataError, match="min_precision: expected a share between 0 and 1; received"
    ):
        tag_sentences(_TOKENS, _GIVEN, _PLAIN, min_precision=share)


def test_warnings_name_the_precision_that_was_asked_for():
    nothing = np.zeros(0)
    none = Acceptance(None, 1.0, nothing, nothing, nothing, np.ones(20))
    (warning,) = too_few_tags(none, None, 0.999)
    assert "right 99.9% of the time" in warning


def test_warnings_count_copies_in_words():
    assert few_sentences(40, 40) == []
    (warning,) = few_sentences(40, 39)
    assert warning.startswith("1 of the 40 sentences with tags is a copy or near-copy of another")
    (warning,) = few_sentences(40, 37)
    assert warning.startswith("3 of the 40 sentences with tags are copies or near-copies")
