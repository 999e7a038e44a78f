"""Words of plain text: against a loop over characters, and as a graph of TensorFlow finds them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.references.words import words
from tfp_dgm.data import word_patterns, words_of

ALPHABET = "aNnTtsSdré1٣.,:'\u2019- \t\n@#_\u200c\u200d\u00ad\u200b\u00a0\u0301東ひー🙂\ufe0f"
TEXTS = st.one_of(
    st.text(ALPHABET, max_size=12),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.lists(st.sampled_from(["don't", "it's", "U.S.", "1,000.5", "we\u2019ll", "x-y", " "])).map(
        "".join
    ),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know Anna's U.S. dog.", "I do n't know Anna 's U.S . dog ."),
        ("O'Brien's 1,000km at 10:30, 3.14", "O'Brien 's 1,000km at 10:30 , 3.14"),
        ("@user #tag well-known wait...", "@ user # tag well - known wait . . ."),
        ("We\u2019ll 'quote' N'T n't", "We \u2019ll ' quote ' N'T n't"),
        ("\u6771\u4eac\u3078 A", "\u6771 \u4eac \u3078 A"),
        ("x\u200b\u00a0y z\u0301\u2764\ufe0f", "x y z\u0301 \u2764\ufe0f"),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        (" \t\u200b\n", ""),
    ],
)
def test_the_rule_by_examples(text, expected):
    assert " ".join(text[begin:end] for begin, end in words_of(text)) == expected


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_words_are_those_of_a_loop_over_characters(text):
    assert words_of(text) == words(text)


def test_every_character_alone_is_a_word_or_blank():
    characters = [chr(code) for code in range(0x20000) if not 0xD800 <= code <= 0xDFFF]
    assert [c for c in characters if words_of(c) != words(c)] == []


def test_a_graph_finds_the_same_words():
    """Two splits in a graph of strings, with RE2, whose tables of Unicode are its own."""
    tf_text = pytest.importorskip("tensorflow_text")
    patterns = word_patterns()
    texts = ["", "I don't, it's 1,000.5 of x.y's", *_drawn(300)]
    found = tf_text.regex_split_with_offsets(
        texts, f"{patterns.word}|{patterns.blank}", patterns.word
    )
    again = tf_text.regex_split_with_offsets(found[0], patterns.ending, patterns.ending)
    pieces = again[0].merge_dims(1, 2).to_list()
    begins = (found[1][..., None] + again[1]).merge_dims(1, 2).to_list()
    for text, these, starts in zip(texts, pieces, begins, strict=True):
        expected = [
            (len(text[:begin].encode()), text[begin:end].encode()) for begin, end in words_of(text)
        ]
        assert list(zip(starts, these, strict=True)) == expected


def _drawn(count):
    """Texts of the characters above and of all scripts, the same in every run."""
    import random

    draw = random.Random(0)
    letters = ALPHABET + "".join(chr(draw.randrange(0x20, 0x1FFFF)) for _ in range(400))
    letters = "".join(c for c in letters if not 0xD800 <= ord(c) <= 0xDFFF)
    return ["".join(draw.choices(ALPHABET, k=8) + draw.choices(letters, k=8)) for _ in range(count)]
